/*
 * migrate - a table changes its schema while it is used, a row at a time.
 *
 * Publishing a module that knows a table in another schema begins a *step*: O(1), whatever
 * the rows. From then on the table's versions are of two kinds, told apart by the number
 * each carries; who meets one of the other kind converts it (state_db/convert.c), and a
 * sweeper converts what nobody touches (sweep.c). When no version of the old kind is left,
 * and nobody who knows it, the step ends. Until then:
 *
 *   - the functions' text stays: their bearer, should it be replaced meanwhile, is retired
 *     when the step ends;
 *   - no other step of that table begins. A publication that wants one sweeps the table
 *     itself first, and is refused only where that does not end the step;
 *   - publishing again who knows the old schema turns the step round. With a way back
 *     (THS_MIGRATE's `back`) both kinds are convertible into each other, so nothing else
 *     is to be done. Without one it is possible until the first row is committed in the
 *     new schema: ths_migration_can_revert().
 *
 * Nothing of this costs anything where there is no step: in a step the table's quick ways
 * are closed, and all others look at the version's schema anyway.
 *
 * What it means for
 *   fixed tables   All rows begin as one zero version. It is converted where it is read;
 *                  swept, each row gets a version of its own, and the zero goes.
 *   size classes   A row may move to a larger class and does not come back (T5). In a step
 *                  the row size is the larger of both: what was begun before copies enough.
 *                  A step that was turned round ends only when all rows are of one class.
 *   keyed tables   A row keeps its number and, which is checked, its key: buckets stay.
 *   joint tables   A row keeps its generation: shares and weak references stay good. A
 *                  cached weak reference names the schema and fails until its row is swept.
 *   enumerations   No row comes or goes, so the population stays.
 *   sleepers       Who slept on a row is woken when it is swept, as by any commit, looks,
 *                  and sleeps again: once too often at most, and never lost.
 *   device         operations read the version of their moment, along `older`, whatever
 *   operations     its kind, and convert it. Rows of hardware and per-CPU tables, which
 *                  must not conflict, are swept under the conflict token, which device
 *                  operations hold for as long as they run.
 *   others         who use the table go on in the schema they know if there is a way back;
 *                  else the publication is refused, unless they leave in the same one.
 *
 * Invariants
 *   J1  A version is never of a schema that is neither of the step's two.
 *   J2  After an error of the publication the table is as it was.
 *   J3  A step ends after a quiescence that followed the last conversion: by then nobody
 *       holds a version of the old kind, nor runs the functions.
 *
 * Cost: to begin, to turn, to end O(tables declared); rows are sweep.c's.
 */
#include <theseus/fmt.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

/* What to do about one table of an instance that comes. */
struct plan {
	struct ths_table *table;
	const struct ths_table_decl *decl;
	struct ths_layout layout;
	uint16_t schema;             /* in which that knows it */
	const struct ths_side *side; /* of the step under way, to turn to; NULL: a new step */
	struct ths_instance *bearer; /* NULL: there are no functions */
	ths_migrate_fn *fn, *back;   /* into @schema, and out of it */
};

/* ---- functions ------------------------------------------------------------------------ */

/* The module may name the step, or the one the other way round with a way back. */
static bool find_in(const struct ths_module *module, const char *from, const char *to,
		    struct plan *plan)
{
	for (unsigned i = 0; i < THS_MIGRATE_MAX; i++) {
		const struct ths_migrate_decl *decl = &module->migrations[i];

		if (!decl->from)
			continue;
		if (ths_streq(decl->from, from) && ths_streq(decl->to, to)) {
			plan->fn = decl->fn;
			plan->back = decl->back;
			return true;
		}
		if (ths_streq(decl->from, to) && ths_streq(decl->to, from) && decl->back) {
			plan->fn = decl->back;
			plan->back = decl->fn;
			return true;
		}
	}
	return false;
}

static bool declares(const struct ths_instance *instance, const struct ths_table *table,
		     uint16_t *schema)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		if (instance->table[i] == table) {
			*schema = instance->schema[i];
			return true;
		}
	return false;
}

/* Those of who comes, else of who leaves - or, before that is known, of who is bound. */
static bool find_functions(struct ths_instance *in, const struct ths_table *table,
			   struct plan *plan, bool anybody)
{
	const char *from = table->schema, *to = plan->decl->schema;
	uint16_t unused;

	plan->bearer = in;
	if (find_in(in->module, from, to, plan))
		return true;
	for (unsigned i = 0; i < ths_instances(); i++) {
		plan->bearer = &ths_core.instance[i];
		if (plan->bearer->state == THS_INSTANCE_BOUND &&
		    (plan->bearer->leaving || anybody) &&
		    declares(plan->bearer, table, &unused) &&
		    find_in(plan->bearer->module, from, to, plan))
			return true;
	}
	plan->bearer = NULL;
	return false;
}

/* The side of a table's step that is of @schema; NULL: neither, or no step. */
static struct ths_side *side_of(struct ths_table *table, uint16_t schema)
{
	struct ths_side *side = table->step.side;

