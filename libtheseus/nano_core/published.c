/*
 * published - the addresses behind published.def and privileged.def.
 *
 * Cost: O(names) a lookup, with one comparison of first differing characters each; a
 * module has a handful of lookups in its life.
 */
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

#ifdef THS_HOST
#define THS_PUBLISHED_KERNEL(name)
#endif

static const struct {
	const char *name;
	void *address;
} published[] = {
#define THS_PUBLISHED(name) {#name, (void *)(uintptr_t)name},
#include "nano_core/published.def"
#undef THS_PUBLISHED
};

static const struct {
	const char *name;
	void *address;
} privileged[] = {
#define THS_PRIVILEGED(name) {#name, (void *)(uintptr_t)&name},
#include "nano_core/privileged.def"
#undef THS_PRIVILEGED
};

/* What arch may bring for a machine on which nobody else commits. */
extern const void *ths_row_read_alone(unsigned table, uint32_t row) THS_WEAK;
extern void *ths_row_write_alone(unsigned table, uint32_t row) THS_WEAK;
extern enum ths_err ths_blob_body_alone(struct ths_call *call, unsigned slot, void **body,
					bool *fresh) THS_WEAK;

static const struct {
	const char *name;
	void *address;
} alone[] = {
	{"ths_row_read_", (void *)(uintptr_t)ths_row_read_alone},
	{"ths_row_write_", (void *)(uintptr_t)ths_row_write_alone},
	{"ths_blob_body", (void *)(uintptr_t)ths_blob_body_alone},
};

/* The host has its functions out of a module's reach. */
static uint64_t reach(void *address)
{
#ifdef THS_HOST
	return ths_host_reach((uint64_t)(uintptr_t)address);
#else
	return (uint64_t)(uintptr_t)address;
#endif
}

/* Hosted, the two of canary.c, which cannot have their names. */
static uint64_t canary_find(const char *name)
{
#ifdef THS_HOST
	if (ths_streq(name, "__stack_chk_guard"))
		return ths_host_canary();
	if (ths_streq(name, "__stack_chk_fail"))
		return reach((void *)(uintptr_t)__stack_chk_fail);
#else
	(void)name;
#endif
	return 0;
}

uint64_t ths_published_find(void *unused, const char *name)
{
	(void)unused;
	for (size_t i = 0; ths_core.cpus == 1 && i < THS_ARRAY_SIZE(alone); i++)
		if (alone[i].address && ths_streq(alone[i].name, name))
			return reach(alone[i].address);
	for (size_t i = 0; i < THS_ARRAY_SIZE(published); i++)
		if (ths_streq(published[i].name, name))
			return reach(published[i].address);
	return canary_find(name);
}

uint64_t ths_privileged_find(const char *name)
{
	for (size_t i = 0; i < THS_ARRAY_SIZE(privileged); i++)
		if (ths_streq(privileged[i].name, name))
			return (uint64_t)(uintptr_t)privileged[i].address;
	return 0;
}
