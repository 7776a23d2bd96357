/*
 * listener - hears a bell, and remembers how often; each instance for itself.
 */
#include "bazaar.h"

#include <theseus/module.h>

enum { HEARD };

static enum ths_err ring(struct ths_call *call, struct listener_heard *arg)
{
	struct listener_heard *heard;

	THS_TRY(ths_row_write(call, HEARD, 0, &heard));
	heard->order = arg->order;
	heard->times++;
	return THS_OK;
}

static enum ths_err heard(struct ths_call *call, struct listener_heard *arg)
{
	const struct listener_heard *row;

	THS_TRY(ths_row_read(call, HEARD, 0, &row));
	*arg = *row;
	return THS_OK;
}

THS_MODULE(listener, "listener", 1, 0,
	   THS_PROVIDES(listener, .ring = ring, .heard = heard),
	   THS_TABLE(HEARD, "listener.heard/1", struct listener_heard,
		     .flags = THS_PER_INSTANCE));
