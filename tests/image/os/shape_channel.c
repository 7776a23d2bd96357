/*
 * channel.sync, channel.buffered - message passing that is evolved in the midst of
 * traffic, as in the case study of Boos et al., OSDI 2020. Synchronous, a message is taken
 * only if somebody waits for it; BUFFERED, while there is room. When messages were
 * buffered and the synchronous build comes back, it hands out what is left first.
 */
#include "shape.h"

#include <theseus/module.h>

enum { CHANNEL };

struct channel_sync { /* "shape.channel/1" */
	uint32_t ready; /* who receives has said so, and got nothing since */
	uint32_t count;
	uint64_t message[CHANNEL_ROOM]; /* more than one only if buffered before */
};
struct channel_buffered { /* "shape.channel/2": a ring */
	uint32_t first, count;
	uint64_t message[CHANNEL_ROOM];
};

#ifndef BUFFERED
typedef struct channel_sync channel_row;
#define SCHEMA "shape.channel/1"
#define BUILD  1

static enum ths_err offer(struct ths_call *call, struct ths_no_args *arg)
{
	channel_row *row;

	(void)arg;
	THS_TRY(ths_row_write(call, CHANNEL, 0, &row));
	row->ready = 1;
	return THS_OK;
}

static enum ths_err receive(struct ths_call *call, struct channel_message *arg)
{
	channel_row *row;

	THS_TRY(ths_row_write(call, CHANNEL, 0, &row));
	if (row->count == 0)
		return THS_E_AGAIN;
	arg->value = row->message[0];
	arg->version = BUILD;
	for (uint32_t i = 1; i < row->count; i++)
		row->message[i - 1] = row->message[i];
	row->count--;
	return THS_OK;
}

static enum ths_err send(struct ths_call *call, struct channel_message *arg)
{
	channel_row *row;

	THS_TRY(ths_row_write(call, CHANNEL, 0, &row));
	if (!row->ready || row->count)
		return THS_E_AGAIN;
	row->ready = 0;
	row->count = 1;
	row->message[0] = arg->value;
	arg->version = BUILD;
	return THS_OK;
}
#define CHANGES
#else
typedef struct channel_buffered channel_row;
#define SCHEMA "shape.channel/2"
#define BUILD  2

static enum ths_err offer(struct ths_call *call, struct ths_no_args *arg)
{
	(void)call;
	(void)arg;
	return THS_OK;
}

static enum ths_err receive(struct ths_call *call, struct channel_message *arg)
{
	channel_row *row;

	THS_TRY(ths_row_write(call, CHANNEL, 0, &row));
	if (row->count == 0)
		return THS_E_AGAIN;
	arg->value = row->message[row->first];
	arg->version = BUILD;
	row->first = (row->first + 1) % CHANNEL_ROOM;
	row->count--;
	return THS_OK;
}

static enum ths_err send(struct ths_call *call, struct channel_message *arg)
{
	channel_row *row;

	THS_TRY(ths_row_write(call, CHANNEL, 0, &row));
	if (row->count == CHANNEL_ROOM)
		return THS_E_AGAIN;
	row->message[(row->first + row->count) % CHANNEL_ROOM] = arg->value;
	row->count++;
	arg->version = BUILD;
	return THS_OK;
}

static enum ths_err there(const void *old_row, void *new_row)
{
	const struct channel_sync *from = old_row;
	struct channel_buffered *to = new_row;

	to->count = from->count;
	for (uint32_t i = 0; i < from->count; i++)
		to->message[i] = from->message[i];
	return THS_OK;
}

/* Whether somebody waits is not known here: it says so, or else a message too many is
 * taken, once. */
static enum ths_err back(const void *old_row, void *new_row)
{
	const struct channel_buffered *from = old_row;
	struct channel_sync *to = new_row;

	to->ready = 1;
	to->count = from->count;
	for (uint32_t i = 0; i < from->count; i++)
		to->message[i] = from->message[(from->first + i) % CHANNEL_ROOM];
	return THS_OK;
}
#define CHANGES , THS_MIGRATE(0, "shape.channel/1", SCHEMA, there, back)
#endif

#define CHANNEL_MODULE(token_, id_)                                                      \
	THS_MODULE(token_, id_, BUILD, 0,                                                \
		   THS_PROVIDES(channel, .offer = offer, .receive = receive,             \
				.send = send),                                           \
		   THS_TABLE(CHANNEL, SCHEMA, channel_row) CHANGES)
#ifndef BUFFERED
CHANNEL_MODULE(channel_sync, "channel.sync");
#else
CHANNEL_MODULE(channel_buffered, "channel.buffered");
#endif
