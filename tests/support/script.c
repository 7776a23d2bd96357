/*
 * script - see script.h.
 */
#define SCRIPT_IS_DEFINED_HERE
#include "script.h"

#include <check.h>
#include "nano_core/nano_core_impl.h"
#include "rig.h"

script_fn *script_on_kick;
void *script_kick_ctx;
script_fn *script_on_migrate;
script_fn *script_on_version;
script_fn *script_on_selftest;

enum ths_err script_run_op(struct ths_call *call, struct script_args *arg)
{
	return ((script_fn *)(uintptr_t)arg->fn)(call, (void *)(uintptr_t)arg->ctx);
}

enum ths_err script_kicked_op(struct ths_call *call, struct ths_no_args *arg)
{
	(void)arg;
	return script_on_kick ? script_on_kick(call, script_kick_ctx) : THS_OK;
}

enum ths_err script_first_op(struct ths_call *call, struct script_args *arg)
{
	(void)call;
	arg->fn = 1;
	return THS_OK;
}

static enum ths_err next_op(struct ths_call *call, struct script_args *arg)
{
	(void)call;
	arg->fn = 2;
	return THS_OK;
}

static enum ths_err go_up(const void *old_row, void *new_row)
{
	const struct cell *from = old_row;
	struct cell_next *to = new_row;

	to->value = from->value;
	to->again = from->again;
	to->more[0] = ~from->value;
	return from->value == 13 && script_on_migrate ? script_on_migrate(NULL, NULL)
						      : THS_OK;
}

static enum ths_err go_down(const void *old_row, void *new_row)
{
	const struct cell_next *from = old_row;
	struct cell *to = new_row;

	to->value = from->value;
	to->again = from->again;
	return from->value == 13 && script_on_migrate ? script_on_migrate(NULL, NULL)
						      : THS_OK;
}

static enum ths_err same_op(struct ths_call *call, struct script_args *arg)
{
	(void)call;
	arg->fn = 3;
	return script_on_version ? script_on_version(call, NULL) : THS_OK;
}

static enum ths_err selftest(struct ths_call *call)
{
	return script_on_selftest ? script_on_selftest(call, NULL) : THS_OK;
}

#define SCRIPT_MODULE(token_, id_, major_, version_, schema_, cell_, ...)                \
	THS_MODULE(                                                                      \
		token_, id_, major_, 0,                                                  \
		THS_PROVIDES(script, SCRIPT_SERVES(version_)),                           \
		THS_USES_OPTIONAL(SCRIPT_SELF, script),                                  \
		THS_TABLE(CELL, schema_, cell_, .rows = CELLS, .flags = THS_FIXED),      \
		THS_TABLE(ITEM, "script.item/1", struct item, .rows = ITEMS,             \
			  .flags = THS_KEYED),                                           \
		THS_TABLE(LOOSE, "script.loose/1", struct loose, .rows = LOOSES,         \
			  .flags = THS_PERSIST),                                         \
		THS_TABLE(OWNED, "script.owned/1", struct item, .rows = OWNEDS,          \
			  .flags = THS_JOINT | THS_KEYED),                               \
		THS_TABLE(HARD, "script.hard/1", struct loose, .rows = HARDS,            \
			  .flags = THS_HARDWARE | THS_FIXED),                            \
		THS_TABLE(ASKED, "script.asked/1", struct loose, .rows = HARDS,          \
			  .flags = THS_HARDWARE | THS_REQUEST | THS_FIXED),              \
		THS_TABLE(LOCAL, "script.local/1", struct loose, .flags = THS_PER_CPU),  \
		THS_TABLE(WIDE, "script.wide/1", struct loose, .rows = WIDES,            \
			  .flags = THS_FIXED),                                           \
		THS_MIGRATE(0, "script.cell/1", "script.cell/2", go_up),                 \
		THS_MIGRATE(1, "script.cell/2", "script.cell/1", go_down), __VA_ARGS__)

SCRIPT_MODULE(script, "script", 1, script_first_op, "script.cell/1", struct cell, );
SCRIPT_MODULE(script_next, "script.next", 2, next_op, "script.cell/2",
	      struct cell_next, );
SCRIPT_MODULE(script_same, "script.same", 3, same_op, "script.cell/1", struct cell,
	      .selftest = selftest);

/* With nothing but caches. */
THS_MODULE(script_soft, "script.soft", 1, 0,
	   THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_TABLE(SOFT, "script.soft/1", struct item, .rows = SOFTS,
		     .flags = THS_SOFT | THS_KEYED),
	   THS_TABLE(SOFT_FIXED, "script.softfixed/1", struct loose, .rows = SOFTS,
		     .flags = THS_SOFT | THS_FIXED));

