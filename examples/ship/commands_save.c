/*
 * commands_save - total, save, restore: what outlives a boot.
 *
 * There is no disk yet, so an image (theseus-save(5)) leaves the machine as lines of
 * base64 on the console, between a first and a last line like those of a PEM file, and
 * comes back the same way: typed, or pasted, or sent by whoever holds the other end of
 * the serial line. Both ways it is streamed: nothing holds all of it.
 *
 * Invariant
 *   V1  Of an image sent to `restore`, no line becomes a command: also when it is refused in
 *       its midst, all is read up to the last line, or to a ^C.
 */
#include <theseus/iface/testsrv.h>
#include <theseus/save.h>
#include <theseus/string.h>
#include "ship.h"

#define FIRST      "-----BEGIN THESEUS IMAGE-----"
#define LAST       "-----END THESEUS IMAGE-----"
#define LINE_BYTES 57u /* 76 characters */
#define GIVE_UP    3u  /* ^C */
#define ROWS       32u

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			     "0123456789+/";

/* ---- something to be saved ------------------------------------------------------------ */

void ship_total(unsigned argc, const char *const *argv)
{
	struct ths_ref testsrv = THS_REF(testsrv);
	struct testsrv_add add = {.row = 0};
	struct testsrv_read read = {.row = 0, .rows = ROWS};
	enum ths_err err = THS_OK;

	if (argc > 1 &&
	    ths_str_parse_u64(argv[1], ths_strlen(argv[1]), &add.amount) != THS_OK) {
		ship_print("total: %s is no number\n", argv[1]);
		return;
	}
	if (argc > 1)
		err = testsrv_add(&testsrv, &add);
	if (err == THS_OK)
		err = testsrv_read(&testsrv, &read);
	if (err)
		ship_complain(argv[0], err);
	else
		ship_print("%llu\n", (unsigned long long)read.sum);
}

/* ---- save ----------------------------------------------------------------------------- */

static struct {
	uint8_t line[LINE_BYTES];
	unsigned in_line;
	uint64_t bytes;
} saving;

static void print_line(void)
{
	char text[LINE_BYTES / 3 * 4 + 2];
	unsigned length = 0;

	memset(saving.line + saving.in_line, 0, LINE_BYTES - saving.in_line);
	for (unsigned i = 0; i < saving.in_line; i += 3) {
		const uint8_t *at = saving.line + i;
		uint32_t word = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
		unsigned left = saving.in_line - i;

		text[length++] = digits[word >> 18];
		text[length++] = digits[word >> 12 & 63];
		text[length++] = left > 1 ? digits[word >> 6 & 63] : '=';
		text[length++] = left > 2 ? digits[word & 63] : '=';
	}
	text[length++] = '\r';
	text[length++] = '\n';
	ship_put(text, length);
	saving.in_line = 0;
}

static enum ths_err print_bytes(void *unused, const void *data, size_t size)
{
	const uint8_t *byte = data;

	(void)unused;
	for (size_t i = 0; i < size; i++) {
		saving.line[saving.in_line++] = byte[i];
		if (saving.in_line == LINE_BYTES)
			print_line();
	}
	saving.bytes += size;
	return THS_OK;
}

void ship_save(unsigned argc, const char *const *argv)
{
	enum ths_err err;

	(void)argc;
	saving.in_line = 0;
	saving.bytes = 0;
	ship_print(FIRST "\n");
	err = ths_save(print_bytes, NULL, NULL);
	if (saving.in_line)
		print_line();
	ship_print(LAST "\n");
	if (err) /* what stands between the two lines is refused as cut short */
		ship_complain(argv[0], err);
	else
		ship_print("%llu bytes; `restore` takes these lines\n",
			   (unsigned long long)saving.bytes);
}

/* ---- restore -------------------------------------------------------------------------- */

static struct {
	char line[96]; /* what has come of it; longer ones are no line of an image */
	unsigned at;   /* where the next digits are */
	unsigned number;
	uint8_t byte[3];
	unsigned bytes, taken; /* of those */
	uint64_t all;
	enum { WAITING, IN_IMAGE, ENDED, GIVEN_UP } place;
	unsigned wrong; /* the line that is none of an image; 0: all are */
} coming;

/* False: ^C. */
static bool read_line(void)
{
	unsigned length = 0;
	uint8_t key;

	while ((key = ship_key()) != '\r' && key != '\n') {
		if (key == GIVE_UP)
			return false;
		if (length < sizeof(coming.line) - 1)
			coming.line[length++] = (char)key;
	}
	coming.line[length] = 0;
	coming.at = 0;
	return true;
}

/* The next line of the image is there; false: there is none. Outside of it lines go by. */
static bool next_line(void)
{
	while (coming.place < ENDED) {
		if (!read_line())
			coming.place = GIVEN_UP;
		else if (coming.place == WAITING)
			coming.place = ths_streq(coming.line, FIRST) ? IN_IMAGE : WAITING;
		else if (ths_streq(coming.line, LAST))
			coming.place = ENDED;
		else if (coming.line[0] && ++coming.number)
			return true;
	}
	return false;
}

/* 0 to 63, or 64: none. */
static unsigned value_of(char digit)
{
	unsigned value = 0;

	while (value < 64 && (!digit || digits[value] != digit))
		value++;
	return value;
}

/* Four characters become one to three bytes; false: they are no such. */
static bool decode(const char *text)
{
	unsigned missing = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
	uint32_t word = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned value = i + missing < 4 ? value_of(text[i]) : 0;

		if (value == 64)
			return false; /* at the latest at the end of the line */
		word = word << 6 | value;
	}
	coming.byte[0] = (uint8_t)(word >> 16);
	coming.byte[1] = (uint8_t)(word >> 8);
	coming.byte[2] = (uint8_t)word;
	coming.bytes = 3 - missing;
	coming.taken = 0;
	return true;
}

static enum ths_err more_bytes(void)
{
	if (!coming.line[coming.at] && !next_line())
		return coming.place == GIVEN_UP ? THS_E_INTR : THS_E_FORMAT;
	if (!decode(coming.line + coming.at)) {
		coming.wrong = coming.number;
		return THS_E_FORMAT;
	}
	coming.at += 4;
	return THS_OK;
}

static enum ths_err take_bytes(void *unused, void *data, size_t size)
{
	uint8_t *to = data;

	(void)unused;
	for (; size; size--) {
		while (coming.taken == coming.bytes)
			THS_TRY(more_bytes());
		*to++ = coming.byte[coming.taken++];
		coming.all++;
	}
	return THS_OK;
}

static void say_refused(enum ths_err err, const struct ths_reason *reason)
{
	if (coming.place == GIVEN_UP)
		ship_print("restore: given up; nothing has changed\n");
	else if (coming.wrong)
		ship_print("restore: line %u is none of an image; nothing has changed\n",
			   coming.wrong);
	else
		ship_print("restore: %s (%s)%s\n", reason->text, ths_err_name(err),
			   ths_str_starts(reason->text, "restored") ? ""
								    : "; nothing has changed");
}

void ship_restore(unsigned argc, const char *const *argv)
{
	struct ths_reason reason = {{0}};
	enum ths_err err;

	(void)argc;
	(void)argv;
	memset(&coming, 0, sizeof(coming));
	ship_print("send what `save` printed, from the BEGIN line to the END line; ^C gives "
		   "up\n");
	err = ths_restore(take_bytes, NULL, NULL, &reason); /* a sentence with every error */
	while (next_line()) /* V1 */
		;
	if (err)
		say_refused(err, &reason);
	else
		ship_print("%llu bytes restored\n", (unsigned long long)coming.all);
}
