/*
 * fmt - numbers and strings into text, as printf does it, without floating point.
 *
 *   flags       - left   0 pad with zeros   + sign   (space) blank for sign   # 0x
 *   width       digits, or * for an int argument; a negative one means left
 *   .precision  of %s at most so many bytes; of numbers at least so many digits
 *   size        hh h l ll z j t
 *   conversion  d i u x X o c s p %
 *
 * Invariants
 *   F1  The text is that of ISO C's printf for every directive listed above.
 *   F2  The buffer form writes at most its size, ends in NUL where the size is not 0, and
 *       returns what the whole text would have needed.
 *   F3  A directive not listed is put out as it stands, and so is all that follows: the
 *       arguments can no longer be told apart. Nothing is written through arguments (%n).
 *   F4  A NULL string reads (null).
 *
 * Use: ths_format() into a buffer; ths_vformat_to() into whatever takes bytes.
 * See tests/unit/base/fmt_test.c shows F1-F4.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <theseus/attr.h>

/**
 * ths_format()  - format into a buffer
 * ths_vformat() - the same, arguments as a list
 * @buf:  the buffer; may be NULL when @size is 0
 * @size: its size in bytes
 * @fmt:  the format
 *
 * Context: any.
 * Return:  bytes of the whole text, the NUL not counted; it was cut if >= @size.
 */
size_t ths_format(char *buf, size_t size, const char *fmt, ...) THS_PRINTF(3, 4);
size_t ths_vformat(char *buf, size_t size, const char *fmt, va_list ap) THS_PRINTF(3, 0);

/**
 * ths_vformat_to() - format, piece by piece, into a sink
 * @put: takes the next @n bytes of the text, n > 0; not terminated
 * @ctx: handed to @put
 * @fmt: the format
 *
 * Context: as @put.
 * Return:  bytes of the whole text.
 */
size_t ths_vformat_to(void (*put)(void *ctx, const char *s, size_t n), void *ctx,
		      const char *fmt, va_list ap) THS_PRINTF(3, 0);
