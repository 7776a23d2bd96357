/*
 * cpio - the reader of "newc" archives.
 *
 * An entry is a header of 110 characters, the name with its NUL, the data; header with
 * name and data are each padded to 4 bytes (cpio(5), "New ASCII Format"). All numbers
 * are eight hexadecimal digits. Sizes have 32 bits and offsets 64, so sums of two sizes
 * and an offset inside memory cannot wrap.
 */
#include <theseus/bits.h>
#include <theseus/cpio.h>
#include <theseus/string.h>

#define MAGIC_LEN  6
#define HEADER_LEN 110

/* Which of the thirteen numbers behind the magic. */
enum field { FIELD_MODE = 1, FIELD_FILESIZE = 6, FIELD_NAMESIZE = 11, FIELDS = 13 };

#define MODE_TYPE 0170000u
#define MODE_FILE 0100000u

static const char trailer[] = "TRAILER!!!";

void ths_cpio_init(struct ths_cpio *cpio, const void *archive, size_t size)
{
	cpio->archive = archive;
	cpio->size = size;
	cpio->at = 0;
	cpio->what = NULL;
}

static enum ths_err cpio_fail(struct ths_cpio *cpio, const char *what)
{
	cpio->what = what;
	return THS_E_FORMAT;
}

static bool cpio_read_hex(const unsigned char *digits, uint32_t *value)
{
	uint32_t sum = 0;

	for (int i = 0; i < 8; i++) {
		unsigned char c = digits[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			digit = c - 'A' + 10;
		else
			return false;
		sum = sum << 4 | digit;
	}
	*value = sum;
	return true;
}

/* The header at @cpio->at, all of which lies in the archive. */
static enum ths_err cpio_read_header(struct ths_cpio *cpio, uint32_t fields[FIELDS])
{
	const unsigned char *header = cpio->archive + cpio->at;

	if (memcmp(header, "070701", MAGIC_LEN) != 0)
		return cpio_fail(cpio, "no entry of a newc archive begins here");
	for (int i = 0; i < FIELDS; i++)
		if (!cpio_read_hex(header + MAGIC_LEN + 8 * i, &fields[i]))
			return cpio_fail(cpio,
					 "a number in the header is not hexadecimal");
	return THS_OK;
}

static enum ths_err cpio_check_name(struct ths_cpio *cpio, const char *name,
				    uint32_t size)
{
	if (size < 2)
		return cpio_fail(cpio, "the entry has no name");
	if (ths_strnlen(name, size) != size - 1)
		return cpio_fail(cpio,
				 "the entry's name is not as long as its header says");
	return THS_OK;
}

static const char *cpio_strip(const char *name)
{
	if (name[0] == '.' && name[1] == '/' && name[2] != '\0')
		name += 2;
	while (name[0] == '/' && name[1] != '\0')
		name++;
	return name;
}

enum ths_err ths_cpio_next(struct ths_cpio *cpio, struct ths_cpio_entry *entry)
{
	uint32_t fields[FIELDS];

	cpio->what = NULL;
	if (cpio->at >= cpio->size)
		return cpio_fail(cpio, "the archive ends without a trailer");
	if (cpio->size - cpio->at < HEADER_LEN)
		return cpio_fail(cpio, "the archive ends within a header");
	THS_TRY(cpio_read_header(cpio, fields));

	uint64_t name_at = (uint64_t)cpio->at + HEADER_LEN;
	uint64_t data_at = ths_bits_align_up(name_at + fields[FIELD_NAMESIZE], 4);
	uint64_t end = data_at + fields[FIELD_FILESIZE];
	const char *name = (const char *)cpio->archive + name_at;

	if (name_at + fields[FIELD_NAMESIZE] > cpio->size)
		return cpio_fail(cpio, "the archive ends within a name");
	THS_TRY(cpio_check_name(cpio, name, fields[FIELD_NAMESIZE]));
	if (ths_streq(name, trailer))
		return THS_E_NOENT;
	if (end > cpio->size)
		return cpio_fail(cpio, "the archive ends within an entry's data");

	entry->name = cpio_strip(name);
	entry->data = cpio->archive + data_at;
	entry->size = fields[FIELD_FILESIZE];
	entry->offset = cpio->at;
	entry->mode = fields[FIELD_MODE];
	cpio->at = (size_t)ths_bits_align_up(end, 4);
	return THS_OK;
}

bool ths_cpio_is_file(const struct ths_cpio_entry *entry)
{
	return (entry->mode & MODE_TYPE) == MODE_FILE;
}

enum ths_err ths_cpio_find(const void *archive, size_t size, const char *name,
			   struct ths_cpio_entry *entry)
{
	struct ths_cpio cpio;

	ths_cpio_init(&cpio, archive, size);
	do
		THS_TRY(ths_cpio_next(&cpio, entry));
	while (!ths_cpio_is_file(entry) || !ths_streq(entry->name, name));
	return THS_OK;
}
