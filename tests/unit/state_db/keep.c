/*
 * keep - see keep.h.
 */
#define KEEP_IS_DEFINED_HERE
#include "keep.h"

#include "rig.h"

#include <string.h>
#include <theseus/host.h>

uint64_t keep_device = 1;
enum ths_err keep_device_err;
unsigned keep_rereads;

enum ths_err keep_run_op(struct ths_call *call, struct keep_args *arg)
{
	return ((keep_fn *)(uintptr_t)arg->fn)(call, (void *)(uintptr_t)arg->ctx);
}

static enum ths_err read_device(struct ths_call *call)
{
	struct fixed *row;

	keep_rereads++;
	THS_TRY(ths_row_write(call, DEVICE, 0, &row));
	row->value[0] = keep_device;
	return keep_device_err;
}

static enum ths_err recover_device(struct ths_call *call, const struct ths_journal *journal)
{
	(void)call;
	(void)journal;
	return THS_OK;
}

/* As a module does: a row of its own in a table that is to be restored. */
static enum ths_err keep_start(struct ths_call *call)
{
	struct plain *plain;
	uint32_t row;

	THS_TRY(ths_row_new(call, PLAIN, &row, &plain));
	plain->word = 4711;
	return THS_OK;
}

#define KEEP_MODULE(token, id, plain_schema, plain_type, named_rows, fixed_flags)        \
	THS_MODULE(                                                                      \
		token, id, 1, 0, THS_PROVIDES(keep, .run = keep_run_op, .drive = keep_run_op),     \
		THS_TABLE(PLAIN, plain_schema, plain_type, .rows = PLAINS,               \
			  .flags = THS_PERSIST),                                         \
		THS_TABLE(NAMED, "keep.named/1", struct named, .rows = (named_rows),     \
			  .flags = THS_PERSIST | THS_KEYED),                             \
		THS_TABLE(FIXED, "keep.fixed/1", struct fixed, .rows = FIXEDS,           \
			  .flags = (fixed_flags)),                                       \
		THS_TABLE(LOCAL, "keep.local/1", struct fixed,                           \
			  .flags = THS_PERSIST | THS_PER_CPU),                           \
		THS_TABLE(MINE, "keep.mine/1", struct fixed,                             \
			  .flags = THS_PERSIST | THS_PER_INSTANCE),                      \
		THS_TABLE(PASSING, "keep.passing/1", struct named, .rows = 10),          \
		THS_TABLE(DEVICE, "keep.device/1", struct fixed, .flags = THS_HARDWARE,  \
			  .reread = read_device),                                        \
		.start = keep_start, .recover = recover_device)

KEEP_MODULE(keep, "keep", "keep.plain/1", struct plain, NAMEDS, THS_PERSIST | THS_FIXED);
KEEP_MODULE(newer, "newer", "keep.plain/2", struct plain, NAMEDS, THS_PERSIST | THS_FIXED);
KEEP_MODULE(wider, "wider", "keep.plain/1", struct wide, NAMEDS, THS_PERSIST | THS_FIXED);
KEEP_MODULE(smaller, "smaller", "keep.plain/1", struct plain, 2, THS_PERSIST | THS_FIXED);
KEEP_MODULE(loose, "loose", "keep.plain/1", struct plain, NAMEDS, THS_PERSIST);
KEEP_MODULE(forgets, "forgets", "keep.plain/1", struct plain, NAMEDS, THS_FIXED);
THS_MODULE(more, "more", 1, 0, THS_PROVIDES(keep, .run = keep_run_op),
	   THS_TABLE(0, "keep.more/1", struct fixed, .flags = THS_PERSIST));

struct ths_ref keep_ref;
uint64_t keep_dice;

uint32_t keep_roll(uint32_t sides)
{
	keep_dice = keep_dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(keep_dice >> 33) % sides;
}

void keep_boot(const struct ths_module *module)
{
	static char console[4096];

	rig_start();
	ths_host_console(console, sizeof console);
	keep_ref = (struct ths_ref)THS_REF(keep);
	ck_assert_int_eq(ths_bind(rig_add(module, "keep"), ""), THS_OK);
	keep_device_err = THS_OK;
	keep_rereads = 0;
}

void keep_reboot(const struct ths_module *module)
{
	rig_stop();
	keep_boot(module);
}

enum ths_err keep_by(keep_fn *fn, void *ctx)
{
	struct keep_args args = {(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)ctx};

	return keep_run(&keep_ref, &args);
}

void keep_must(keep_fn *fn, void *ctx)
{
	enum ths_err err = keep_by(fn, ctx);

	ck_assert_msg(err == THS_OK, "%s", ths_err_name(err));
}

/* ---- images -------------------------------------------------------------------------- */

uint8_t keep_image[65536];
size_t keep_image_size;
struct ths_reason keep_reason;

void keep_save(const uint8_t *with)
{
	struct ths_save_memory memory = {keep_image, sizeof(keep_image), 0};

	ck_assert_int_eq(ths_save(ths_save_to_memory, &memory, with), THS_OK);
	keep_image_size = memory.at;
	ck_assert_uint_eq(((struct save_head *)(void *)keep_image)->size, keep_image_size);
}

enum ths_err keep_restore(const uint8_t *from, size_t size, const uint8_t *with)
{
	struct ths_save_memory memory = {(uint8_t *)(uintptr_t)from, size, 0};

	return ths_restore(ths_save_from_memory, &memory, with, &keep_reason);
}

void keep_restore_whole(const uint8_t *with)
{
	enum ths_err err = keep_restore(keep_image, keep_image_size, with);

	ck_assert_msg(err == THS_OK, "%s: %s", ths_err_name(err), keep_reason.text);
	ck_assert_str_eq(keep_reason.text, "");
}

struct save_table *keep_table_in(uint8_t *at, unsigned number)
{
	struct save_table *table =
		(void *)(at + sizeof(struct save_head) + THS_DIGEST_SIZE);

	while (number--)
		table = (void *)((uint8_t *)(table + 1) + save_padded(table->layout) +
				 table->slots * 8u + table->live * save_padded(table->row_size) +
				 (table->layout ? 4 : 3) * THS_DIGEST_SIZE);
	return table;
}