enum ths_err script_by(struct ths_ref *ref, script_fn *fn, void *ctx)
{
	struct script_args args = {(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)ctx};

	return script_run(ref, &args);
}

enum ths_err script_drive_by(struct ths_ref *ref, script_fn *fn, void *ctx)
{
	struct script_args args = {(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)ctx};

	return script_drive(ref, &args);
}

enum ths_err script_nested(struct ths_call *call, script_fn *fn, void *ctx)
{
	return script_by(ths_use(call, SCRIPT_SELF), fn, ctx);
}

void script_start(struct ths_ref *ref, unsigned cpus)
{
	rig_start();
	if (cpus > 1)
		rig_cpus(cpus);
	*ref = (struct ths_ref)THS_REF(script);
	(void)rig_bind(&ths_module_script, "");
}

/* ---- cells and loose rows ------------------------------------------------------------ */

enum ths_err script_read(struct ths_call *call, void *ctx)
{
	uint64_t *value = ctx;
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, (uint32_t)*value, &cell));
	*value = cell->value;
	return THS_OK;
}

enum ths_err script_sum(struct ths_call *call, uint32_t rows, uint64_t *sum)
{
	const struct cell *cell;

	*sum = 0;
	for (uint32_t i = 0; i < rows; i++) {
		THS_TRY(ths_row_read(call, CELL, i, &cell));
		*sum += cell->value;
	}
	return THS_OK;
}

enum ths_err script_as(struct ths_ref *ref, uint32_t client, script_fn *fn, void *ctx)
{
	uint32_t before = ths_cpu()->current;
	enum ths_err err;

	ths_cpu()->current = client;
	err = script_by(ref, fn, ctx);
	ths_cpu()->current = before;
	return err;
}

uint64_t script_value(struct ths_ref *ref, uint32_t row)
{
	uint64_t value = row;

	ck_assert_int_eq(script_by(ref, script_read, &value), THS_OK);
	return value;
}

enum ths_err script_put(struct ths_call *call, uint32_t row, uint64_t value)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, row, &cell));
	cell->value = value;
	return THS_OK;
}

uint64_t script_get(struct ths_call *call, uint32_t row)
{
	const struct cell *cell;

	ck_assert_int_eq(ths_row_read(call, CELL, row, &cell), THS_OK);
	return cell->value;
}

struct ths_weak script_weaks[SCRIPT_WEAKS];
unsigned script_weak_count;

enum ths_err script_new_loose(struct ths_call *call, void *ctx)
{
	struct loose *loose;
	uint32_t row;

	THS_TRY(ths_row_new(call, LOOSE, &row, &loose));
	ck_assert_uint_eq(loose->value, 0);
	loose->value = 1000 + row;
	*(uint32_t *)ctx = row;
	return ths_row_weak(call, LOOSE, row, &script_weaks[script_weak_count]);
}

enum ths_err script_free_loose(struct ths_call *call, void *ctx)
{
	return ths_row_free(call, LOOSE, *(uint32_t *)ctx);
}

enum ths_err script_new_item(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	return ths_row_new_keyed(call, ITEM, *(uint64_t *)ctx, &row, &item);
}

enum ths_err script_find_item(struct ths_call *call, void *ctx)
{
	const struct item *item;
	uint32_t row;

	THS_TRY(ths_row_find(call, ITEM, *(uint64_t *)ctx, &row, &item));
	ck_assert_uint_eq(item->key, *(uint64_t *)ctx);
	return THS_OK;
}

void script_assert_clean(void)
{
	const struct ths_cpu *cpu = ths_cpu();

	ck_assert_uint_eq(cpu->txn.dirty, 0);
	ck_assert_uint_eq(cpu->txn.filter, 0);
	ck_assert_uint_eq(cpu->txn.savepoint, 0);
	ck_assert_ptr_eq(cpu->txn.read_next, cpu->txn.read);
	ck_assert_ptr_eq(cpu->txn.read_limit, &cpu->txn.read[READS_MAX]);
	ck_assert_uint_eq(cpu->txn.writes_limit, WRITES_MAX);
	ck_assert_uint_eq(cpu->activity % 2, 0);
	ck_assert_ptr_eq(cpu->call, &cpu->calls[0]);
	ck_assert_uint_eq(cpu->arena_used, 0);
}
