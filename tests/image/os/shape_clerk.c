/*
 * clerk - passes its clients on to whoever gives tickets: CLERK_BUILD 1 to desk/1, 2 to
 * desk/2, 3 to tally and sides.
 */
#if CLERK_BUILD == 2
#define DESK_NEXT
#endif
#include "shape.h"

#include <theseus/module.h>

enum { FIRST, SECOND };

static enum ths_err take(struct ths_call *call, struct desk_ticket *arg)
{
#if CLERK_BUILD == 1
	return desk_take(ths_use(call, FIRST), arg);
#elif CLERK_BUILD == 2
	struct desk_side side = {.desk = arg->desk};

	THS_TRY(desk_take(ths_use(call, FIRST), &side));
	arg->value = side.value;
	arg->version = side.version;
	return side.right == (side.value + 1) % 2 ? THS_OK : THS_E_INTERNAL;
#else
	struct desk_side side = {.desk = arg->desk};

	THS_TRY(tally_add(ths_use(call, FIRST), arg));
	side.value = arg->value;
	return sides_add(ths_use(call, SECOND), &side);
#endif
}

static enum ths_err follow(struct ths_call *call, struct desk_seen *arg)
{
#if CLERK_BUILD == 3
	return tally_follow(ths_use(call, FIRST), arg);
#else
	return desk_follow(ths_use(call, FIRST), arg);
#endif
}

#define CLERK(token_, id_, ...)                                                          \
	THS_MODULE(token_, id_, CLERK_BUILD, 0,                                          \
		   THS_PROVIDES(clerk, .take = take, .follow = follow), __VA_ARGS__)
#if CLERK_BUILD == 1
CLERK(clerk, "clerk", THS_USES(FIRST, desk));
#elif CLERK_BUILD == 2
CLERK(clerk_next, "clerk.next", THS_USES(FIRST, desk));
#else
CLERK(clerk_halves, "clerk.halves", THS_USES(FIRST, tally), THS_USES(SECOND, sides));
#endif
