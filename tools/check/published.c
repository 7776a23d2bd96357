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

static const char *const privileged[] = {
#define THS_PRIVILEGED(name) #name,
#include "nano_core/privileged.def"
#undef THS_PRIVILEGED
};

/* ths_state_TOKEN, TOKEN being the id with '_' for its '.'. */
static bool is_own_state(const char *id, const char *name)
{
	if (strncmp(name, "ths_state_", strlen("ths_state_")) != 0)
		return false;
	for (name += strlen("ths_state_"); *id != '\0' && *name != '\0'; id++, name++)
		if (*name != (*id == '.' ? '_' : *id))
			return false;
	return *id == *name;
}

bool privileged_has(const char *id, const char *name)
{
	if (is_own_state(id, name))
		return true;
	for (size_t i = 0; strcmp(id, "state_db") == 0 && i < THS_ARRAY_SIZE(privileged); i++)
		if (strcmp(privileged[i], name) == 0)
			return true;
	return false;
}
