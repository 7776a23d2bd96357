/*
 * recover_test - a device that was left half-way is put right before anybody drives it again,
 * also where `recover` itself runs out of something.
 *
 * The device counts what is written to its port; the driver's row says how much it was. After
 * each operation that ended half-way the row lags behind, until `recover` has looked at the
 * journal.
 */
#include "harness.h"
#include "rig.h"
#include "suite.h"

#include <string.h>
#include <theseus/handle.h>
#include <theseus/host.h>
#include "nano_core/swap_impl.h"

#define PORT 0x3e0u

struct line_send {
	uint64_t fails; /* after the byte is on the wire */
	uint64_t by;    /* out: 1, 2: which driver */
};
#define LINE_OPS(OP) OP(line, send, struct line_send, THS_OP_DEVICE)
THS_INTERFACE(line, 1, LINE_OPS)
#define OVER_OPS(OP) OP(over, send, struct line_send, THS_OP_DEVICE)
THS_INTERFACE(over, 1, OVER_OPS)

struct line_row {
	uint64_t sent;
};
enum { LINE };
enum { WIRE };
enum { BELOW };

static uint64_t on_wire;
static unsigned recovers, wanting; /* calls of `recover`; of the next so many run out */

static enum ths_err send_by(struct ths_call *call, struct line_send *arg, uint64_t by)
{
	struct line_row *row;

	THS_TRY(ths_row_write(call, LINE, 0, &row));
	THS_TRY(ths_port_out(call, WIRE, 0, 1, 'x'));
	row->sent++;
	arg->by = by;
	return arg->fails ? (enum ths_err)77 : THS_OK;
}

static enum ths_err first_send(struct ths_call *call, struct line_send *arg)
{
	return send_by(call, arg, 1);
}

static enum ths_err second_send(struct ths_call *call, struct line_send *arg)
{
	return send_by(call, arg, 2);
}

static enum ths_err line_recover(struct ths_call *call, const struct ths_journal *journal)
{
	struct line_row *row;

	recovers++;
	THS_TRY(ths_row_write(call, LINE, 0, &row));
	row->sent += journal->entries;
	if (wanting == 0)
		return THS_OK;
	wanting--;
	return THS_E_NOMEM;
}

#define LINE_MODULE(token_, id_, send_)                                                  \
	THS_MODULE(token_, id_, 1, 0, THS_PROVIDES(line, .send = (send_)),               \
		   THS_PORTS(WIRE, PORT, 1),                                             \
		   THS_TABLE(LINE, "test.line/1", struct line_row,                       \
			     .flags = THS_HARDWARE | THS_FIXED),                         \
		   .recover = line_recover)
LINE_MODULE(line, "line", first_send);
LINE_MODULE(line_next, "line.next", second_send);

static enum ths_err pass_on(struct ths_call *call, struct line_send *arg)
{
	return line_send(ths_use(call, BELOW), arg);
}
THS_MODULE(over, "over", 1, 0, THS_PROVIDES(over, .send = pass_on),
	   THS_USES(BELOW, line));

/* ---- the wire -------------------------------------------------------------------------- */

static void write_wire(void *ctx, uint16_t port, unsigned width, uint32_t value)
{
	(void)ctx;
	(void)port;
	(void)width;
	on_wire += value == 'x';
}

static struct ths_ref line, over;
static uint32_t driver;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	ck_assert(ths_host_port_handler(PORT, 1, NULL, write_wire, NULL));
	driver = harness_bind(&ths_module_line, "");
	harness_bind(&ths_module_over, "");
	line = (struct ths_ref)THS_REF(line);
	over = (struct ths_ref)THS_REF(over);
	on_wire = recovers = wanting = 0;
}

static enum ths_err send(bool fails)
{
	struct line_send args = {.fails = fails};

	return line_send(&line, &args);
}

static uint64_t row_says(void)
{
	const struct ths_table *table = ths_table_find("test.line/1", "");
	const struct ths_version *version = slot_version(table->slots[0].word);

	return ((const struct line_row *)(const void *)version->data)->sent;
}

static void is_whole(void)
{
	ck_assert_uint_eq(row_says(), on_wire);
	ck_assert_int_eq(send(false), THS_OK);
	ck_assert_uint_eq(row_says(), on_wire);
}

static uint32_t who_drives(void)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(&line_iface, "", &binding), THS_OK);
	return ths_binding_instance(binding)->slot;
}

/* ---- P11 ------------------------------------------------------------------------------- */

START_TEST(it_is_put_right_at_once)
{
	ck_assert_int_eq(send(false), THS_OK);
	ck_assert_int_eq(send(true), THS_E_INTERNAL);
	ck_assert_uint_eq(recovers, 1);
	is_whole();
}
END_TEST

