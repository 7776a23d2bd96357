/*
 * shootdown - effects that give and take memory, and the translations CPUs remember.
 *
 * Two CPUs, two pages. A page's row says whether it is mapped; its frame is another's as
 * soon as the row says FREE. To map is a granting effect: the page table entry is there
 * before the row is installed. To unmap is a revoking one: the row says GOING, then the
 * entry goes, then the other CPU is asked to forget its translation, and pins of the frame
 * are waited out; only then a second commit says FREE. A CPU touches a page if the row
 * says that it is mapped: by way of its translations, or, having pinned the frame in its
 * record, by the direct map. Asked to forget, a CPU does so by interrupt, at any depth.
 *
 * What is asserted
 *   - a touch that faults is of a page whose row has changed since it was read: else the
 *     fault would be believed;
 *   - nobody reaches, by a translation or by a pin, a frame that is another's already (who
 *     has locked a free row has the frame);
 *   - a page that is free has no entry, and nobody waits for ever.
 *
 * Covers P4 (granting before install, revoking after, a second commit frees) and P14 (pins
 * waited for, initiators hold no lock and serve theirs while they wait). There are no such
 * effects in the code yet: this says in which order they will have to be done. Left out:
 * how commits validate (commit.pml); a row's lock stands for all of it.
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed INSTALL_FIRST: assertion violated (row[page]!=2)
 *     the row is installed, then the page mapped
 *   seed REVOKE_FIRST: assertion violated (row[page]!=2)
 *     the entry goes before the row says so
 *   seed FREE_AT_ONCE: assertion violated (row[page]!=2)
 *     the commit that unmaps frees
 *   seed FLUSH_FIRST: assertion violated ((row[page]!=3)||locked[page])
 *     translations are forgotten before the entry goes
 *   seed NO_WAIT: assertion violated ((row[page]!=3)||locked[page])
 *     the other is asked to forget and not waited for
 *   seed NO_PINS: assertion violated ((row[page]!=3)||locked[page])
 *     pins are not waited for
 *   seed PIN_BLINDLY: assertion violated ((row[page]!=3)||locked[page])
 *     who has pinned does not look at the row again
 *   seed NO_SERVE: invalid end state
 *     who waits serves no requests
 */
#define CPUS  2
#define PAGES 2
#define STEPS 3 /* each CPU's */

#define BIT(n) (1 << (n))
#define NONE   PAGES

mtype = { FREE, MAPPED, GOING };
mtype row[PAGES] = FREE;
bool locked[PAGES];
bool entry[PAGES];
byte tlb[CPUS];           /* sets of pages */
byte asked[CPUS];         /* to forget: sets of pages */
byte pinned[CPUS] = NONE; /* the frame a CPU's record names */
bool deaf[CPUS];          /* interrupts are off */
byte going = CPUS;

#define other (1 - me)

inline lock(page, as)
{
	atomic {
		if
		:: !locked[page] && row[page] == as -> locked[page] = true
		:: locked[page] || row[page] != as -> goto done
		fi
	}
}

inline install(page, as)
{
	atomic { row[page] = as; locked[page] = false }
}

inline ask(page)
{
	atomic { tlb[me] = tlb[me] & ~BIT(page); asked[other] = asked[other] | BIT(page) }
#ifndef NO_WAIT
#ifdef NO_SERVE
	deaf[me] = true;
#endif
	!(asked[other] & BIT(page));
#ifdef NO_SERVE
	deaf[me] = false;
#endif
#endif
}

inline map(page)
{
	lock(page, FREE);
#ifdef INSTALL_FIRST
	install(page, MAPPED);
	entry[page] = true;
#else
	entry[page] = true;
	install(page, MAPPED);
#endif
}

inline unmap(page)
{
	lock(page, MAPPED);
#ifdef REVOKE_FIRST
	entry[page] = false;
#endif
#ifdef FREE_AT_ONCE
	install(page, FREE);
	entry[page] = false;
	ask(page);
#else
	install(page, GOING);
#ifdef FLUSH_FIRST
	ask(page);
	entry[page] = false;
#else
	entry[page] = false;
	ask(page);
#endif
#ifndef NO_PINS
	pinned[other] != page;
#endif
	lock(page, GOING);
	assert(!entry[page]);
	install(page, FREE);
#endif
}

inline access(page)
{
	atomic {
		if
		:: tlb[me] & BIT(page) -> assert(row[page] != FREE || locked[page])
		:: !(tlb[me] & BIT(page)) && entry[page] -> tlb[me] = tlb[me] | BIT(page)
		:: !(tlb[me] & BIT(page)) && !entry[page] ->
			assert(row[page] != MAPPED);
			goto done
		fi
	}
}

inline touch(page)
{
	if
	:: row[page] == MAPPED
	:: row[page] != MAPPED -> goto done
	fi;
	access(page);
	access(page)
}

inline pin(page)
{
	if
	:: row[page] == MAPPED
	:: row[page] != MAPPED -> goto done
	fi;
	pinned[me] = page;
#ifndef PIN_BLINDLY
	if
	:: row[page] == MAPPED
	:: row[page] != MAPPED -> goto done
	fi;
#endif
	assert(row[page] != FREE || locked[page]); /* it is read and written here */
}

proctype cpu(byte me)
{
	byte page, steps;

next:
	atomic {
		if
		:: page = 0
		:: page = 1
		fi
	}
	if
	:: map(page)
	:: unmap(page)
	:: touch(page)
	:: pin(page)
	fi;
done:
	atomic {
		pinned[me] = NONE;
		page = 0;
		steps++;
		if
		:: steps < STEPS -> goto next
		:: else -> going--
		fi
	}
}

/* At any depth; the end is for the model's sake. */
proctype interrupt(byte me)
{
end:
	do
	:: atomic { asked[me] && !deaf[me] -> tlb[me] = tlb[me] & ~asked[me]; asked[me] = 0 }
	:: atomic { going == 0 && !asked[me] -> break }
	od
}

init
{
	atomic { run cpu(0); run cpu(1); run interrupt(0); run interrupt(1) }
	_nr_pr == 1;
	atomic {
		assert(row[0] != FREE || !entry[0]);
		assert(row[1] != FREE || !entry[1])
	}
}
