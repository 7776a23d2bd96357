/*
 * migrate - a table changes its schema while it is read, written and swept, and back.
 *
 * Instance 0 knows rows of kind 0, instance 1 rows of kind 1. The swapper publishes 1, 0
 * and 1 again, or gives a publication up in its midst; where no step is under way it begins
 * one, else it turns that round. Whoever meets a row of the other kind converts it, in a
 * copy of its own; what a caller commits is of the caller's kind. The sweeper passes over
 * the rows and ends the step. There is one row, for each is converted by itself; two callers
 * read or write it:
 *
 *	BOUND    calls through the binding that is swapped
 *	INVOKED  calls the instance itself, as kicks do: there is no binding to validate
 *	STAYS    the same of an instance 0 of its own, which is unbound while the last call
 *	         is in flight; there only where rows have a way back
 *
 * Rows have a way back, or not: both are searched.
 *
 * What is asserted
 *   - nobody takes a row of the other kind for one of its own, not even on a try that is
 *     going to be a conflict; nobody needs a function that is not there;
 *   - no write is lost;
 *   - a step ends with all rows of its kind; and once nobody calls or swaps any more, it
 *     does end.
 *
 * Covers P18 as migrate.c, convert.c and sweep.c do it. Left out: how a commit validates
 * and versions are reclaimed (gate.pml, commit.pml; here `newer` is what was committed since
 * somebody began), device operations (they hold the token, so nothing is published and no
 * step ends while one runs), rows that cannot be converted.
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed NO_QUIESCE_BEFORE: assertion violated (kind==target)
 *     a pass begins while somebody unbound may still write
 *   seed NO_QUIESCE_AFTER: assertion violated (step||(k==m))
 *     the step ends under a reader that has read, and not yet looked for a step
 *   seed NO_SHARED: assertion violated (step||(k==m))
 *     it ends while somebody bound knows the old kind
 *   seed NO_TURNS: assertion violated (kind==target)
 *     it ends although it was turned round during the pass
 *   seed BLIND: assertion violated (val==written)
 *     the sweeper installs without validating the row ...
 *   seed NO_TURN_READ: assertion violated (kind==bound)
 *     ... or where rows go
 *   seed NO_HEIR: assertion violated ((to==1)||back)
 *     an instance that was superseded commits
 *   seed CHECK_EARLY: assertion violated ((to==1)||back)
 *     whether there is a way back is asked before commits are held off
 *   seed NO_UNPARK: invalid end state
 *     who leaves does not tell the sweeper ...
 *   seed ONLY_UNPARK: invalid end state
 *     ... or tells it what it forgets, in the midst of a pass
 */
#define CALLS   2
#define SWAPS   3
#define SWEEPER 2 /* beside callers 0 and 1 */
#define SWAPPER 3
#define ROW     0 /* in `newer` */
#define BINDING 1
#define STEP    1
#define BIT(n)  (1 << (n))

mtype = { BOUND, INVOKED, STAYS };

bool kind, val, written; /* of the row: writes it has seen, modulo 2; ghost: committed ones */
bool bound;              /* the instance */
bool stays;              /* somebody who stays is bound */
bool back;               /* kind 1 can become kind 0 again */
bool step, target;
bool entered;            /* a row of kind 1 was committed in this step */
bool turned;             /* what a pass counts on has changed since it began */
bool parked;             /* the sweeper has done what it can */
bool held;               /* the conflict token: nobody else commits */
byte inside, owes;       /* sets of who is at depth > 0; of whom quiescence waits for */
byte newer[3];           /* callers, sweeper: what was committed since it began */
byte going = 3;          /* callers and swapper that have not ended */
bool over;

inline leave(who)
{
	inside = inside & ~BIT(who);
	owes = owes & ~BIT(who)
}

inline install(as)
{
	kind = as;
	entered = entered || (step && as);
	newer[0] = newer[0] | BIT(ROW);
	newer[1] = newer[1] | BIT(ROW);
	newer[SWEEPER] = newer[SWEEPER] | BIT(ROW)
}

inline turn()
{
#ifndef ONLY_UNPARK
	turned = true;
#endif
	newer[SWEEPER] = newer[SWEEPER] | BIT(STEP);
	parked = false
}

/* Whom the caller runs as may still commit. */
#ifdef NO_HEIR
#define SERVES (how != BOUND || !(newer[me] & BIT(BINDING)))
#else
#define SERVES (how == STAYS || (how == INVOKED && m == bound) || \
		(how == BOUND && !(newer[me] & BIT(BINDING))))
