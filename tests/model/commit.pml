/*
 * commit - transactions over two rows: nobody sees a mix, nothing is lost to write skew.
 *
 * Four CPUs, a transaction each, over rows X and Y, which are 0 or 1 and begin as 1. Two
 * *clearers* read both and, if both are 1, set one to 0: X the one, Y the other. A *mover*
 * exchanges the two. So in every serial order at least one row is 1 at any time; whoever
 * reads both rows as 0 has seen a state that never was. The fourth only reads: either as
 * ordinary operations do, which restart at a newer row, or as device operations do, which
 * take the newest version not after their start and never restart.
 *
 * A version stays where it is (`value` by row and commit number) and is linked to by the
 * one that superseded it; a writer frees what it superseded after quiescence.
 *
 * What is asserted
 *   - who reads both rows, in whatever role, does not read 0 and 0, even if it is bound
 *     to fail: no operation runs on an inconsistent mix;
 *   - no version is read after it was freed;
 *   - the rows end as a serial order leaves them, with all locks given back.
 *
 * Covers P4 (several rows, locks), P6 (one version of the clock, versions for those that
 * do not restart), P13 (reclaim of versions).
 *
 * Left out: bindings, sleeping (gate.pml), the token (token.pml; here a transaction gives
 * up after TRIES failed tries), rows that come and go.
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed VALIDATE_UNLOCKED: assertion violated (x||y)
 *     validation compares versions only, not whether another commit has locked the row
 *   seed VERSION_EARLY: assertion violated (x||y)
 *     the commit version is taken before the locks
 *   seed READ_NEWER: assertion violated (x||y)
 *     a read takes a row that is newer than the transaction
 *   seed READ_LOCKED: assertion violated (x||y)
 *     a read takes the present version of a row that a commit has locked
 *   seed SNAPSHOT_LOCKED: assertion violated (x||y)
 *     a device operation's read does
 *   seed FREE_EARLY: assertion violated !((freed[1]&(1<<seen)))
 *     superseded versions are freed at once
 */
#define TRIES 2

#define BIT(n) (1 << (n))
#define X 0
#define Y 1
#define AT(row, version) ((row) * 8 + (version))

byte clock = 1;
byte ver[2] = 1;
bool locked[2];
bool value[16];  /* by AT(row, version) */
byte older[16];  /* the version that was superseded */
byte freed[2];   /* sets of versions */
byte inside;     /* set of CPUs whose activity word is odd */
byte owes[3];    /* per writer: CPUs that were odd when sampled and did not move since */

inline step_activity()
{
	inside = inside ^ BIT(me);
	owes[0] = owes[0] & ~BIT(me);
	owes[1] = owes[1] & ~BIT(me);
	owes[2] = owes[2] & ~BIT(me)
}

inline look(row, version, into)
{
	assert(!(freed[row] & BIT(version)));
	into = value[AT(row, version)]
}

#ifdef READ_LOCKED
#define IS_LOCKED(row) false
#else
#define IS_LOCKED(row) locked[row]
#endif
#ifdef READ_NEWER
#define IS_NEWER(row) false
#else
#define IS_NEWER(row) (ver[row] > rv)
#endif

inline read(row, seen, into)
{
	atomic {
		if
		:: IS_LOCKED(row) || IS_NEWER(row) -> goto conflict
		:: else -> seen = ver[row]; look(row, seen, into)
		fi
	}
}

inline lock(row, seen)
{
	atomic {
		if
		:: locked[row] || ver[row] != seen -> goto conflict
		:: else -> locked[row] = true; mine = mine | BIT(row)
		fi
	}
}

#ifdef VALIDATE_UNLOCKED
#define HOLDS(row, seen) (ver[row] == seen)
#else
#define HOLDS(row, seen) (ver[row] == seen && (!locked[row] || (mine & BIT(row))))
#endif

inline validate(row, seen)
{
	atomic {
		if
		:: HOLDS(row, seen)
		:: else -> goto conflict
		fi
	}
}

