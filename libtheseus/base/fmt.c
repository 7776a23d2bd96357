/*
 * fmt - one loop over the format; a directive is read into a struct, then put out.
 *
 * The text is never assembled: pieces go to the sink as they arise, so there is no
 * buffer to be too small and a width of a million is only slow. The buffer form is a
 * sink that keeps what fits.
 */
#include <stdbool.h>
#include <stdint.h>
#include <theseus/fmt.h>
#include <theseus/string.h>

struct sink {
	void (*put)(void *ctx, const char *s, size_t n);
	void *ctx;
	size_t total; /* bytes put so far */
};

struct args {
	va_list list; /* in a struct, so that it can be handed on by address */
};

enum size { SIZE_CHAR, SIZE_SHORT, SIZE_INT, SIZE_LONG };

struct directive {
	bool left, zero, plus, blank, alternate;
	bool has_precision;
	size_t width;
	size_t precision;
	enum size size;
	char conversion;
};

static void sink_put(struct sink *sink, const char *s, size_t n)
{
	if (n == 0)
		return;
	sink->put(sink->ctx, s, n);
	sink->total += n;
}

static void sink_fill(struct sink *sink, char c, size_t n)
{
	static const char blanks[] = "                ", zeros[] = "0000000000000000";
	const char *from = c == '0' ? zeros : blanks;

	for (; n >= sizeof(blanks) - 1; n -= sizeof(blanks) - 1)
		sink_put(sink, from, sizeof(blanks) - 1);
	sink_put(sink, from, n);
}

/* prefix, zeros, body: in a field, as the directive has it. */
static void put_field(struct sink *sink, const struct directive *dir, const char *prefix,
		      size_t zeros, const char *body, size_t len)
{
	size_t prefix_len = ths_strlen(prefix);
	size_t used = prefix_len + zeros + len;
	size_t pad = dir->width > used ? dir->width - used : 0;

	if (!dir->left)
		sink_fill(sink, ' ', pad);
	sink_put(sink, prefix, prefix_len);
	sink_fill(sink, '0', zeros);
	sink_put(sink, body, len);
	if (dir->left)
		sink_fill(sink, ' ', pad);
}

static void put_number(struct sink *sink, const struct directive *dir, uint64_t value,
		       const char *prefix)
{
	char digits[22]; /* 2^64 in octal */
	size_t at = sizeof(digits);
	unsigned base = dir->conversion == 'o' ? 8 : 10;
	const char *alphabet =
		dir->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";

	if (dir->conversion == 'x' || dir->conversion == 'X')
		base = 16;
	for (; value; value /= base)
		digits[--at] = alphabet[value % base];

	size_t len = sizeof(digits) - at;
	size_t least = dir->has_precision ? dir->precision : 1;

	/* Octal's # asks for a leading zero, which a precision may have supplied. */
	if (dir->conversion == 'o' && dir->alternate && least <= len)
		least = len + 1;

	size_t zeros = least > len ? least - len : 0;

	if (dir->zero && !dir->left && !dir->has_precision) {
		size_t used = ths_strlen(prefix) + zeros + len;

		if (dir->width > used)
			zeros += dir->width - used;
	}
	put_field(sink, dir, prefix, zeros, digits + at, len);
}

static void put_signed(struct sink *sink, const struct directive *dir, int64_t value)
{
	const char *prefix = value < 0 ? "-" : dir->plus ? "+" : dir->blank ? " " : "";

	/* Negated as unsigned: the smallest number has no positive counterpart. */
	put_number(sink, dir, value < 0 ? -(uint64_t)value : (uint64_t)value, prefix);
}

static void put_unsigned(struct sink *sink, const struct directive *dir, uint64_t value)
{
	const char *prefix = "";

	if (dir->alternate && value && dir->conversion == 'x')
		prefix = "0x";
	else if (dir->alternate && value && dir->conversion == 'X')
		prefix = "0X";
	put_number(sink, dir, value, prefix);
}

static void put_string(struct sink *sink, const struct directive *dir, const char *s)
{
	if (!s)
		s = "(null)";
	put_field(sink, dir, "", 0, s,
		  ths_strnlen(s, dir->has_precision ? dir->precision : SIZE_MAX));
}

static void put_pointer(struct sink *sink, const struct directive *dir, const void *p)
{
	struct directive hex = *dir;

	hex.conversion = 'x';
	put_number(sink, &hex, (uintptr_t)p, "0x");
}

/* A run of digits, or * for an argument; false when the argument is negative, whose
 * absolute value *@number then is. */
