/*
 * testsrv_fault - every way an operation can go wrong by itself.
 *
 * The compiler must not see what is coming, or it would warn, or leave it out, or put a
 * ud2 in its place: addresses and divisors pass through opaque().
 */
#pragma once

#include <theseus/iface/testsrv.h>

#define UNMAPPED_ADDRESS     0xffffff7fdead0000u /* canonical; nobody maps there */
#define NONCANONICAL_ADDRESS 0x00dead0000000000u

static const uint64_t testsrv_rodata[2] = {0xc3c3c3c3c3c3c3c3u, 0xc3c3c3c3c3c3c3c3u};

static inline uint64_t opaque(uint64_t value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

THS_NO_SANITIZE THS_NOINLINE static uint64_t read_at(uint64_t address)
{
	return *(volatile uint64_t *)(uintptr_t)opaque(address);
}

THS_NO_SANITIZE THS_NOINLINE static void write_at(uint64_t address)
{
	*(volatile uint64_t *)(uintptr_t)opaque(address) = 0;
}

THS_NO_SANITIZE THS_NOINLINE static void jump_to(uint64_t address)
{
	((void (*)(void))(uintptr_t)opaque(address))();
}

/* Each level touches its whole frame, so that the guard page cannot be stepped over. */
THS_NO_SANITIZE THS_NOINLINE static uint64_t recurse(uint64_t level)
{
	volatile uint64_t frame[64];

	for (unsigned i = 0; i < THS_ARRAY_SIZE(frame); i++)
		frame[i] = level;
	if (opaque(level) == UINT64_MAX)
		return frame[0];
	return recurse(level + 1) + frame[level % THS_ARRAY_SIZE(frame)];
}

THS_NO_SANITIZE THS_NOINLINE static enum ths_err
testsrv_break(enum testsrv_fault_kind kind)
{
	uint64_t sink = 0;

	switch (kind) {
	case TESTSRV_NULL:
		sink = read_at(0);
		break;
	case TESTSRV_UNMAPPED:
		write_at(UNMAPPED_ADDRESS);
		break;
	case TESTSRV_NONCANONICAL:
		sink = read_at(NONCANONICAL_ADDRESS);
		break;
	case TESTSRV_WRITE_TEXT:
		write_at((uintptr_t)&read_at);
		break;
	case TESTSRV_WRITE_RODATA:
		write_at((uintptr_t)testsrv_rodata);
		break;
	case TESTSRV_EXEC_DATA:
		jump_to((uintptr_t)testsrv_rodata);
		break;
	case TESTSRV_DIVIDE:
		sink = opaque(1) / opaque(0);
		break;
	case TESTSRV_UD2:
		__asm__ volatile("ud2");
		break;
	case TESTSRV_OVERRUN:
		sink = recurse(0);
		break;
	case TESTSRV_LOOP:
		while (opaque(1))
			;
		break;
	case TESTSRV_BAD_VALUE:
		return (enum ths_err)opaque(1); /* the gate's own word for: run again */
	case TESTSRV_MIDWAY:
	case TESTSRV_NESTED:
	case TESTSRV_ERROR:
	case TESTSRV_KINDS:
		return THS_E_IO;
	}
	/* None of the above comes to this, and a test that sees THS_OK fails. */
	(void)opaque(sink);
	return THS_OK;
}
