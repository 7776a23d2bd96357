/*
 * script - see script.h.
 */
#define SCRIPT_IS_DEFINED_HERE
#include "script.h"

script_fn *script_on_kick;
void *script_kick_ctx;
script_fn *script_on_migrate;
script_fn *script_on_version;
script_fn *script_on_selftest;

enum ths_err script_run_op(struct ths_call *call, struct script_args *arg)
{
	return ((script_fn *)(uintptr_t)arg->fn)(call, (void *)(uintptr_t)arg->ctx);
}

static enum ths_err kicked_op(struct ths_call *call, struct ths_no_args *arg)
{
	(void)arg;
	return script_on_kick ? script_on_kick(call, script_kick_ctx) : THS_OK;
}

static enum ths_err first_op(struct ths_call *call, struct script_args *arg)
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
		THS_PROVIDES(script, .run = script_run_op, .drive = script_run_op,       \
			     .version = version_, .kicked = kicked_op),                  \
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

SCRIPT_MODULE(script, "script", 1, first_op, "script.cell/1", struct cell, );
SCRIPT_MODULE(script_next, "script.next", 2, next_op, "script.cell/2", struct cell_next, );
SCRIPT_MODULE(script_same, "script.same", 3, same_op, "script.cell/1", struct cell,
	      .selftest = selftest);

/* With nothing but caches. */
THS_MODULE(script_soft, "script.soft", 1, 0,
	   THS_PROVIDES(script, .run = script_run_op, .drive = script_run_op,
			.version = first_op,
			.kicked = kicked_op),
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
