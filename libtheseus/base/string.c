/*
 * string - the plain functions of <theseus/string.h>; the four that compilers call are
 * in mem.c, because a hosted build must not have them.
 */
#include <theseus/string.h>

size_t ths_strlen(const char *s)
{
	size_t len = 0;

	while (s[len])
		len++;
	return len;
}

size_t ths_strnlen(const char *s, size_t max)
{
	size_t len = 0;

	while (len < max && s[len])
		len++;
	return len;
}

int ths_strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

bool ths_streq(const char *a, const char *b)
{
	return ths_strcmp(a, b) == 0;
}

bool ths_str_starts(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

enum ths_err ths_str_copy(char *into, size_t size, const char *from)
{
	if (size == 0)
		return THS_E_INVAL;

	size_t len = ths_strnlen(from, size);
	bool cut = len == size;

	if (cut)
		len--;
	memcpy(into, from, len);
	into[len] = '\0';
	return cut ? THS_E_SIZE : THS_OK;
}

/* The value of a digit; 16 for what is none in any base used here. */
static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

enum ths_err ths_str_parse_u64(const char *s, size_t len, uint64_t *value)
{
	unsigned base = 10;
	uint64_t sum = 0;

	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
		len -= 2;
	}
	if (len == 0)
		return THS_E_FORMAT;

	bool overflow = false;

	for (size_t i = 0; i < len; i++) {
		unsigned digit = digit_value(s[i]);

		/* Read on after an overflow: garbage is the better thing to report. */
		if (digit >= base)
			return THS_E_FORMAT;
		overflow |= __builtin_mul_overflow(sum, (uint64_t)base, &sum);
		overflow |= __builtin_add_overflow(sum, (uint64_t)digit, &sum);
	}
	if (overflow)
		return THS_E_SIZE;
	*value = sum;
	return THS_OK;
}
