/*
 * gate_s_test - what gate.S leaves to C: a test calls it from within an operation, at the
 * point where gate.S would. The way there and back is shown by the images.
 */
#include "actor.h"

/* ---- ways ------------------------------------------------------------------------------------ */

static const char marks[12]; /* places in gate.S, were there one */
#define AT_ARGS (sizeof(struct script_args) / 8)
#define AT_NOTE (sizeof(struct note) / 8)
const struct gate_paths ths_gate_paths = {.in = {[AT_ARGS] = &marks[0]},
					  .out = {[0] = &marks[1], [AT_ARGS] = &marks[2]},
					  .enter_portable = &marks[3],
					  .enter_shared = &marks[4],
					  .leave_shared = &marks[5],
					  .enter_blob = &marks[6],
					  .leave_blob = &marks[7],
					  .blob_in = {[AT_NOTE] = &marks[8]},
					  .blob_out = {[AT_NOTE] = &marks[9]}};

/* By operation: its way in and out, on one CPU and on several. */
static const struct {
	uint8_t op, cpus;
	const char *enter, *leave;
} ways[] = {
	{act_op_run, 1, &marks[0], &marks[2]},   {act_op_run, 2, &marks[4], &marks[5]},
	{act_op_held, 1, &marks[6], &marks[7]},  {act_op_held, 2, &marks[3], NULL},
	{act_op_drive, 1, &marks[3], NULL},      {act_op_drive, 2, &marks[3], NULL},
	{act_op_none, 1, &marks[3], NULL},
};

START_TEST(each_operation_has_its_way_through_gate_s)
{
	const struct instance_op *op;
	uint32_t slot;

	setup();
	ths_core.cpus = ways[_i].cpus;
	slot = rig_add(&ths_module_actor, "another");
	ths_core.cpus = 1;
	op = &ths_core.instance[slot].op[ways[_i].op];
	ck_assert_ptr_eq(op->enter, ways[_i].enter);
	ck_assert_ptr_eq(op->leave, ways[_i].leave);
}
END_TEST

START_TEST(blobs_of_whole_words_are_gate_s_to_copy)
{
	const struct instance_blob *info;

	setup();
	info = ths_core.instance[rig_add(&ths_module_actor, "another")].blob;
	ck_assert_uint_eq(info[NOTE].quick, info[NOTE].type);
	ck_assert_ptr_eq(info[NOTE].in, &marks[8]);
	ck_assert_ptr_eq(info[NOTE].out, &marks[9]);
	ck_assert_uint_eq(info[LONG].quick, UINT64_MAX);
	ck_assert_uint_eq(info[ODD].quick, UINT64_MAX);
	ck_assert_uint_eq(info[NO_BLOB].quick, UINT64_MAX);
	ck_assert_ptr_null(info[ODD].in);
}
END_TEST

/* ---- falling asleep (Z1) ------------------------------------------------------------------ */

static bool change_it, write_it;
static unsigned tries;
static bool asleep[2]; /* in each try */

static enum ths_err change_row(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return script_put(call, 3, 99);
}

static enum ths_err read_and_sleep(struct ths_call *call, void *ctx)
{
	(void)ctx;
	if (write_it)
		THS_TRY(script_put(call, 3, 7));
	else
		(void)script_get(call, 3);
	if (change_it && tries == 0)
		ck_assert_int_eq(other_script(change_row, NULL), THS_OK);
	ck_assert_uint_lt(tries, 2);
	asleep[tries++] = ths_sleep_prepare(ths_cpu());
	return THS_E_IO;
}

/* Whatever was read, or read to be written, has changed by the last look: no sleep. */
START_TEST(who_missed_a_change_does_not_fall_asleep)
{
	struct ths_ref ref;
	struct ths_cpu *cpu;
	uint32_t self;

	script_start(&ref, 2);
	other_start();
	cpu = ths_cpu();
	self = cpu->current;
	cpu->current = 3;
	for (unsigned i = 0; i < 4; i++) {
		change_it = i & 1;
		write_it = i & 2;
		tries = 0;
		ck_assert_int_eq(script_by(&ref, read_and_sleep, NULL), THS_E_IO);
		ck_assert_int_eq(asleep[0], !change_it);
		/* An error is believed if what was read holds; then it is run again. */
		ck_assert_uint_eq(tries, change_it && !write_it ? 2 : 1);
		atomic_store(&ths_core.context[3].state, CONTEXT_RUNNABLE);
	}
	cpu->current = self;
	other_stop();
	rig_stop();
}
END_TEST

