/*
 * rendezvous - state_db takes its own place: CPUs change to the new copy at their depth 0,
 * and are gathered there when its state is moved.
 *
 * Three CPUs. Each runs interactions; one reads the pointer to the copy that serves it at
 * each of two steps, as calls of state_db do, and counts once in the state of that copy.
 * Between interactions a CPU does its pending work. Two of the CPUs swap as well, now with
 * the same layout (one state, both copies serve), now with another (the state is moved
 * while all are gathered); each time the old copy's text goes, and its state, if it was
 * moved, is not looked at again. The loader's turn is what keeps two of them apart; who
 * waits for it does its work meanwhile.
 *
 * What is asserted
 *   - nobody waits for ever (else pan reports an invalid end state);
 *   - an interaction ends in the copy it began with;
 *   - nobody runs in a copy whose text is gone;
 *   - at the end the state that is served has all that was ever counted: nothing was
 *     written to one that had been moved already.
 *
 * Covers P20; M2 of nano_core/meta.c, Y1 of nano_core/db.c.
 *
 * Left out: the publication of bindings (gate.pml), a move that fails: then the old copy
 * and its state have not been touched.
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed NO_TURN: invalid end state
 *     two gather at once: each waits for the other
 *   seed WAITS_DEAF: invalid end state
 *     who waits for the loader's turn does no work meanwhile
 *   seed REMOTE: assertion violated mapped[copy]
 *     the swapper changes the others' pointers, without their being at depth 0
 *   seed NO_WAIT: assertion violated mapped[copy]
 *     the text goes before all have changed
 *   seed NO_GATHER: assertion violated (counted[block[serving]]==total)
 *     the state is moved while others run
 */
#define CPUS 3
#define CALLS 2 /* interactions of each */
#define COPIES 5

byte db[CPUS];       /* the copy that serves each CPU */
byte serving;        /* that CPUs are to go on with */
byte block[COPIES];  /* whose state each copy is linked to */
bool mapped[COPIES]; /* its text is there */
byte counted[COPIES]; /* in each block */
byte total;          /* ghost: of all interactions */
byte turn;           /* 0, or 1 + the CPU that has the loader's turn */
byte meeting;        /* 0, or the number of the one that somebody has called */
byte meetings;       /* so far */
byte met[CPUS];      /* the meeting each stays in, or was in */
byte pending;        /* set of CPUs with work to do */
byte made = 1;       /* copies so far */

#define BIT(n) (1 << (n))
#define ALL    ((1 << CPUS) - 1)

/* At depth 0: stay while gathered, then go on with what serves. */
inline work()
{
	if
	:: pending & BIT(me) ->
		pending = pending & ~BIT(me);
		seen = meeting;
		if
		:: seen != 0 ->
			met[me] = seen;
			(meeting != seen)
		:: else
		fi;
		db[me] = serving
	:: else
	fi
}

inline interaction()
{
	copy = db[me];
	assert(mapped[copy]);
	seen = counted[block[copy]]; /* a step in it */
	assert(copy == db[me]);
	assert(mapped[copy]);
	atomic { counted[block[copy]]++; total++ }; /* its commit */
	assert(mapped[copy])
}

inline take_turn()
{
#ifdef NO_TURN
	skip
#else
	do
	:: atomic { turn == 0 -> turn = me + 1 };
		break
	:: turn != 0 && turn != me + 1 ->
#ifdef WAITS_DEAF
		(turn == 0)
#else
		if
		:: pending & BIT(me) -> work()
		:: turn == 0
		fi
#endif
	od
#endif
}

inline change_all()
{
	serving = next;
	db[me] = next;
#ifdef REMOTE
	d_step { db[0] = next; db[1] = next; db[2] = next }
#else
	pending = pending | (ALL & ~BIT(me));
#ifndef NO_WAIT
	(db[0] == next && db[1] == next && db[2] == next)
#endif
#endif
}

/* Same layout: linked to the same block. */
inline swap_same()
{
	d_step { next = made; made++; mapped[next] = true; block[next] = block[old] };
	change_all()
}

/* Another: a block of its own, filled while nobody else runs. */
inline swap_other()
{
	d_step { next = made; made++; mapped[next] = true; block[next] = next };
#ifdef NO_GATHER
	counted[next] = counted[block[old]];
	change_all()
#else
	d_step { meetings++; seen = meetings; met[me] = seen };
	meeting = seen;
	pending = pending | (ALL & ~BIT(me));
	(met[0] == seen && met[1] == seen && met[2] == seen);
	counted[next] = counted[block[old]];
	d_step { serving = next; db[me] = next };
	meeting = 0
#endif
}

inline swap()
{
	take_turn();
	old = serving;
	if
	:: swap_same()
	:: swap_other()
	fi;
	mapped[old] = false;
	turn = 0
}

byte ended;

proctype cpu(byte me)
{
	byte copy, seen, next, old, calls;
	bool swapped;

	do
	:: calls < CALLS ->
		interaction();
		calls++;
		work()
	:: me < 2 && !swapped ->
		swap();
		swapped = true
	:: calls == CALLS && (swapped || me == 2) ->
		break
	od;
	atomic { copy = 0; seen = 0; next = 0; old = 0; calls = 0; ended++ };
	do /* idle: halted, and woken for work */
	:: pending & BIT(me) -> work()
	:: ended == CPUS && !(pending & BIT(me)) -> break
	od
}

init {
	d_step { mapped[0] = true };
	atomic { run cpu(0); run cpu(1); run cpu(2) };
	_nr_pr == 1;
	assert(counted[block[serving]] == total)
}
