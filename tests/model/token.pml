/*
 * token - who waits for whom: the conflict token, hardware locks, kicks, a driver's swap.
 *
 * Four CPUs. Two clients change a hot row; each change is a request to a driver and kicks
 * its device operation, which runs at depth 0 and calls, nested, the operation of a bus.
 * A third CPU runs the bus' operation by itself, as an interrupt handler does. The fourth
 * swaps the driver meanwhile. Once, the bus' operation faults, and what it left locked is
 * recovered. All wait by spinning, so whoever waits in a circle waits for ever.
 *
 * The token is a word, and a flag per CPU. Exclusive: take the word, then wait until no
 * other flag is up. Shared: put the flag up, then look at the word; if it is taken, put
 * the flag down and wait. A commit holds it shared, a device operation from its entry to
 * its end, an operation that failed TRIES times exclusively.
 *
 * What is asserted
 *   - nobody waits for ever (else pan reports an invalid end state);
 *   - under the exclusive token no device operation is under way and no try fails;
 *   - a device operation runs under its lock, of an instance that is bound and mapped;
 *   - each request was there before a device operation began that ended well.
 *
 * What this fixes beyond P5 and P10
 *   - A swap of a driver takes the token exclusively *before* its hardware lock: then it
 *     waits for the lock only where a fault left it locked, and `recover` takes no token.
 *   - A device operation looks at its binding again under the lock, for it may have waited
 *     for a swap; a kick of an instance that is bound no more is passed on to the new one.
 *   - The nested device operation takes its lock and not the token, which its caller has.
 *
 * Covers P5, P9 (nesting), P10, P11 (locks after a fault), P13 (quiescence) for kicks.
 *
 * Left out: how a commit locks, validates and installs (gate.pml; here one step), several
 * operations per instance, the tick (a kick that failed is taken up again at once).
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed TOKEN_AFTER_LOCK: invalid end state
 *     a device operation takes its lock first and then the token
 *   seed SWAP_LOCKS_FIRST: invalid end state
 *     the swap takes the hardware lock first and then the token
 *   seed NESTED_SHARES: assertion violated ((tries<1)||(devices==0))
 *     a nested device operation takes the token once more, giving way to its owner
 *   seed KICK_UNDER_TOKEN: invalid end state
 *     the kicked operation runs before the exclusive token is given back
 *   seed RECOVER_SHARES: invalid end state
 *     recover, under the lock a fault left, takes the token as other device operations do
 *   seed NO_RECHECK: assertion violated (bound==d)
 *     a device operation that waited for its lock does not look at its binding again
 *   seed KICK_CLEARED_LATE: assertion violated (done==requests)
 *     a kick is cleared when its operation has ended and not when it begins
 *   seed COMMIT_UNSHARED: assertion violated (tries<1)
 *     commits do not hold the token
 */
#define CALLS 2 /* of each client */
#define TRIES 1 /* failed tries before the token is taken; 8 in the library */

#define BIT(n) (1 << (n))
#define OLD 0
#define NEW 1
#define BUS 2

byte token;      /* 0, or 1 + the CPU that holds it exclusively */
byte committing; /* set of CPUs that hold it shared, or are about to */
bool locked[3];  /* hardware locks: of OLD, NEW, BUS */
byte bound;      /* the driver: OLD or NEW */
byte kicks;      /* set of drivers whose operation is to be run */
byte requests;   /* the hot row: what clients asked for */
byte done;       /* the driver's row: what it has served */
byte inside;     /* set of CPUs whose activity word is odd */
byte owes;       /* CPUs the swapper saw odd that have not moved since */
bool unmapped;   /* the text of OLD is gone */
byte devices;    /* ghost: set of CPUs with a device operation under way */
byte faults = 1; /* still to happen */

inline step_activity()
{
	inside = inside ^ BIT(me);
	owes = owes & ~BIT(me)
}

/* In the word's order: up, look, and down again where it is taken. */
inline share_token()
{
	do
	:: committing = committing | BIT(me);
		if
		:: token == 0 -> break
		:: else -> committing = committing & ~BIT(me)
		fi;
		token == 0
	od
}

inline unshare_token()
{
	committing = committing & ~BIT(me)
}

inline take_token()
{
	atomic { token == 0 -> token = me + 1 }
	!(committing & BIT((me + 1) % 4));
	!(committing & BIT((me + 2) % 4));
	!(committing & BIT((me + 3) % 4))
}

inline lock(which)
{
	atomic { !locked[which] -> locked[which] = true }
}