/* A fault is mended, too: so it is the successor that recovers. */
START_TEST(a_recover_that_runs_out_is_run_again_at_ticks)
{
	wanting = 3;
	ck_assert_int_eq(send(true), THS_E_INTERNAL);
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_uint_eq(recovers, i);
		ck_assert_uint_eq(row_says(), 0); /* what the tries wrote is gone */
		ths_host_tick();
	}
	ck_assert_uint_eq(recovers, 4);
	is_whole();
	ths_host_tick();
	ck_assert_uint_eq(recovers, 4);
}
END_TEST

START_TEST(nobody_drives_it_before)
{
	struct line_send nested = {.fails = 0};

	wanting = 1;
	ck_assert_int_eq(send(true), THS_E_INTERNAL);
	ck_assert_int_eq(send(false), THS_E_NOMEM);
	ck_assert_int_eq(over_send(&over, &nested), THS_E_NOMEM);
	ck_assert_uint_eq(on_wire, 1);
	ck_assert_uint_eq(recovers, 1);
	ths_host_tick();
	is_whole();
	ck_assert_int_eq(over_send(&over, &nested), THS_OK);
}
END_TEST

/* As one that fails in any other way: that is told, and the device is let go. */
START_TEST(it_is_not_tried_for_ever)
{
	unsigned ticks = 0;

	wanting = UINT32_MAX;
	ck_assert_int_eq(send(true), THS_E_INTERNAL);
	while (send(false) == THS_E_NOMEM && ++ticks < 10000)
		ths_host_tick();
	ck_assert_uint_gt(ticks, 50);
	ck_assert_uint_lt(ticks, 10000);
	ck_assert_uint_eq(recovers, ticks + 1);
	wanting = 0;
	ths_host_tick();
	ck_assert_uint_eq(recovers, ticks + 1);
	ck_assert_int_eq(send(true), THS_E_INTERNAL); /* the next one is a new one */
	ck_assert_uint_eq(recovers, ticks + 2);
	ck_assert_int_eq(send(false), THS_OK);
}
END_TEST

START_TEST(a_successor_does_what_is_left)
{
	struct line_send args = {.fails = 0};

	wanting = 1;
	ck_assert_int_eq(send(true), THS_E_INTERNAL);
	ck_assert_int_eq(
		ths_swap(who_drives(), rig_add(&ths_module_line_next, NULL), NULL), THS_OK);
	ck_assert_int_eq(send(false), THS_E_NOMEM);
	if (_i == 1)
		ck_assert_int_eq(ths_rollback("line.next", NULL), THS_OK);
	ths_host_tick();
	is_whole();
	ck_assert_int_eq(line_send(&line, &args), THS_OK);
	ck_assert_uint_eq(args.by, 2 - (unsigned)_i);
	ck_assert_uint_eq(recovers, 2);
}
END_TEST

/* While somebody has the loader's turn it has to wait: who drives may change. */
START_TEST(it_waits_for_a_turn)
{
	wanting = 1;
	ck_assert_int_eq(send(true), THS_E_INTERNAL);
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ths_host_tick();
	ck_assert_uint_eq(recovers, 1);
	ths_loader_leave();
	ths_host_tick();
	ck_assert_uint_eq(recovers, 2);
	is_whole();
}
END_TEST

/* Each thing `recover` asks for, once and for good. */
START_TEST(whatever_runs_out_nothing_is_lost)
{
	bool failed = true;

	for (uint64_t n = 1; failed; n++) {
		enum ths_err err;

		setup();
		ths_host_fail_nth("alloc", n, _i == 1);
		err = send(true);
		ck_assert(err == THS_E_INTERNAL || ths_err_is_shortage(err));
		ths_host_tick();
		failed = ths_host_fail_failed() > 0;
		ths_host_fail_nth("alloc", 0, false);
		ths_host_tick();
		is_whole();
		rig_stop();
	}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("recover");

	harness_case(suite, "at once", setup, it_is_put_right_at_once);
	harness_case(suite, "again", setup, a_recover_that_runs_out_is_run_again_at_ticks);
	harness_case(suite, "nobody", setup, nobody_drives_it_before);
	harness_case(suite, "bounded", setup, it_is_not_tried_for_ever);
	harness_loop(suite, "successor", setup, a_successor_does_what_is_left, 0, 2);
	harness_case(suite, "turn", setup, it_waits_for_a_turn);
	harness_loop(suite, "allocations", NULL, whatever_runs_out_nothing_is_lost, 0, 2);
	return suite;
}
