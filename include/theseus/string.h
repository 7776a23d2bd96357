/*
 * string - the four functions compilers call on their own, and a few on strings.
 *
 * memcpy(), memmove(), memset() and memcmp() are declared here for freestanding code,
 * where no C library is, and come from libtheseus/base/mem.c; on a host they are the C
 * library's. The others are ours in both places.
 *
 * Invariants
 *   S1  Nothing here reads behind the terminating NUL, or behind the length given.
 *   S2  A copied string is always terminated; that it was cut is an error, not a secret.
 *   S3  A number is a number from its first byte to its last, or an error.
 *
 * See tests/unit/base/string_test.c, tests/unit/base/mem_test.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict into, const void *restrict from, size_t len);
void *memmove(void *into, const void *from, size_t len);
void *memset(void *into, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

/* -ffreestanding makes them functions like any other; as builtins, calls with a small
 * constant length become a load and a store again. */
#define memcpy(into, from, len)  __builtin_memcpy(into, from, len)
#define memmove(into, from, len) __builtin_memmove(into, from, len)
#define memset(into, byte, len)  __builtin_memset(into, byte, len)
#define memcmp(a, b, len)        __builtin_memcmp(a, b, len)
#endif

/**
 * ths_strlen()  - bytes before the NUL
 * ths_strnlen() - the same, but at most @max, of which no more are read
 *
 * Context: any.
 */
size_t ths_strlen(const char *s);
size_t ths_strnlen(const char *s, size_t max);

/**
 * ths_streq()  - whether two strings are equal
 * ths_strcmp() - their order by unsigned bytes: negative, 0, positive
 * ths_str_starts() - whether @s begins with @prefix
 *
 * Context: any.
 */
bool ths_streq(const char *a, const char *b);
int ths_strcmp(const char *a, const char *b);
bool ths_str_starts(const char *s, const char *prefix);

/**
 * ths_str_copy() - copy a string into a buffer of fixed size
 * @into: the buffer; terminated in any case (S2)
 * @size: its size in bytes, at least 1
 * @from: the string; must not lie in the buffer
 *
 * Context: any.
 * Return:  THS_OK;
 *          THS_E_SIZE   it was cut to @size - 1 bytes;
 *          THS_E_INVAL  @size is 0; nothing was written.
 */
THS_MUST_CHECK enum ths_err ths_str_copy(char *into, size_t size, const char *from);

/**
 * ths_str_parse_u64() - read a number: decimal, or hexadecimal after 0x
 * @s:     the digits; need not be terminated
 * @len:   how many bytes; all of them must belong to the number (S3)
 * @value: out: the number; as it was on failure
 *
 * No blanks, no sign, no octal: 010 is ten.
 *
 * Context: any.
 * Return:  THS_OK;
 *          THS_E_FORMAT  no digit, or a byte that is none;
 *          THS_E_SIZE    does not fit 64 bits.
 */
THS_MUST_CHECK enum ths_err ths_str_parse_u64(const char *s, size_t len, uint64_t *value);
