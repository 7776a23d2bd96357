/*
 * attr - the compiler attributes the library uses, each under a name that says what
 * it promises. Nothing else may name an attribute directly.
 */
#pragma once

#define THS_MUST_CHECK       __attribute__((warn_unused_result))
#define THS_NORETURN         __attribute__((noreturn))
#define THS_UNUSED           __attribute__((unused))
#define THS_ALIGNED(n)       __attribute__((aligned(n)))
#define THS_PACKED           __attribute__((packed))
#define THS_SECTION(name)    __attribute__((section(name)))
#define THS_USED             __attribute__((used))
#define THS_MAY_ALIAS        __attribute__((may_alias))
#define THS_WEAK             __attribute__((weak))
#define THS_NOINLINE         __attribute__((noinline))
#define THS_INLINE           static inline __attribute__((always_inline, unused))
#define THS_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define THS_LIKELY(x)        __builtin_expect(!!(x), 1)
#define THS_UNLIKELY(x)      __builtin_expect(!!(x), 0)
#define THS_ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define THS_SPELL(x)         THS_SPELL_(x) /* as a string, macros replaced */
#define THS_SPELL_(x)        #x
/* For code that breaks the rules on purpose, so that tests see what comes of it. */
#define THS_NO_SANITIZE __attribute__((no_sanitize("address", "undefined")))