	if (!ths_table_in_step(table))
		return NULL;
	return side[0].version == schema   ? &side[0]
	       : side[1].version == schema ? &side[1]
					   : NULL;
}

/* Whether the step under way may go to @side, where it comes from or goes to. */
static bool may_turn(struct ths_table *table, const struct ths_side *side)
{
	return side->version == table->schema_version || side->fn ||
	       !atomic_load(&table->step.entered);
}

bool ths_migrate_is_possible(const struct ths_instance *in, const struct ths_table *table,
			     const struct ths_table_decl *decl)
{
	struct plan plan = {.decl = decl};
	struct ths_table *at = &ths_core.table[table->id];
	const struct ths_side *side = side_of(at, ths_schema_number(decl->schema));

	return (side && may_turn(at, side)) ||
	       find_functions(&ths_core.instance[in->slot], table, &plan, true);
}

/* ---- before publication --------------------------------------------------------------- */

static bool needs_step(const struct ths_instance *instance, unsigned number)
{
	const struct ths_table *table = instance->table[number];

	return instance->schema[number] && instance->schema[number] != table->schema_version;
}

bool ths_migrate_needed(const struct ths_instance *instance)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		if (needs_step(instance, i))
			return true;
	return false;
}

/* Somebody who stays and knows the table in another schema than @schema; NULL: nobody. */
static const struct ths_instance *other_user(const struct ths_table *table, uint16_t schema)
{
	uint16_t known;

	for (unsigned i = 0; i < ths_instances(); i++) {
		const struct ths_instance *other = &ths_core.instance[i];

		if (other->state == THS_INSTANCE_BOUND && !other->leaving &&
		    declares(other, table, &known) && known != schema)
			return other;
	}
	return NULL;
}

bool ths_step_is_shared(const struct ths_table *table)
{
	return other_user(table, table->schema_version) != NULL;
}

/* Table @number of @in: turns the step there is, or begins one. */
static void make_plan(struct ths_instance *in, unsigned number, struct plan *plan)
{
	const struct ths_side *side, *sides = in->table[number]->step.side;

	*plan = (struct plan){.table = in->table[number],
			      .decl = &in->module->tables[number],
			      .layout = in->layout[number],
			      .schema = in->schema[number]};
	side = side_of(plan->table, plan->schema);
	if (side && may_turn(plan->table, side)) {
		plan->side = side;
		plan->bearer = atomic_load(&plan->table->step.bearer);
		plan->fn = side->fn;
		plan->back = sides[side == sides].fn;
	} else if (!ths_table_in_step(plan->table)) {
		(void)find_functions(in, plan->table, plan, false);
	}
}

static enum ths_err say(struct ths_reason *reason, enum ths_err err,
			const struct plan *plan, const char *what, const char *name)
{
	if (reason)
		(void)ths_format(reason->text, sizeof(reason->text), "%s to %s: %s%s",
				 plan->table->schema, plan->decl->schema, what, name);
	return err;
}

static enum ths_err say_stuck(struct ths_reason *reason, enum ths_err err,
			      struct ths_table *table)
{
	struct ths_step *step = &table->step;
	const struct ths_instance *user = other_user(table, table->schema_version);

	if (reason && user)
		(void)ths_format(reason->text, sizeof(reason->text),
				 "rows of %s are on their way still: %s reads the old ones",
				 table->schema, user->name);
	else if (reason)
		(void)ths_format(reason->text, sizeof(reason->text),
				 "rows of %s are on their way still: %u stay, row %u: %s",
				 table->schema, atomic_load(&step->stuck),
				 atomic_load(&step->stuck_row),
				 ths_err_text((enum ths_err)atomic_load(&step->stuck_err)));
	return err;
}

static enum ths_err check_table(struct ths_instance *in, unsigned number,
				struct ths_reason *reason)
{
	struct plan plan;
	const struct ths_instance *other;
	enum ths_err err;

	make_plan(in, number, &plan);
	if (!plan.bearer && ths_table_in_step(plan.table)) {
		err = ths_sweep_table(plan.table);
		if (err)
			return say_stuck(reason, err, plan.table);
		make_plan(in, number, &plan);
	}
	if (!plan.bearer)
		return say(reason, THS_E_SCHEMA, &plan, "no function", "");
	other = other_user(plan.table, plan.schema);
	if (other && !plan.back)
		return say(reason, THS_E_SCHEMA, &plan,
			   "no way back, and it is read by ", other->name);
	return THS_OK;
}

enum ths_err ths_migrate_check(struct ths_instance *const *in, unsigned count,
			       struct ths_reason *reason)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < THS_TABLES_MAX; k++)
			if (needs_step(in[i], k))
				THS_TRY(check_table(in[i], k, reason));
	return THS_OK;
}

bool ths_migrate_has_back(struct ths_instance *in)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		struct plan plan;

		if (!needs_step(in, i))
			continue;
		make_plan(in, i, &plan);
		if (!plan.bearer)
			(void)find_functions(in, plan.table, &plan, true);
		if (!plan.back)
			return false;
	}
	return true;
}

