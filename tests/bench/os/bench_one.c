/*
 * bench.one - one of many: nothing but an operation.
 */
#include <theseus/interface.h>
#include <theseus/module.h>

#define ONE_OPS(OP) OP(one, null, struct ths_no_args, 0)
THS_INTERFACE(one, 1, ONE_OPS)

static enum ths_err one_null_op(struct ths_call *call, struct ths_no_args *arg)
{
	(void)call;
	(void)arg;
	return THS_OK;
}

THS_MODULE(bench_one, "bench.one", 1, 0, THS_PROVIDES(one, .null = one_null_op));