static bool read_number(const char **fmt, struct args *args, size_t *number)
{
	*number = 0;
	if (**fmt == '*') {
		int value = va_arg(args->list, int);

		++*fmt;
		*number = value < 0 ? 0u - (unsigned)value : (unsigned)value;
		return value >= 0;
	}
	for (; **fmt >= '0' && **fmt <= '9'; ++*fmt)
		*number = *number * 10 + (size_t)(**fmt - '0');
	return true;
}

static void read_flags(const char **fmt, struct directive *dir)
{
	for (;; ++*fmt) {
		switch (**fmt) {
		case '-':
			dir->left = true;
			break;
		case '0':
			dir->zero = true;
			break;
		case '+':
			dir->plus = true;
			break;
		case ' ':
			dir->blank = true;
			break;
		case '#':
			dir->alternate = true;
			break;
		default:
			return;
		}
	}
}

static enum size read_size(const char **fmt)
{
	switch (**fmt) {
	case 'h':
		++*fmt;
		if (**fmt != 'h')
			return SIZE_SHORT;
		++*fmt;
		return SIZE_CHAR;
	case 'l':
		++*fmt;
		if (**fmt == 'l')
			++*fmt;
		return SIZE_LONG;
	case 'z':
	case 'j':
	case 't':
		++*fmt;
		return SIZE_LONG;
	default:
		return SIZE_INT;
	}
}

/* @fmt stands behind the % and is left behind the conversion. */
static struct directive read_directive(const char **fmt, struct args *args)
{
	struct directive dir = {0};

	read_flags(fmt, &dir);
	if (!read_number(fmt, args, &dir.width))
		dir.left = true;
	if (**fmt == '.') {
		++*fmt;
		dir.has_precision = read_number(fmt, args, &dir.precision);
	}
	dir.size = read_size(fmt);
	dir.conversion = **fmt;
	if (**fmt)
		++*fmt;
	return dir;
}

_Static_assert(sizeof(long) == 8 && sizeof(long long) == 8 && sizeof(size_t) == 8,
	       "l, ll, z, j and t are one size");

static int64_t signed_arg(struct args *args, enum size size)
{
	int64_t value =
		size == SIZE_LONG ? va_arg(args->list, long) : va_arg(args->list, int);

	return size == SIZE_CHAR    ? (signed char)value
	       : size == SIZE_SHORT ? (short)value
				    : value;
}

static uint64_t unsigned_arg(struct args *args, enum size size)
{
	uint64_t value = size == SIZE_LONG ? va_arg(args->list, unsigned long)
					   : va_arg(args->list, unsigned);

	return size == SIZE_CHAR    ? (unsigned char)value
	       : size == SIZE_SHORT ? (unsigned short)value
				    : value;
}

/* False: not a directive we know (F3). */
static bool put_directive(struct sink *sink, const struct directive *dir,
			  struct args *args)
{
	char c;

	switch (dir->conversion) {
	case 'd':
	case 'i':
		put_signed(sink, dir, signed_arg(args, dir->size));
		return true;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(sink, dir, unsigned_arg(args, dir->size));
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_field(sink, dir, "", 0, &c, 1);
		return true;
	case 's':
		put_string(sink, dir, va_arg(args->list, const char *));
		return true;
	case 'p':
		put_pointer(sink, dir, va_arg(args->list, const void *));
		return true;
	case '%':
		sink_put(sink, "%", 1);
		return true;
	default:
		return false;
	}
}

size_t ths_vformat_to(void (*put)(void *ctx, const char *s, size_t n), void *ctx,
		      const char *fmt, va_list ap)
{
	struct sink sink = {put, ctx, 0};
	struct args args;

	va_copy(args.list, ap);
	while (*fmt) {
		size_t plain = 0;

		while (fmt[plain] && fmt[plain] != '%')
			plain++;
		sink_put(&sink, fmt, plain);
		fmt += plain;
		if (*fmt == '\0')
			break;

		const char *start = fmt++;
		struct directive dir = read_directive(&fmt, &args);

		if (!put_directive(&sink, &dir, &args)) {
			sink_put(&sink, start, ths_strlen(start));
			break;
		}
	}
	va_end(args.list);
	return sink.total;
}

struct buffer {
	char *at;
	size_t room; /* without the NUL */
};

static void buffer_put(void *ctx, const char *s, size_t n)
{
	struct buffer *buffer = ctx;

	if (n > buffer->room)
		n = buffer->room;
	if (n == 0)
		return;
	memcpy(buffer->at, s, n);
	buffer->at += n;
	buffer->room -= n;
}

size_t ths_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct buffer buffer = {buf, size ? size - 1 : 0};
	size_t total = ths_vformat_to(buffer_put, &buffer, fmt, ap);

	if (size)
		*buffer.at = '\0';
	return total;
}

size_t ths_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);

	size_t total = ths_vformat(buf, size, fmt, ap);

	va_end(ap);
	return total;
}
