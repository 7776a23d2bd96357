/*
 * published - see published.h. The list itself stands in nano_core/published.def, from
 * which the loader's table is made too.
 */
#include "published.h"

#include <stddef.h>
#include <string.h>
#include <theseus/attr.h>

static const char *const published[] = {
#define THS_PUBLISHED(name) #name,
#include "nano_core/published.def"
#undef THS_PUBLISHED
};

bool published_has(const char *name)
{
	for (size_t i = 0; i < THS_ARRAY_SIZE(published); i++)
		if (strcmp(published[i], name) == 0)
			return true;
	return false;
}
