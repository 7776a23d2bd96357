/*
 * nested - an operation calls another, which calls a third; any of the inner two may fail.
 *
 * A caller adds 1 to row X, its child 2, its grandchild 4, each in what it sees of X: a
 * level writes a copy of its own, which success puts into the copy of the level above and
 * failure drops. Each reserves an effect record from a pool. The grandchild fails if row Z
 * is set, the child, later, if row Y is. The third process sets and clears Y and Z. So what
 * the caller commits depends on rows that were read only by levels that failed.
 *
 * What is asserted
 *   - what is committed is what the levels that succeeded did: to X, and as effects;
 *   - Y and Z, whichever level read them and whatever became of it, are at the commit's
 *     version as they were read;
 *   - a conflict, in whatever level, leaves nothing for the next try; in the end the pool
 *     has all its records, and X all that was committed.
 *
 * Covers P6 (reads survive a rollback, effect reservations do not; a conflict unwinds to
 * the outermost) as txn.c and gate.c do it. Left out: faults, which end like a conflict or
 * like an error; superseded versions (commit.pml).
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed DROP_READS: assertion violated ((ver[1]==yseen)||(ver[1]>wv))
 *     what a level read that failed is not validated
 *   seed WRITE_THROUGH: assertion violated (((copy-x)-1)==due)
 *     a level writes the copy of the level above
 *   seed MERGE_OUT: assertion violated (((copy-x)-1)==due)
 *     a level that succeeded puts its copy into the outermost's
 *   seed KEEP_EFFECTS: assertion violated ((effects-1)==due)
 *     a level that failed keeps its reservations
 *   seed UNWIND_ONE: assertion violated (((copy-x)-1)==due)
 *     a conflict is an error of the level that met it
 *   seed UNWIND_LEAK: assertion violated (pool==6)
 *     a conflict gives back the reservations of the innermost level alone
 */
#define TRIES 2
#define FLIPS 3

#define X 0
#define Y 1
#define Z 2

byte clock = 1;
byte ver[3] = 1;
bool locked[3];
bool set[3];      /* Y, Z */
byte x;
byte pool = 6;    /* effect records */
byte sum;         /* ghost: what was committed to X */

/* What child and grandchild add, if it is @a and @b. */
#define DONE(a, b) (y -> 0 : (z -> (a) : (a) + (b)))

#define IS_READABLE(row) (!locked[row] && ver[row] <= rv)
#define HOLDS(row, seen) (!locked[row] && ver[row] == seen)

inline reserve()
{
	effects++;
	pool--
}

/* Back to the mark of the level that failed. */
inline rollback(mark)
{
#ifndef KEEP_EFFECTS
	pool = pool + effects - mark;
	effects = mark
#else
	skip
#endif
}

proctype caller()
{
	byte rv, wv, xseen, yseen, zseen, tries;
	byte copy, child, grandchild; /* of X */
	byte effects, child_mark, grandchild_mark;
	byte due; /* ghost */
	bool y, z;

try:
	atomic { assert(effects == 0); rv = clock }
	atomic {
		if
		:: !IS_READABLE(X) -> goto conflict
		:: else -> xseen = ver[X]; copy = x + 1; reserve()
		fi
	}
	atomic {
		child_mark = effects;
		reserve();
#ifdef WRITE_THROUGH
		copy = copy + 2;
		child = copy;
#else
		child = copy + 2;
#endif
		grandchild_mark = effects;
		reserve();
		grandchild = child + 4
	}
	atomic {
		if
		:: !IS_READABLE(Z) ->
#ifdef UNWIND_ONE
			zseen = ver[Z];
			rollback(grandchild_mark)
#else
			goto conflict
#endif
		:: else ->
			zseen = ver[Z];
			z = set[Z];
			if
			:: z -> rollback(grandchild_mark)
#ifdef MERGE_OUT
			:: else -> copy = grandchild
#else
			:: else -> child = grandchild
#endif
			fi
		fi;
		grandchild = 0; grandchild_mark = 0
	}
	atomic {
		if
		:: !IS_READABLE(Y) -> goto conflict
		:: else ->
			yseen = ver[Y];
			y = set[Y];
			if
			:: y -> rollback(child_mark)
#ifdef MERGE_OUT
			:: else -> copy = (copy == x + 1 -> child : copy)
#else
			:: else -> copy = child
#endif
			fi
		fi;
		child = 0; child_mark = 0
	}
	atomic {
		if
		:: !HOLDS(X, xseen) -> goto conflict
		:: else -> locked[X] = true
		fi
	}
	atomic { clock++; wv = clock }
	atomic {
		if
#ifdef DROP_READS
		:: !y && !HOLDS(Y, yseen) -> locked[X] = false; goto conflict
#else
		:: !HOLDS(Y, yseen) -> locked[X] = false; goto conflict
#endif
		:: else
		fi
	}
	atomic {
		if
		:: !HOLDS(Z, zseen) -> locked[X] = false; goto conflict
		:: else
		fi
	}
	atomic {
		assert(ver[Y] == yseen || ver[Y] > wv);
		assert(ver[Z] == zseen || ver[Z] > wv);
		due = DONE(2, 4);
		assert(copy - x - 1 == due);
		due = DONE(1, 1);
		assert(effects - 1 == due);
		due = 0;
		sum = sum + copy - x;
		x = copy;
		ver[X] = wv;
		locked[X] = false;
		pool = pool + effects; /* performed */
		effects = 0;
		goto end
	}
conflict:
	atomic {
#ifdef UNWIND_LEAK
		pool = pool + (effects > grandchild_mark -> effects - grandchild_mark : 0);
#else
		pool = pool + effects;
#endif
		effects = 0;
		rv = 0; wv = 0; xseen = 0; yseen = 0; zseen = 0; y = false; z = false;
		copy = 0; child = 0; grandchild = 0; child_mark = 0; grandchild_mark = 0;
		tries++;
		if
		:: tries < TRIES -> goto try
		:: else
		fi
	}
end:
	skip
}

proctype flipper()
{
	byte row, flips, wv;

again:
	if
	:: row = Y
	:: row = Z
	fi;
	locked[row] = true; /* nobody else writes it */
	atomic { clock++; wv = clock }
	atomic {
		set[row] = !set[row];
		ver[row] = wv;
		locked[row] = false;
		wv = 0;
		flips++;
		if
		:: flips < FLIPS -> goto again
		:: else
		fi
	}
}

init
{
	atomic { run caller(); run caller(); run flipper() }
	_nr_pr == 1;
	atomic {
		assert(pool == 6);
		assert(x == sum && !locked[X])
	}
}
