/*
 * mem - memcpy, memmove, memset, memcmp: freestanding only.
 *
 * Compilers call these for plain struct assignments, so they must exist and must not be
 * compiled into calls of themselves: the loops hide their pointers from the optimiser
 * behind an empty asm (KEEP_LOOP). The archives of the host are of no use here, they use
 * SSE and the red zone.
 *
 * Cost is counted in guest instructions. Under QEMU's icount a `rep` counts each of its
 * steps, so `rep movsb` is one instruction per byte and `rep movsq` one per eight, which
 * no loop reaches. Lengths of 8 and more therefore go by quadwords, and what is left
 * over is covered by one last quadword that overlaps its predecessor: loads and stores
 * need no alignment on x86. Short lengths are done with two overlapping moves.
 * The names stand in parentheses because <theseus/string.h> also has them as macros.
 *
 * Invariants
 *   M1  No byte outside [into, into + len) is written, none outside [from, from + len)
 *       read.
 *   M2  memmove is right for any overlap; the direction flag is clear before and after.
 */
#include <theseus/string.h>

#if !__STDC_HOSTED__ || defined(THS_MEM_TEST)

#define KEEP_LOOP(pointer) __asm__("" : "+r"(pointer))

/* Memory as the compiler sees it under any type and at any alignment. */
typedef uint64_t THS_MAY_ALIAS THS_ALIGNED(1) word64;
typedef uint32_t THS_MAY_ALIAS THS_ALIGNED(1) word32;
typedef uint16_t THS_MAY_ALIAS THS_ALIGNED(1) word16;

/* Up to 16 bytes, all loaded before any is stored: right for any overlap. */
static inline void copy_short(unsigned char *into, const unsigned char *from, size_t len)
{
	if (len >= 8) {
		uint64_t head = *(const word64 *)from;
		uint64_t tail = *(const word64 *)(from + len - 8);

		*(word64 *)into = head;
		*(word64 *)(into + len - 8) = tail;
	} else if (len >= 4) {
		uint32_t head = *(const word32 *)from;
		uint32_t tail = *(const word32 *)(from + len - 4);

		*(word32 *)into = head;
		*(word32 *)(into + len - 4) = tail;
	} else if (len >= 2) {
		uint16_t head = *(const word16 *)from;
		uint16_t tail = *(const word16 *)(from + len - 2);

		*(word16 *)into = head;
		*(word16 *)(into + len - 2) = tail;
	} else if (len) {
		*into = *from;
	}
}

/* More than 16 bytes, upwards: for disjoint memory, or @into below @from. The last
 * quadword is loaded first, since an overlapping copy may overwrite it. */
static inline void copy_up(unsigned char *into, const unsigned char *from, size_t len)
{
	word64 *last = (word64 *)(into + len - 8);
	uint64_t tail = *(const word64 *)(from + len - 8);
	size_t words = (len - 1) / 8;

#if defined(__x86_64__)
	__asm__ volatile("rep movsq" : "+D"(into), "+S"(from), "+c"(words) : : "memory");
#else
	for (; words; words--, into += 8, from += 8) {
		*(word64 *)into = *(const word64 *)from;
		KEEP_LOOP(into);
	}
#endif
	*last = tail;
}

/* More than 16 bytes, downwards: @into above @from. */
static inline void copy_down(unsigned char *into, const unsigned char *from, size_t len)
{
	uint64_t head = *(const word64 *)from;
	size_t at = len;

	for (; at > 8; at -= 8) {
		*(word64 *)(into + at - 8) = *(const word64 *)(from + at - 8);
		KEEP_LOOP(from);
	}
	*(word64 *)into = head;
}

void *(memcpy)(void *restrict into, const void *restrict from, size_t len)
{
	if (len <= 16)
		copy_short(into, from, len);
	else
		copy_up(into, from, len);
	return into;
}

void *(memmove)(void *into, const void *from, size_t len)
{
	if (len <= 16)
		copy_short(into, from, len);
	else if ((uintptr_t)into - (uintptr_t)from >= len)
		copy_up(into, from, len);
	else
		copy_down(into, from, len);
	return into;
}

void *(memset)(void *into, int byte, size_t len)
{
	uint64_t word = (unsigned char)byte * 0x0101010101010101u;
	unsigned char *at = into;

	if (len < 8) {
		for (; len; len--) {
			*at++ = (unsigned char)byte;
			KEEP_LOOP(at);
		}
		return into;
	}
	*(word64 *)(at + len - 8) = word;

	size_t words = (len - 1) / 8;

#if defined(__x86_64__)
	__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(word) : "memory");
#else
	for (; words; words--, at += 8) {
		*(word64 *)at = word;
		KEEP_LOOP(at);
	}
#endif
	return into;
}

int(memcmp)(const void *a, const void *b, size_t len)
{
	const unsigned char *left = a;
	const unsigned char *right = b;

	for (; len >= 8; len -= 8, left += 8, right += 8) {
		KEEP_LOOP(left);
		if (*(const word64 *)left != *(const word64 *)right)
			break;
	}
	for (; len; len--, left++, right++) {
		KEEP_LOOP(left);
		if (*left != *right)
			return (int)*left - (int)*right;
	}
	return 0;
}

#endif
