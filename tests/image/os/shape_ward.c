/*
 * ward.a, ward.b, ward.c - three who could serve in each other's place, and fault whenever
 * they are told to. So who serves is, again and again, for the loader's policy to say.
 */
#include "shape.h"

#include <theseus/module.h>

enum { WARD };

static enum ths_err visit(struct ths_call *call, struct ward_visit *arg)
{
	struct ward_row *row;

	THS_TRY(ths_row_write(call, WARD, 0, &row));
	arg->value = ++row->visits;
	arg->version = WARD_BUILD;
	return arg->faults == WARD_BUILD ? (enum ths_err)77 : THS_OK;
}

static enum ths_err follow(struct ths_call *call, struct ward_visit *arg)
{
	const struct ward_row *row;

	THS_TRY(ths_row_read(call, WARD, 0, &row));
	if (row->visits <= arg->value)
		return THS_E_AGAIN;
	arg->value = row->visits;
	return THS_OK;
}

#define WARD_MODULE(token_, id_)                                                         \
	THS_MODULE(token_, id_, WARD_BUILD, 0,                                           \
		   THS_PROVIDES(ward, .visit = visit, .follow = follow),                 \
		   THS_TABLE(WARD, "shape.ward/1", struct ward_row))
WARD_MODULE(WARD_TOKEN, WARD_ID);
