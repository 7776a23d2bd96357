/*
 * archive - the boot archive, in cpio's "newc" format, as <theseus/cpio.h> reads it.
 *
 * Every field that could differ between two builds is a constant: entries are numbered,
 * belong to user 0, and have the date of the image (M1).
 */
#include <string.h>

#include "image.h"

static void pad(struct tool_text *archive)
{
	static const char zeros[4];

	tool_text_bytes(archive, zeros, (4 - archive->size % 4) % 4);
}

static void entry_write(struct tool_text *archive, unsigned number, unsigned mode,
			uint64_t date, const char *name, const void *data, size_t size)
{
	size_t length = strlen(name) + 1;

	/*                    ino  mode uid gid links  mtime size   devices   name check
	 */
	tool_text_add(archive,
		      "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		      number, mode, 0, 0, 1, (unsigned)date, (unsigned)size, 0, 0, 0, 0,
		      (unsigned)length, 0);
	tool_text_bytes(archive, name, length);
	pad(archive);
	tool_text_bytes(archive, data, size);
	pad(archive);
}

void archive_write(const struct image_contents *contents, struct tool_text *archive)
{
	uint64_t date = image_epoch();

	for (size_t i = 0; i < contents->count; i++)
		entry_write(archive, (unsigned)i + 1, 0100644, date,
			    contents->entries[i].name, contents->entries[i].file.data,
			    contents->entries[i].file.size);
	entry_write(archive, 0, 0, 0, "TRAILER!!!", "", 0);
}
