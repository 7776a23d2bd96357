/*
 * archive - the files the kernel was booted with, by name.
 *
 * An archive is a chain of headers, a thousand instructions each to follow. It is followed
 * once, at boot; what is kept is a hash table of where the files begin, four bytes each and
 * at most half full. The rest of a file is read again from its header when it is asked for.
 *
 * Invariants
 *   W1  Of several files of a name the first is found.
 *   W2  After ths_archive_init() nothing changes: to look up is safe in any context.
 *   W3  An archive that is damaged somewhere has the files before that place; whoever asks
 *       for another is told that it is damaged.
 *
 * Cost: boot O(files), once; look-up O(1). Memory: 8 to 16 bytes a file, whole pages.
 */
#include <theseus/evolve.h>
#include <theseus/fmt.h>
#include <theseus/cpio.h>
#include <theseus/hash.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

#define UNIT 4u /* headers begin at multiples of it */

static struct {
	const void *data;
	size_t size;
	uint32_t *at; /* 1 + where a file's header is, in units; 0: none */
	uint32_t mask;
	enum ths_err absent; /* what is said of a file that is not found */
} archive;

static void entry_at(uint32_t at, struct ths_cpio_entry *entry)
{
	struct ths_cpio cpio;

	ths_cpio_init(&cpio, archive.data, archive.size);
	cpio.at = (size_t)(at - 1) * UNIT;
	(void)!ths_cpio_next(&cpio, entry); /* it could be read at boot */
}

/* Where the name is, with its *@entry, or the free place where it would be. */
static uint32_t *place_of(const char *name, struct ths_cpio_entry *entry)
{
	uint64_t place = ths_hash_bytes(0, name, ths_strlen(name));
	uint32_t *at;

	for (; *(at = &archive.at[place & archive.mask]); place++) {
		entry_at(*at, entry);
		if (ths_streq(entry->name, name))
			break;
	}
	return at;
}

static size_t count_files(void)
{
	struct ths_cpio cpio;
	struct ths_cpio_entry entry;
	size_t files = 0;

	ths_cpio_init(&cpio, archive.data, archive.size);
	while ((archive.absent = ths_cpio_next(&cpio, &entry)) == THS_OK)
		files += ths_cpio_is_file(&entry);
	return files;
}

static void enter_files(void)
{
	struct ths_cpio cpio;
	struct ths_cpio_entry entry, other;
	uint32_t *at;

	ths_cpio_init(&cpio, archive.data, archive.size);
	while (ths_cpio_next(&cpio, &entry) == THS_OK) {
		if (!ths_cpio_is_file(&entry))
			continue;
		at = place_of(entry.name, &other);
		if (!*at) /* W1 */
			*at = (uint32_t)(entry.offset / UNIT) + 1;
	}
}

enum ths_err ths_archive_init(const void *data, size_t size)
{
	unsigned order;
	size_t files;

	memset(&archive, 0, sizeof(archive));
	archive.data = data;
	archive.size = size;
	files = count_files();
	if (!files)
		return THS_OK;
	order = ths_order_of(2 * files * sizeof(*archive.at));
	archive.at = ths_pages_take(order);
	if (!archive.at)
		return THS_E_NOMEM;
	archive.mask = (uint32_t)((THS_PAGE_SIZE << order) / sizeof(*archive.at)) - 1;
	enter_files();
	return THS_OK;
}

uint64_t ths_archive_pages(void)
{
	return archive.at ? (archive.mask + 1ull) * sizeof(*archive.at) / THS_PAGE_SIZE : 0;
}

enum ths_err ths_archive_find(const char *name, const void **data, size_t *size)
{
	struct ths_cpio_entry entry;

	if (!archive.at || !*place_of(name, &entry))
		return archive.absent;
	*data = entry.data;
	*size = entry.size;
	return THS_OK;
}

enum ths_err ths_evolve_file(const char *file, struct ths_reason *reason)
{
	struct ths_reason unread;
	char name[THS_NAME_MAX + 8];
	const void *text = NULL;
	size_t size = 0;

	(void)ths_format(name, sizeof(name), "%s.evolve", file);
	if (ths_archive_find(file, &text, &size) == THS_OK ||
	    ths_archive_find(name, &text, &size) == THS_OK)
		return ths_evolve(text, size, reason);
	reason = reason ? reason : &unread;
	(void)ths_format(reason->text, sizeof(reason->text), "the archive has no file %s",
			 file);
	return THS_E_NOENT;
}