bool ths_migration_can_revert(const struct ths_instance *now,
			      const struct ths_instance *before)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		struct ths_table *table = before->table[i];
		struct plan plan = {.decl = &before->module->tables[i]};
		const struct ths_side *side;

		if (!needs_step(before, i))
			continue;
		side = side_of(table, before->schema[i]);
		if (side ? !may_turn(table, side)
			 : !find_in(now->module, table->schema, plan.decl->schema, &plan) &&
				   !find_in(before->module, table->schema,
					    plan.decl->schema, &plan))
			return false;
	}
	return true;
}

/* ---- publication ---------------------------------------------------------------------- */

/* A sweep under way counted on something else. */
static void note_turn(struct ths_step *step)
{
	atomic_fetch_add(&step->turns.word, 4);
	atomic_store(&step->parked, false);
}

/* Where rows go from now on. */
static void aim_at(struct ths_table *table, const struct ths_side *side)
{
	memcpy(table->schema, side->schema, sizeof(table->schema));
	table->layout = side->layout;
	atomic_store(&table->schema_version, side->version);
	note_turn(&table->step);
}

static void begin(const struct plan *plan)
{
	struct ths_table *table = plan->table;
	struct ths_side *from = &table->step.side[0], *to = &table->step.side[1];

	*from = (struct ths_side){.fn = plan->back,
				  .row_size = table->row_size,
				  .layout = table->layout,
				  .version = table->schema_version};
	memcpy(from->schema, table->schema, sizeof(from->schema));
	*to = (struct ths_side){.fn = plan->fn,
				.row_size = plan->decl->row_size,
				.layout = plan->layout,
				.version = plan->schema};
	(void)!ths_str_copy(to->schema, sizeof(to->schema), plan->decl->schema);
	atomic_store(&table->step.entered, false);
	atomic_store(&table->step.stuck, 0);
	atomic_store(&table->step.bearer, plan->bearer);
	table->step.change = STEP_BEGUN;
	THS_POINT("migrate/before-aim");
	aim_at(table, to);
	ths_table_set_size(table, from->row_size > to->row_size ? from->row_size
								 : to->row_size);
	atomic_fetch_add(&ths_core.steps, 1);
}

static enum ths_err begin_table(struct ths_instance *in, unsigned number)
{
	struct plan plan;

	make_plan(in, number, &plan);
	if (!plan.bearer)
		return THS_E_STALE; /* the way back was barred since the check */
	if (plan.side) {
		plan.table->step.change = STEP_TURNED;
		THS_POINT("migrate/before-turn");
		aim_at(plan.table, plan.side);
	} else {
		begin(&plan);
	}
	return THS_OK;
}

static enum ths_err begin_all(struct ths_instance *const *in, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < THS_TABLES_MAX; k++)
			if (needs_step(in[i], k))
				THS_TRY(begin_table(in[i], k));
	return THS_OK;
}

static void undo(struct ths_table *table)
{
	struct ths_side *side = table->step.side;

	THS_POINT("migrate/before-undo");
	if (table->step.change == STEP_TURNED) {
		aim_at(table, &side[side[0].version == table->schema_version]);
	} else if (table->step.change == STEP_BEGUN) {
		aim_at(table, &side[0]);
		ths_step_end(table);
	}
}

static void conclude(struct ths_table *table, bool published)
{
	if (!published)
		undo(table);
	table->step.change = STEP_KEPT;
	note_turn(&table->step); /* who is bound has changed */
}

/* If there is no sweeper to be had, a tick sees to it. */
void ths_migrate_unbound(void)
{
	if (atomic_load(&ths_core.steps) == 0)
		return;
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		note_turn(&ths_core.table[i].step);
	(void)!ths_sweep_start();
}

enum ths_err ths_migrate_publish(struct ths_instance *const *in, unsigned count,
				 enum ths_err (*publish)(void *), void *arg)
{
	bool needed = atomic_load(&ths_core.steps) > 0;
	enum ths_err err;

	for (unsigned i = 0; i < count; i++)
		needed = needed || ths_migrate_needed(in[i]);
	if (!needed)
		return publish(arg);
	THS_TRY(ths_sweep_start());
	err = begin_all(in, count);
	THS_POINT("migrate/begun");
	if (err == THS_OK)
		err = publish(arg);
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		conclude(&ths_core.table[i], err == THS_OK);
	return err;
}

/* Under the conflict token, or before anybody was published who knows of it. */
void ths_step_end(struct ths_table *table)
{
	uint32_t row_size = ths_table_size_in(table, table->schema_version);

	atomic_store(&table->step.bearer, NULL);
	ths_table_set_size(table, row_size);
	atomic_fetch_sub(&ths_core.steps, 1);
}

bool ths_migrate_bears(const struct ths_instance *instance)
{
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		if (atomic_load(&ths_core.table[i].step.bearer) == instance)
			return true;
	return false;
}

bool ths_migrate_lets_go(const struct ths_instance *bearer)
{
	bool lets_go = true;

	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++) {
		struct ths_table *table = &ths_core.table[i];

		if (atomic_load(&table->step.bearer) == bearer &&
		    ths_sweep_table(table) != THS_OK)
			lets_go = false;
	}
	return lets_go;
}
