/*
 * gate - two callers, two swappers, one fault: calls, commits, swaps, frees and sleeps.
 *
 * Two clients share one row, a count of items. The *putter* adds one unless there are
 * ROOM, the *taker* takes one unless there is none, each CALLS times; who cannot proceed
 * gets THS_E_AGAIN and sleeps on its read set. Both call a module through its binding,
 * which is a row like any other: to swap the module is to commit a new version of it.
 * Two swappers do so while calls are in flight, then wait for quiescence and unmap what
 * they replaced. One operation somewhere faults; its client is told, and asks again. Each
 * of the four is a CPU of its own, and every order in which their accesses can meet is
 * tried.
 *
 * A slot is one word: a version record (named by its commit number, `ver`), a LOCK bit
 * and a WAITERS bit. One step of a process is one access to shared memory with the local
 * work around it. More than that is merged only where it hides no behaviour:
 *   - the start: word made odd, token taken, clock read. Whatever happens in between may
 *     as well happen before, where a swapper that samples us has less to wait for.
 *   - the end: token and word given back. Nobody can tell their order.
 *   - taking the token shared and locking: only an exclusive taker sees the former.
 *   - sampling all CPUs: early samples are the dangerous ones.
 *   - text is checked where the module last runs; once unmapped, it stays unmapped.
 *
 * What is asserted
 *   - a module's text is mapped whenever it runs; it is unmapped once, and not while bound;
 *   - a commit's binding is current at its commit version: no swap has a version between
 *     that of the binding read and that of the commit, whichever installs first;
 *   - puts find room, takes an item; a call returns once, THS_OK with one install or an
 *     error with none, and at the end the count is what the calls make of it;
 *   - an operation fails TRIES times at most: the token ends conflicts;
 *   - all come to their end (else pan reports an invalid end state): no deadlock, no lost
 *     wake-up, both swaps end. There are no cycles, so nothing can go on for ever either.
 *
 * Covers P1 (activity word), P4, P5 (token), P6 (reads at one version), P8, P13
 * (quiescence), P17 (a binding is a row), design 4 "conflicts" and "faults".
 *
 * Left out: nesting (it stays inside one transaction), effects other than wakes, the free
 * of old row versions (it takes the path of old text), sleep numbers (here a stale wake
 * does wake, which is worse: the sleeper asks again), several write slots (commit.pml),
 * memory order weaker than the program's (the gate's xchg is a full barrier).
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed VALIDATE_FIRST: assertion violated !(stale[me])
 *     the read set is validated before the commit version is taken
 *   seed NO_RECOMPARE: invalid end state
 *     the sleeper registers and sleeps without comparing again
 *   seed NO_QUIESCENCE: assertion violated !((unmapped&(1<<m)))
 *     old text is unmapped as soon as the new binding is installed
 *   seed SAMPLE_EARLY: assertion violated !((unmapped&(1<<m)))
 *     the activity words are sampled before the binding is locked
 *   seed LOAD_EARLY: assertion violated !((unmapped&(1<<m)))
 *     the gate loads the binding before its activity word is odd
 *   seed WAIT_INSIDE: invalid end state
 *     the swapper waits for quiescence inside its own interaction
 *   seed WAITERS_EARLY: invalid end state
 *     commit reads the WAITERS bit before the install and not with it
 *   seed UNLOCK_STORES: invalid end state
 *     an aborted commit stores the word it had locked: a WAITERS bit set since is lost
 *   seed FAULT_STAYS: assertion violated (inside==0)
 *     unwinding a fault does not make the activity word even
 *   seed FAULT_KEEPS: assertion violated (kept==!(faulted))
 *     what a faulting operation wrote is committed
 */
#ifndef CALLS
#define CALLS 2
#endif
#ifndef TRIES
#define TRIES 1 /* failed tries before the token is taken; 8 in the library */
#endif