/* ---- commits, wakes, work ----------------------------------------------------------------- */

static enum ths_err put_and_commit(struct ths_call *call, void *ctx)
{
	THS_TRY(script_put(call, 5, *(uint64_t *)ctx));
	THS_TRY(ths_kick(call, script_op_kicked));
	ck_assert_int_eq(ths_gate_commit(ths_cpu()), 0);
	return THS_E_IO; /* there is nothing left that it could undo */
}

static unsigned kicks;

static enum ths_err count_kick(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	kicks++;
	return THS_OK;
}

START_TEST(gate_s_commits_rows_and_effects)
{
	struct ths_ref ref;

	script_start(&ref, 1 + (unsigned)_i);
	script_on_kick = count_kick;
	kicks = 0;
	for (uint64_t value = 1; value < 200; value++) {
		ck_assert_int_eq(script_by(&ref, put_and_commit, &value), THS_E_IO);
		ck_assert_uint_eq(script_value(&ref, 5), value);
		ck_assert_uint_eq(kicks, value);
		script_assert_clean();
	}
	rig_stop();
}
END_TEST

static enum ths_err put_too_late(struct ths_call *call, void *ctx)
{
	unsigned *turn = ctx;

	THS_TRY(script_put(call, 3, 1));
	if ((*turn)++ == 0) {
		ck_assert_int_eq(other_script(change_row, NULL), THS_OK);
		ck_assert_int_eq(ths_gate_commit(ths_cpu()), OUTCOME_CONFLICT);
	}
	return THS_OK;
}

START_TEST(gate_s_hears_of_a_conflict)
{
	struct ths_ref ref;
	unsigned turn = 0;

	script_start(&ref, 2);
	other_start();
	(void)script_by(&ref, put_too_late, &turn);
	ck_assert_uint_ge(turn, 1);
	other_stop();
	ck_assert_int_eq(script_by(&ref, put_too_late, &turn), THS_OK);
	ck_assert_uint_eq(script_value(&ref, 3), 1);
	rig_stop();
}
END_TEST

static enum ths_err write_and_commit(struct ths_call *call, void *ctx)
{
	struct note *note;

	(void)ctx;
	THS_TRY(ths_blob_body(call, NOTE, (void **)&note, NULL));
	note->text[0] = 77;
	ths_cpu()->blob_state = 1; /* it was gate.S who took it */
	ck_assert_int_eq(ths_gate_commit(ths_cpu()), 0);
	return THS_OK;
}

START_TEST(gate_s_commits_blobs)
{
	ck_assert_int_eq(held(&act, write_and_commit, NULL, blob), THS_OK);
	ck_assert_uint_eq(counted(), 77);
	ck_assert_int_eq(ths_blob_take(blob), THS_OK);
	ths_blob_drop(blob);
}
END_TEST

static enum ths_err put_and_wake(struct ths_call *call, void *ctx)
{
	(void)ctx;
	THS_TRY(script_put(call, 3, 1));
	ths_gate_wake(ths_cpu());
	return THS_OK;
}

START_TEST(gate_s_wakes_who_waits)
{
	struct ths_cpu *cpu;
	struct ths_ref ref;
	uint32_t self;

	script_start(&ref, 1);
	cpu = ths_cpu();
	self = cpu->current;
	cpu->current = 3;
	change_it = write_it = false;
	tries = 0;
	ck_assert_int_eq(script_by(&ref, read_and_sleep, NULL), THS_E_IO);
	ck_assert_uint_eq(atomic_load(&ths_core.context[3].state), CONTEXT_SLEEPING);
	cpu->current = self;
	ck_assert_int_eq(script_by(&ref, put_and_wake, NULL), THS_OK);
	ck_assert_uint_eq(atomic_load(&ths_core.context[3].state), CONTEXT_RUNNABLE);
	rig_stop();
}
END_TEST