inline install(row, what)
{
	d_step {
		value[AT(row, wv)] = what;
		older[AT(row, wv)] = ver[row];
		ver[row] = wv;
		locked[row] = false;
		mine = mine & ~BIT(row)
	}
}

/* Writes the rows of the set `writes`: a clearer one of them, the mover both. */
proctype writer(byte me; byte writes)
{
	byte rv, wv, xseen, yseen, mine, tries;
	bool x, y;

try:
	atomic { step_activity(); rv = clock }
	read(X, xseen, x);
	read(Y, yseen, y);
	atomic {
		assert(x || y);
		rv = 0;
		if
		:: writes != (BIT(X) | BIT(Y)) && !(x && y) -> goto leave
		:: else
		fi
	}
#ifdef VERSION_EARLY
	d_step { clock++; wv = clock }
#endif
	if
	:: writes & BIT(X) -> lock(X, xseen)
	:: else
	fi;
	if
	:: writes & BIT(Y) -> lock(Y, yseen)
	:: else
	fi;
#ifndef VERSION_EARLY
	d_step { clock++; wv = clock }
#endif
	validate(X, xseen);
	validate(Y, yseen);
	if
	:: writes == (BIT(X) | BIT(Y)) ->
		install(X, y);
		install(Y, x)
	:: writes == BIT(X) -> install(X, false)
	:: else -> install(Y, false)
	fi;
	/* Depth 0; what was superseded may be in use where the word is odd. */
	atomic {
		step_activity();
		owes[me] = inside;
		x = false; y = false; wv = 0
	}
	atomic {
#ifndef FREE_EARLY
		owes[me] == 0;
#endif
		if
		:: writes & BIT(X) -> freed[X] = freed[X] | BIT(xseen)
		:: else
		fi;
		if
		:: writes & BIT(Y) -> freed[Y] = freed[Y] | BIT(yseen)
		:: else
		fi;
		xseen = 0; yseen = 0;
		goto end
	}
conflict:
	atomic {
		if
		:: mine & BIT(X) -> locked[X] = false
		:: else
		fi;
		if
		:: mine & BIT(Y) -> locked[Y] = false
		:: else
		fi;
		step_activity();
		rv = 0; wv = 0; xseen = 0; yseen = 0; mine = 0; x = false; y = false;
		tries++;
		if
		:: tries < TRIES -> goto try
		:: else -> goto end
		fi
	}
leave:
	atomic { step_activity(); xseen = 0; yseen = 0; x = false; y = false }
end:
	skip
}

proctype reader(byte me)
{
	byte rv, seen, tries;
	bool x, y;

try:
	atomic { step_activity(); rv = clock }
	read(X, seen, x);
	read(Y, seen, y);
	goto done;
conflict:
	atomic {
		step_activity();
		x = false;
		tries++;
		if
		:: tries < TRIES -> goto try
		:: else -> goto end
		fi
	}
done:
	atomic { assert(x || y); step_activity() }
end:
	skip
}

inline read_snapshot(row, into)
{
	atomic {
#ifndef SNAPSHOT_LOCKED
		!locked[row];
#endif
		seen = ver[row]
	}
	do
	:: atomic { seen > rv -> assert(!(freed[row] & BIT(seen))); seen = older[AT(row, seen)] }
	:: atomic { seen <= rv -> look(row, seen, into); seen = 0; break }
	od
}

proctype device_reader(byte me)
{
	byte rv, seen;
	bool x, y;

	atomic { step_activity(); rv = clock }
	read_snapshot(X, x);
	read_snapshot(Y, y);
	atomic { assert(x || y); step_activity() }
}

init
{
	bool x, y;

	atomic {
		value[AT(X, 1)] = true;
		value[AT(Y, 1)] = true;
		run writer(0, BIT(X));
		run writer(1, BIT(Y));
		run writer(2, BIT(X) | BIT(Y));
		if
		:: run reader(3)
		:: run device_reader(3)
		fi
	}
	_nr_pr == 1;
	atomic {
		look(X, ver[X], x);
		look(Y, ver[Y], y);
		assert(x || y);
		assert(inside == 0 && !locked[X] && !locked[Y])
	}
}