#define ROOM 2
#define BIT(n) (1 << (n))
#define BINDING 0
#define ROW 1
#define BOTH (BIT(BINDING) | BIT(ROW))

/* The slots, and what their present version records say. */
byte clock = 1;
byte ver[2] = 1;
bool locked[2], waiters[2];
byte module = 4; /* the record of BINDING: which instance is bound */
byte items = 1;  /* the record of ROW */
byte unmapped;   /* set of instances whose text is gone */

/* The CPUs' transactions; 0 where there is none. */
byte rv[4];      /* the clock at the start */
byte bver[4];    /* version read of BINDING */
byte rver[2];    /* version read of ROW */
byte wv[4];      /* commit version */

/* nano_core: activity words, the token, who sleeps on what. */
byte inside;     /* set of CPUs whose activity word is odd */
byte owes[2];    /* per swapper: CPUs that were odd when sampled and did not move since */
byte shared;     /* commits that hold the token */
bool exclusive;
byte sleeps[2];  /* per client: set of slots it is registered with */
bool woken[2];

/* Ghosts: what the assertions need to remember. */
bool stale[2];   /* per client: a swap lies between the binding read and wv, if taken */
bool beaten[2];  /* per swapper: a commit with a later version relied on what it replaces */
byte faults = 1; /* still to happen */

/*
 * Commit numbers are compared and never counted, so states that differ by the numbers
 * and not by their order are the same. forget() renumbers: a number read of a slot that
 * has changed since becomes 0, and gaps are closed. rv and clock only bound others from
 * below or above, so they need not keep a number alive.
 */
hidden byte v, p;

inline forget()
{
	{
		for (p : 0 .. 3) {
			bver[p] = (bver[p] == ver[BINDING] -> bver[p] : 0)
		}
		rver[0] = (rver[0] == ver[ROW] -> rver[0] : 0);
		rver[1] = (rver[1] == ver[ROW] -> rver[1] : 0);
		v = clock;
		do
		:: v == 0 -> break
		:: v > 0 && (v == ver[0] || v == ver[1] || v == wv[0] || v == wv[1] ||
			v == wv[2] || v == wv[3]) -> v--
		:: else ->
			for (p : 0 .. 3) {
				close(rv[p]);
				close(bver[p]);
				close(wv[p])
			}
			for (p : 0 .. 1) {
				close(ver[p]);
				close(rver[p])
			}
			close(clock);
			v--
		od;
		p = 0
	}
}

inline close(number)
{
	number = (number >= v -> number - 1 : number)
}

/*
 * Entering and leaving count the activity word up: odd inside, even outside. A swapper
 * that was waiting for it to move is no longer. (The word itself would never repeat a
 * state; its last bit and who waits for it is all that anyone can see.)
 */
inline step_activity()
{
	inside = inside ^ BIT(me);
	owes[0] = owes[0] & ~BIT(me);
	owes[1] = owes[1] & ~BIT(me)
}

/* After as many failed tries as we allow ourselves, nobody else may commit. */
inline take_token()
{
	if
	:: tries < TRIES
	:: else -> shared == 0 && !exclusive; exclusive = true
	fi
}

inline drop_token()
{
	if
	:: tries < TRIES
	:: else -> exclusive = false
	fi
}

/* Commits share the token; its exclusive holder has it already. */
inline share_token()
{
	if
	:: tries == TRIES
	:: else -> !exclusive; shared++
	fi
}

inline unshare_token()
{
	if
	:: tries == TRIES
	:: else -> shared--
	fi
}

inline wake_if(who, slot)
{
	if
	:: heard && (sleeps[who] & BIT(slot)) -> woken[who] = true
	:: else
	fi
}

inline check_text(instance)
{
	assert(!(unmapped & BIT(instance)))
}

/* The slot's word; its record is immutable, so reading that is local. */
inline read_binding(instance)
{
	atomic {
		if
		:: locked[BINDING] || ver[BINDING] > rv[me] -> goto conflict
		:: else -> bver[me] = ver[BINDING]; instance = module
		fi
	}
}

