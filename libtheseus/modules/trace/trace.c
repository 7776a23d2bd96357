/*
 * trace - counts the calls of whatever it is interposed on, and tells of faults.
 *
 * An interposer (iface/interpose.h): it passes each call on and, when that succeeded,
 * counts it in a row of this CPU's. It does not know which interface it stands before:
 * operations are numbers here, and names only when it has something to tell.
 *
 * Invariants
 *   T1  A call is counted iff it is committed: the count is part of its interaction.
 *   T2  What the provider answered is the answer, as it was.
 *
 * Who wants to read the counts declares the table "trace.calls/1" too. Instances put
 * before several bindings count into the same rows.
 */
#include <theseus/iface/interpose.h>
#include <theseus/iface/trace.h>
#include <theseus/module.h>

enum { CALLS };

static bool is_fault(enum ths_err err)
{
	return (err <= THS_E_FAULT && err >= THS_E_OPCODE) || err == THS_E_INTERNAL;
}

static enum ths_err count(struct ths_call *call)
{
	const struct ths_iface *iface;
	struct trace_calls *calls;
	uint32_t op = ths_call_op(call, &iface);

	if (op >= TRACE_OPS_MAX)
		return THS_OK;
	THS_TRY(ths_row_write(call, CALLS, ths_call_cpu(call), &calls));
	calls->count[op]++;
	return THS_OK;
}

static enum ths_err trace_any(struct ths_call *call, struct interpose_any *args)
{
	enum ths_err err = ths_forward(call, NULL);
	const struct ths_iface *iface;
	uint32_t op;

	(void)args;
	if (err == THS_OK)
		return count(call);
	if (is_fault(err) && (op = ths_call_op(call, &iface)) != THS_ROW_NONE)
		ths_log(call, "%s.%s: %s", iface->name, iface->info[op].name,
			ths_err_text(err));
	return err;
}

THS_MODULE(trace, "trace", 1, 0, THS_PROVIDES(interpose, .any = trace_any),
	   THS_TABLE(CALLS, "trace.calls/1", struct trace_calls, .flags = THS_PER_CPU));
