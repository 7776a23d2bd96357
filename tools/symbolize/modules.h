/*
 * modules - the debug information of a module, by the digest of the file that was loaded.
 *
 * Invariants
 *   M1  A module is known by its digest, never by its name: of a name there may be several
 *       versions, in one log.
 *   M2  Debug information is taken only where its code is that of the module file.
 */
#pragma once

#include <stddef.h>

#include "symbolize/lines.h"

struct modules {
	const char **folders; /* first found wins */
	size_t folder_count;
	struct module_file {
		char *path;     /* of the .tmod */
		char digest[9]; /* "": it cannot be read */
		struct lines lines;
		uint64_t text_size;
		enum { MODULE_CLOSED, MODULE_OPEN, MODULE_REFUSED } state;
	} *list;
	size_t count;
	bool scanned;
};

/* The module with that digest, its lines open. NULL: none, or it is refused, *@why says. */
const struct module_file *modules_find(struct modules *modules, const char *digest,
				       const char **why);
void modules_free(struct modules *modules);