inline validate(slot, seen)
{
	if
	:: locked[slot] || ver[slot] != seen -> goto conflict
	:: else
	fi
}

proctype client(byte me; bool puts)
{
	byte calls = CALLS;
	byte tries, m;
	bool again, faulted, heard, locks, kept;

try:
#ifdef LOAD_EARLY
	atomic {
		take_token();
		!locked[BINDING];
		rv[me] = clock; bver[me] = ver[BINDING]; m = module
	}
	atomic { step_activity() }
#else
	atomic { step_activity(); take_token(); rv[me] = clock }
	read_binding(m);
#endif
	stale[me] = false;

	/* The module runs, reads the row, writes its copy; it may fault. */
	atomic {
		check_text(m);
		if
		:: locked[ROW] || ver[ROW] > rv[me] -> goto conflict
		:: else -> rver[me] = ver[ROW]; again = (items == (puts -> ROOM : 0)); rv[me] = 0
		fi;
		if
		:: faults > 0 -> faults--; faulted = true; again = false
		:: true
		fi
	}
	atomic {
		check_text(m);
		m = 0;
		if
		:: again ->
			again = false;
			drop_token();
			sleeps[me] = BIT(BINDING) | BIT(ROW);
			stale[me] = false;
			goto sleep
#ifndef FAULT_KEEPS
		:: faulted -> goto believe
#endif
		:: else
		fi;

		/* Commit: lock, version, validate, install. */
		share_token();
		if
		:: locked[ROW] || ver[ROW] != rver[me] -> unshare_token(); goto conflict
		:: else -> locked[ROW] = true; locks = true
		fi;
#ifdef UNLOCK_STORES
		heard = waiters[ROW]
#endif
	}
#ifdef VALIDATE_FIRST
	atomic { validate(BINDING, bver[me]) }
	d_step { clock++; wv[me] = clock; forget() }
#else
	d_step { clock++; wv[me] = clock; forget() }
	atomic { validate(BINDING, bver[me]) }
#endif
#ifdef WAITERS_EARLY
	heard = waiters[ROW];
#endif
	d_step {
		assert(!stale[me]);
		assert(ver[ROW] == rver[me] && items != (puts -> ROOM : 0));
		ver[ROW] = wv[me];
		items = (puts -> items + 1 : items - 1);
		locked[ROW] = false;
#ifndef WAITERS_EARLY
		heard = waiters[ROW];
#endif
		waiters[ROW] = false;
		beaten[0] = (wv[2] != 0 && wv[2] < wv[me] -> true : beaten[0]);
		beaten[1] = (wv[3] != 0 && wv[3] < wv[me] -> true : beaten[1]);
		wv[me] = 0;
		locks = false;
		kept = true;
		forget()
	}
	atomic {
		wake_if(1 - me, ROW);
		heard = false;
		unshare_token();
		goto returns
	}

	/* THS_E_AGAIN: register, set the bits, compare, and only then sleep. */
sleep:
	waiters[BINDING] = true;
	waiters[ROW] = true;
#ifdef NO_RECOMPARE
	atomic { bver[me] = 0; rver[me] = 0; tries = 0; step_activity() }
#else
	atomic {
		if
		:: ver[BINDING] != bver[me] -> goto stay
		:: else -> bver[me] = 0
		fi
	}
	atomic {
		if
		:: ver[ROW] != rver[me] -> goto stay
		:: else -> rver[me] = 0; tries = 0; step_activity()
		fi
	}
#endif
	atomic { woken[me] -> woken[me] = false; sleeps[me] = 0; goto try }
stay:
	atomic {
		step_activity();
		woken[me] = false;
		sleeps[me] = 0;
		tries = 0; bver[me] = 0; rver[me] = 0;
		goto try
	}

	/* Give all back; a fault that came of stale reads is charged to nobody. */
conflict:
	atomic {
		if
		:: locks ->
			locked[ROW] = false;
			locks = false;
			unshare_token();
#ifdef UNLOCK_STORES
			waiters[ROW] = heard;
			heard = false;
#endif
		:: else
		fi;
		if
		:: faulted -> faulted = false; faults++
		:: else
		fi;
		step_activity();
		tries++;
		assert(tries <= TRIES);
		rv[me] = 0; wv[me] = 0; bver[me] = 0; rver[me] = 0; m = 0; again = false; stale[me] = false;
		forget();
		goto try
	}

	/* A fault is believed only if what it rests on is still so. */
believe:
	atomic { validate(BINDING, bver[me]) }
	atomic { validate(ROW, rver[me]) }
returns:
	atomic {
		drop_token();
		tries = 0; bver[me] = 0; rver[me] = 0; stale[me] = false;
		assert(kept == !faulted);
		if
		:: faulted ->
			faulted = false;
#ifndef FAULT_STAYS
			step_activity();
#endif
			goto try
		:: else ->
			kept = false;
			step_activity();
			calls--
		fi;
		if
		:: calls > 0 -> goto try
		:: else
		fi
	}
}

