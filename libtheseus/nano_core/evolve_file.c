/*
 * evolve_file - an evolution by the name of its file in the archive.
 *
 * In a file of its own, for tools link evolve_read.c, and are not to get nano_core with it.
 */
#include <theseus/evolve.h>
#include <theseus/fmt.h>
#include "nano_core/swap_impl.h"

enum ths_err ths_evolve_file(const char *file, struct ths_reason *reason)
{
	struct ths_reason unread;
	char name[THS_NAME_MAX + 8];
	const void *text;
	size_t size;

	(void)ths_format(name, sizeof(name), "%s.evolve", file);
	if (ths_archive_find(file, &text, &size) == THS_OK ||
	    ths_archive_find(name, &text, &size) == THS_OK)
		return ths_evolve(text, size, reason);
	reason = reason ? reason : &unread;
	(void)ths_format(reason->text, sizeof(reason->text), "the archive has no file %s",
			 file);
	return THS_E_NOENT;
}
