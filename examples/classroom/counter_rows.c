/*
 * counter.rows - the number is a row of a table. The module has no memory of its own.
 */
#include <theseus/module.h>
#include "counter.h"

enum { TOTAL };

struct counter_total { /* "counter.total/1" */
	uint64_t total;
};

static enum ths_err rows_add(struct ths_call *call, struct counter_add *arg)
{
	struct counter_total *row;

	THS_TRY(ths_row_write(call, TOTAL, 0, &row));
	row->total += arg->amount;
	arg->total = row->total;
	return THS_OK;
}

static enum ths_err rows_stumble(struct ths_call *call, struct counter_add *arg)
{
	THS_TRY(rows_add(call, arg));
	arg->total = *(volatile uint64_t *)0;
	return THS_OK;
}

THS_MODULE(counter_rows, "counter.rows", 1, 0,
	   THS_TABLE(TOTAL, "counter.total/1", struct counter_total),
	   THS_PROVIDES(counter, .add = rows_add, .stumble = rows_stumble));