inline sample(cpu)
{
	if
	:: inside & BIT(cpu) -> owes[me - 2] = owes[me - 2] | BIT(cpu)
	:: else
	fi
}

inline sample_others()
{
	sample(0);
	sample(1);
	sample(5 - me)
}

inline note_swap(who)
{
	stale[who] = (bver[who] != 0 && (wv[who] == 0 || wv[who] > wv[me]) -> true : stale[who])
}

/* Publishes instance `me` in place of what is bound, then retires that. */
proctype swapper(byte me)
{
	byte tries, old;
	bool heard;

try:
	atomic { step_activity(); take_token(); rv[me] = clock }
	read_binding(old);
#ifdef SAMPLE_EARLY
	atomic { sample_others() }
#endif
	atomic {
		rv[me] = 0;
		share_token();
		if
		:: locked[BINDING] || ver[BINDING] != bver[me] -> unshare_token(); goto conflict
		:: else -> locked[BINDING] = true; bver[me] = 0
		fi;
	}
	d_step { clock++; wv[me] = clock; forget() }
	d_step {
		assert(!beaten[me - 2]);
		ver[BINDING] = wv[me];
		module = me;
		locked[BINDING] = false;
		heard = waiters[BINDING];
		waiters[BINDING] = false;
		note_swap(0);
		note_swap(1);
		wv[me] = 0;
		forget()
	}
	atomic {
		wake_if(0, BINDING);
		wake_if(1, BINDING);
		heard = false;
		unshare_token();
		drop_token();
		tries = 0;
#ifndef WAIT_INSIDE
		step_activity();
#endif
#ifndef SAMPLE_EARLY
		sample_others()
#endif
	}
	atomic {
#ifndef NO_QUIESCENCE
		owes[me - 2] == 0;
#endif
		assert(module != old && !(unmapped & BIT(old)));
		unmapped = unmapped | BIT(old);
		old = 0;
#ifdef WAIT_INSIDE
		step_activity();
#endif
		goto done
	}

conflict:
	atomic {
		step_activity();
		tries++;
		assert(tries <= TRIES);
		rv[me] = 0; bver[me] = 0; old = 0;
		goto try
	}
done:
	skip
}

init
{
	atomic {
		run client(0, true);
		run client(1, false);
		run swapper(2);
		run swapper(3)
	}
	/* All have ended: both swaps are done, what they replaced is gone, the rest is not. */
	_nr_pr == 1;
	assert(items == 1 && (unmapped == (BIT(4) | BIT(2)) || unmapped == (BIT(4) | BIT(3))));
	assert(!(unmapped & BIT(module)));
	assert(inside == 0);
	assert(shared == 0 && !exclusive && !locked[BINDING] && !locked[ROW])
}
