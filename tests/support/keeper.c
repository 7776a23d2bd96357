/*
 * keeper - see keeper.h. KEEPER_VERSION 2 has its state laid out otherwise in every way that
 * there is: members elsewhere, new and gone, arrays longer and of other structs. Version 3
 * has a member of another kind, which is refused.
 */
#include "keeper.h"

#include <theseus/metamodule.h>

#ifndef KEEPER_VERSION
#define KEEPER_VERSION 1
#endif

#if KEEPER_VERSION == 2
struct keeper_state {
	uint16_t adopted; /* times this layout took over from another */
	struct keeper_latest {
		uint32_t spare;
		char mark;
		uint64_t amount;
	} latest[6];
	uint32_t adds;
	uint64_t total;
};
#else
struct keeper_state {
#if KEEPER_VERSION == 3
	uint32_t total;
#else
	uint64_t total;
#endif
	uint32_t adds;
	uint32_t gone;
	struct keeper_latest {
		uint64_t amount;
		char mark;
	} latest[4];
};
#endif

/* Hosted, both are part of one program. */
#if KEEPER_VERSION == 2 && !defined(THS_MODULE_BUILD)
#define KEEPER_TOKEN keeper_v2
#define KEEPER_STATE ths_state_keeper_v2
#else
#define KEEPER_TOKEN keeper
#define KEEPER_STATE ths_state_keeper
#endif
#define KEEPER_HAS_STATE(token_) THS_STATE(token_, struct keeper_state)
#define KEEPER_MODULE(token_, ...) THS_MODULE(token_, __VA_ARGS__)
KEEPER_HAS_STATE(KEEPER_TOKEN);

#define LATEST (sizeof(KEEPER_STATE.latest) / sizeof(KEEPER_STATE.latest[0]))

static enum ths_err keeper_add_op(struct ths_call *call, struct keeper_add *arg)
{
	struct keeper_state *state = &KEEPER_STATE;

	(void)call;
	for (unsigned i = 0; i < 3; i++)
		arg->last[i] = state->latest[i].mark == '+' ? state->latest[i].amount : 0;
	for (unsigned i = LATEST - 1; i > 0; i--)
		state->latest[i] = state->latest[i - 1];
	state->latest[0] = (struct keeper_latest){.amount = arg->amount, .mark = '+'};
	state->total += arg->amount;
	arg->total = state->total;
	arg->adds = ++state->adds;
	arg->version = KEEPER_VERSION;
	return THS_OK;
}

#if KEEPER_VERSION == 2
static enum ths_err adopt(struct ths_call *call)
{
	(void)call;
	KEEPER_STATE.adopted++;
	return KEEPER_STATE.total == KEEPER_UNLUCKY ? THS_E_IO : THS_OK;
}
#define KEEPER_ADOPT .adopt = adopt
#else
#define KEEPER_ADOPT .adopt = NULL
#endif

KEEPER_MODULE(KEEPER_TOKEN, "keeper", KEEPER_VERSION, 0, THS_PROVIDES(keeper, .add = keeper_add_op),
	     THS_HOLDS("keeper.state/1", struct keeper_state, KEEPER_STATE, KEEPER_ADOPT));
