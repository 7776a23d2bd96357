/*
 * probation - a swap is taken back, or the one before goes, while calls are in flight.
 *
 * Instance 1 takes the place of instance 0, which is kept. Two callers call through the
 * binding; instance 1 may fault. A believed fault is seen to at depth 0, between two tries
 * of the interaction: who gets the loader's turn publishes 0 again and is then served by
 * it; who does not get it marks 1 condemned. The sweep, which also needs the turn, reverts
 * what is condemned, ends a probation whose time is over, and unmaps text when every CPU
 * that was inside an interaction when it was superseded has left that.
 *
 * What is asserted
 *   - text that runs is mapped; it is unmapped once, and never while it is bound;
 *   - to revert is done once, by who has the turn, while 1 is bound and 0 is kept;
 *   - a probation in which a fault was believed does not end by time;
 *   - at the end nobody is kept, and the one that is not bound is gone.
 *
 * Covers P4's order of publish and retire as probation.c and cascade.c use it, P19 (between
 * tries). Left out: how a commit validates (gate.pml), device operations (token.pml), the
 * cascade's other steps, which are swaps.
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed MARK_FIRST: assertion violated !((unmapped&(1<<m)))
 *     who is inside is sampled before the binding is published
 *   seed NO_MARK: assertion violated !((unmapped&(1<<m)))
 *     the end of a probation unmaps at once
 *   seed NO_TURN: assertion violated (before&&(bound==1))
 *     the sweep does not take the turn
 *   seed NO_LOOK: assertion violated (before&&(bound==1))
 *     who gets the turn does not look whether somebody has seen to it
 *   seed NO_CONDEMN: assertion violated !(blamed)
 *     who does not get the turn leaves no mark
 */
#define CALLS 2
#define BIT(n) (1 << (n))

byte bound;     /* the instance the binding leads to */
bool before;    /* 1 is on probation: 0 is kept */
bool condemned; /* 1 failed, and was not reverted yet */
bool turn;      /* the loader's: somebody has it */
byte unmapped, retired; /* sets of instances: text gone; text to go */
byte owes[2];   /* per instance: callers inside since it was superseded */
byte inside;    /* set of callers */
byte faults = 2;
byte going = 2; /* callers that have not ended */
bool swapped, over;
bool blamed;    /* ghost: a fault was believed while 0 was kept, and nothing done */

inline step_activity()
{
	inside = inside ^ BIT(me);
	owes[0] = owes[0] & ~BIT(me);
	owes[1] = owes[1] & ~BIT(me)
}

inline unmap(instance)
{
	assert(bound != instance && !(unmapped & BIT(instance)));
	unmapped = unmapped | BIT(instance);
	retired = retired & ~BIT(instance)
}

inline retire(instance)
{
	atomic {
		if
#ifndef NO_MARK
		:: owes[instance] -> retired = retired | BIT(instance)
#endif
		:: else -> unmap(instance)
		fi
	}
}

inline revert()
{
	atomic { assert(before && bound == 1); bound = 0 }
	atomic { before = false; condemned = false; blamed = false; owes[1] = inside }
	retire(1)
}

proctype caller(byte me)
{
	byte calls = CALLS, m;
	bool faulted;

try:
	atomic { step_activity() }
	atomic { m = bound }
	atomic {
		assert(!(unmapped & BIT(m)));
		if
		:: m == 1 && faults > 0 -> faults--; faulted = true
		:: true
		fi
	}
	atomic {
		assert(!(unmapped & BIT(m)));
		step_activity();
		if
		:: bound != m && faulted -> faulted = false; faults++; goto try /* nobody's */
		:: bound != m && !faulted -> goto try
		:: bound == m && !faulted -> goto returns
		:: else -> faulted = false
		fi;
		if
		:: turn ->
			blamed = before;
#ifndef NO_CONDEMN
			condemned = before;
#endif
			goto returns
		:: else -> turn = true
		fi
	}
	if
#ifdef NO_LOOK
	:: true -> revert()
#else
	:: bound == 1 && before -> revert()
	:: bound == 1 && !before -> turn = false; goto returns /* it has served */
	:: else /* somebody has seen to it */
#endif
	fi;
	turn = false;
	goto try
returns:
	atomic {
		m = 0;
		calls--;
		if
		:: calls > 0 -> goto try
		:: else -> going--
		fi
	}
}

proctype swapper()
{
	atomic { !turn -> turn = true }
#ifdef MARK_FIRST
	owes[0] = inside;
	bound = 1;
	before = true;
#else
	bound = 1;
	atomic { owes[0] = inside; before = true }
#endif
	atomic { swapped = true; turn = false }
}

inline sweep_up(instance)
{
	atomic {
		if
		:: (retired & BIT(instance)) && !owes[instance] -> unmap(instance)
		:: else
		fi
	}
}

proctype sweeper()
{
next:
#ifdef NO_TURN
	swapped;
#else
	atomic { swapped && !turn -> turn = true }
#endif
	if
	:: atomic { before && condemned -> skip }
		revert()
	:: atomic { before && !condemned -> assert(!blamed) } /* its time may be over */
		before = false;
		retire(0)
	:: !before
	:: before && going > 0 /* or not yet */
	fi;
	sweep_up(0);
	sweep_up(1);
	atomic {
#ifndef NO_TURN
		turn = false;
#endif
		if
		:: going > 0 || before || retired -> goto next
		:: else -> over = true
		fi
	}
}

init {
	atomic {
		run caller(0);
		run caller(1);
		run swapper();
		run sweeper()
	}
	atomic {
		over;
		assert(!before && !retired && unmapped == BIT(1 - bound))
	}
}