#endif
#define VALID (SERVES && !(newer[me] & BIT(ROW)))

proctype caller(byte me; mtype how)
{
	byte calls = CALLS;
	bool m, k, v;

try:
	atomic { /* what is read is of the moment it begins */
		if
		:: how == STAYS && !stays -> goto done /* run again it finds nobody bound */
		:: how == STAYS && stays -> m = 0
		:: else -> m = bound
		fi;
		inside = inside | BIT(me);
		newer[me] = 0;
		k = kind;
		v = val
	}
	atomic { /* whether there is a step is asked afterwards */
		assert(step || k == m);
		if
		:: k != m -> assert(m == 1 || back)
		:: else
		fi;
		k = 0
	}
	if
	:: atomic { how == STAYS && calls == 1 ->
		stays = false;
#ifndef NO_UNPARK
		turn()
#endif
	   }
	:: how != STAYS || calls > 1
	fi;
	atomic {
		if
		:: !VALID -> m = 0; v = 0; leave(me); goto try
		:: VALID /* it only read */
		:: VALID && !held -> val = !v; written = !written; install(m)
		fi;
		m = 0; v = 0;
		leave(me);
		calls--;
		if
		:: calls > 0 -> goto try
		:: else
		fi
	}
done:
	going--
}

#define BARRED (!back && !wants && (entered || !step))

proctype swapper()
{
	byte swaps = SWAPS;
	bool wants, begun, barred;

next:
#ifdef CHECK_EARLY
	atomic { wants = !bound; barred = BARRED }
#endif
	atomic {
		held = true;
		inside = inside | BIT(SWAPPER);
		wants = !bound;
#ifndef CHECK_EARLY
		barred = BARRED;
#endif
	}
	if
	:: barred -> swaps = 1; goto give
	:: else
	fi;
	atomic {
		begun = !step;
		if
		:: begun -> step = true; entered = false
		:: else
		fi;
		target = wants;
		turn()
	}
	if
	:: atomic {
		bound = wants;
		newer[0] = newer[0] | BIT(BINDING);
		newer[1] = newer[1] | BIT(BINDING)
	   }
	:: atomic { /* an error: all is as before */
		target = !wants;
		step = !begun;
		turn()
	   }
	fi;
give:
	atomic {
		held = false;
		turn();
		leave(SWAPPER);
		swaps--;
		if
		:: swaps > 0 -> goto next
		:: else -> going--
		fi
	}
}

#ifdef NO_TURNS
#define LASTS step
#else
#define LASTS (step && !turned)
#endif

proctype sweeper()
{
	bool shared, to, k, v;

pass:
	atomic {
		if
		:: step && !parked -> turned = false; shared = stays && target
		:: !step && going == 0 -> goto done
		fi
	}
#ifndef NO_QUIESCE_BEFORE
	owes = inside;
	owes == 0;
#endif
row:
	atomic { newer[SWEEPER] = 0; to = target; k = kind; v = val }
	atomic {
		if
		:: k != to ->
			!held;
#ifndef BLIND
			if
			:: newer[SWEEPER] & BIT(ROW) -> goto row
			:: else
			fi;
#endif
#ifndef NO_TURN_READ
			if
			:: newer[SWEEPER] & BIT(STEP) -> goto row
			:: else
			fi;
#endif
			assert(to == 1 || back);
			val = v;
			install(to)
		:: else
		fi;
		k = 0; v = 0; to = 0
	}
#ifndef NO_SHARED
	atomic {
		if
		:: shared -> parked = !turned; shared = false; goto pass
		:: else
		fi
	}
#endif
#ifndef NO_QUIESCE_AFTER
	owes = inside;
	owes == 0;
#endif
	atomic {
		!held;
		if
		:: LASTS -> assert(kind == target); step = false
		:: else
		fi;
		shared = false;
		goto pass
	}
done:
	over = true
}

init {
	atomic {
		if
		:: back = true;
			if
			:: stays = true; run caller(1, STAYS)
			:: run caller(1, INVOKED)
			fi
		:: run caller(1, INVOKED)
		fi;
		run caller(0, BOUND);
		run swapper();
		run sweeper()
	}
	atomic {
		over;
		assert(kind == bound);
		assert(val == written)
	}
}