static enum ths_err leave_it_pending(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	ths_pending(ths_cpu(), PENDING_RECLAIM);
	return ths_gate_pending();
}

START_TEST(gate_s_has_the_work_done_that_waits)
{
	struct ths_cpu *cpu = ths_cpu();

	cpu->section++; /* so that the gate leaves it alone, too */
	ck_assert_int_eq(run(&act, leave_it_pending, NULL), THS_OK);
	ck_assert_uint_ne(atomic_load(&cpu->pending), 0);
	cpu->section--;
	ck_assert_int_eq(ths_gate_pending(), THS_OK);
	ck_assert_uint_eq(atomic_load(&cpu->pending), 0);
}
END_TEST

/* Of a blob in its header: what is changed, and whether gate.S's reader looks at it alone. */
static const struct {
	size_t offset;
	unsigned slot;
	bool with_fresh;
	enum ths_err err;
} quick[] = {
	{sizeof(memory) - 1, NOTE, true, THS_E_BLOB},
	{offsetof(struct ths_blob, type), NOTE, true, THS_E_BLOB},
	{offsetof(struct ths_blob, schema), NOTE, true, THS_E_BLOB},
	{offsetof(struct ths_blob, size), NOTE, true, THS_E_BLOB},
	{offsetof(struct ths_blob, generation), NOTE, true, THS_E_BLOB},
	{offsetof(struct ths_blob, capacity), NOTE, true, THS_E_BLOB},
	{0, NOTE, true, THS_OK},
	{0, NOTE, false, THS_OK},
	{0, THS_BLOBS_MAX, true, THS_E_INVAL},
};

static unsigned turn;

static enum ths_err ask_quickly(struct ths_call *call, void *ctx)
{
	const struct ths_blob *mine = blob;
	struct note *note;
	bool fresh = true;
	enum ths_err err;

	(void)ctx;
	err = ths_blob_body_tagged(call, quick[turn].slot, (void **)&note,
				   quick[turn].with_fresh ? &fresh : NULL);
	if (err)
		return err;
	ck_assert_ptr_ne(note, mine->body);
	ck_assert_int_eq(fresh, !quick[turn].with_fresh);
	note->text[0]++;
	return THS_OK;
}

START_TEST(a_distrusted_blob_is_read_quickly_but_not_rashly)
{
	turn = (unsigned)_i;
	act.flags = THS_REF_TAGGED;
	ck_assert_int_eq(held(&act, count, &then_nothing, blob), THS_OK);
	if (quick[_i].offset)
		memory[quick[_i].offset] ^= 1;
	ck_assert_int_eq(held(&act, ask_quickly, NULL, blob), quick[_i].err);
	if (quick[_i].offset)
		memory[quick[_i].offset] ^= 1;
	ck_assert_int_eq(held(&act, count, &then_nothing, blob), THS_OK);
	ck_assert_uint_eq(counted(), quick[_i].err ? 2 : 3);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("gate_s");

	harness_loop(suite, "ways", NULL, each_operation_has_its_way_through_gate_s, 0,
		     (int)THS_ARRAY_SIZE(ways));
	harness_case(suite, "ways, blobs", NULL, blobs_of_whole_words_are_gate_s_to_copy);
	harness_case(suite, "Z1", NULL, who_missed_a_change_does_not_fall_asleep);
	harness_loop(suite, "gate.S, rows", NULL, gate_s_commits_rows_and_effects, 0, 2);
	harness_case(suite, "gate.S, conflict", NULL, gate_s_hears_of_a_conflict);
	harness_case(suite, "gate.S, blobs", setup_blob, gate_s_commits_blobs);
	harness_case(suite, "gate.S, wake", NULL, gate_s_wakes_who_waits);
	harness_case(suite, "gate.S, pending", setup, gate_s_has_the_work_done_that_waits);
	harness_loop(suite, "gate.S, tags", setup_blob,
		     a_distrusted_blob_is_read_quickly_but_not_rashly, 0,
		     (int)THS_ARRAY_SIZE(quick));
	return suite;
}