inline check_driver()
{
	assert(bound == d);
	assert(d == NEW || !unmapped)
}

/* What is pending at depth 0: one kicked operation after the other. */
inline work()
{
	do
	:: atomic { kicks != 0 ->
		d = (kicks & BIT(OLD) -> OLD : NEW);
#ifndef KICK_CLEARED_LATE
		kicks = kicks & ~BIT(d);
#endif
		step_activity() }
		run_driver();
#ifdef KICK_CLEARED_LATE
		kicks = kicks & ~BIT(d)
#endif
	:: atomic { kicks == 0 -> break }
	od
}

inline run_driver()
{
#ifdef TOKEN_AFTER_LOCK
	lock(d);
	share_token();
#else
	share_token();
	devices = devices | BIT(me);
	lock(d);
#endif
	if
#ifndef NO_RECHECK
	:: atomic { bound != d ->
		locked[d] = false;
		devices = devices & ~BIT(me);
		unshare_token();
		step_activity();
		kicks = kicks | BIT(bound);
		d = 0 }
#endif
	:: atomic { else -> check_driver(); taken = requests }
#ifdef NESTED_SHARES
		share_token();
#endif
		lock(BUS);
		if
		:: atomic { faults > 0 -> faults--;
			/* Both levels failed; both locks stay until each has recovered. */
			devices = devices & ~BIT(me);
			unshare_token();
			step_activity() }
			step_activity();
#ifdef RECOVER_SHARES
			share_token();
			unshare_token();
#endif
			atomic { step_activity(); locked[BUS] = false }
			step_activity();
			atomic { check_driver(); step_activity(); locked[d] = false }
			atomic { kicks = kicks | BIT(d); d = 0; taken = 0 }
		:: atomic { true -> locked[BUS] = false }
			atomic { check_driver(); assert(done <= taken); done = taken; locked[d] = false }
			atomic { devices = devices & ~BIT(me); unshare_token(); step_activity();
#ifndef KICK_CLEARED_LATE
				d = 0;
#endif
				taken = 0 }
		fi
	fi
}

proctype client(byte me)
{
	byte calls = CALLS;
	byte tries, seen, binding, d, taken;

try:
	step_activity();
	if
	:: tries == TRIES -> take_token()
	:: else
	fi;
	atomic { /* reads are of one moment */
		assert(tries < TRIES || devices == 0);
		seen = requests;
		binding = bound
	}
#ifndef COMMIT_UNSHARED
	if
	:: tries < TRIES -> share_token()
	:: else
	fi;
#endif
	atomic {
		if
		:: seen == requests && binding == bound -> requests++
		:: else -> goto conflict
		fi
	}
	unshare_token();
	/* The effect comes after the commit, inside the interaction. */
	atomic { kicks = kicks | BIT(binding); seen = 0; binding = 0; calls-- }
#ifdef KICK_UNDER_TOKEN
	step_activity();
	work();
	step_activity();
#endif
	atomic {
		if
		:: tries == TRIES -> assert(devices == 0); token = 0
		:: else
		fi;
		tries = 0;
		step_activity()
	}
	work();
	if
	:: calls > 0 -> goto try
	:: else -> goto end
	fi;

conflict:
	atomic {
		assert(tries < TRIES);
		tries++;
		unshare_token();
		step_activity();
		seen = 0; binding = 0;
		goto try
	}
end:
	skip
}

/* The bus' operation as an outermost one. */
proctype handler(byte me)
{
	step_activity();
#ifdef TOKEN_AFTER_LOCK
	lock(BUS);
	share_token();
#else
	share_token();
	devices = devices | BIT(me);
	lock(BUS);
#endif
	locked[BUS] = false;
	atomic { devices = devices & ~BIT(me); unshare_token(); step_activity() }
}

proctype swapper(byte me)
{
#ifdef SWAP_LOCKS_FIRST
	lock(OLD);
	take_token();
#else
	take_token();
	assert(devices == 0);
	lock(OLD);
#endif
	bound = NEW;
	atomic { locked[OLD] = false; token = 0 }
	owes = inside;
	atomic { owes == 0 -> unmapped = true }
}

init
{
	byte me = 4;

	atomic {
		run client(0);
		run client(1);
		run handler(2);
		run swapper(3)
	}
	_nr_pr == 1;
	assert(kicks == 0 && requests == 2 * CALLS);
	assert(done == requests);
	assert(bound == NEW && unmapped && inside == 0 && committing == 0 && token == 0)
}
