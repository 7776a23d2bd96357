/*
 * depth - what an interrupt leaves pending is done at the next depth 0, and never inside.
 *
 * One CPU in full: its program, which calls, works in a section of nano_core's own and
 * then idles; its interrupt flag; and every interrupt as a frame on top of whatever was
 * running, frames included (only the topmost runs: `provided`). A device
 * raises an edge for each of its events, another CPU posts wake-ups: append to the list,
 * set the pending bit, send the IPI.
 *
 * Interrupt entry sets a bit. The bits are served by work(), which is called wherever the
 * CPU comes to depth 0: when an interaction or a section has ended, when an interrupt
 * returns to a program, and when there is nothing else to do. The device's EOI is part of
 * the work, after its handler; the IPI's is given at entry.
 *
 * What is asserted
 *   - program code never runs with something pending, save what an IPI is about to tell;
 *   - a handler never runs inside an interaction, a section or other work (G1);
 *   - a device interrupt is taken once for each run of its handler, so that a storming
 *     line throttles itself; and there are two frames at most: none piles up on others;
 *   - every event is handled and every wake-up admitted, or the CPU halts for ever, which
 *     pan reports as an invalid end state.
 *
 * Covers P1 (depth, idle), P2 (marking, EOI), P8 and P13 as far as other CPUs post.
 *
 * Left out: the tick (an IPI that sets a bit of its own), task switches (they happen
 * inside work(), in a section), masking of lines without a handler.
 *
 * Mistakes that must be found, each with what pan must then say:
 *   seed TEST_FIRST: assertion violated (((pending==0)||posting)||irr[1])
 *     the gate tests for pending work and then makes its activity word even
 *   seed SECTION_FORGETS: assertion violated (((pending==0)||posting)||irr[1])
 *     leaving a section does not test for pending work
 *   seed WORK_FORGETS: assertion violated (((pending==0)||posting)||irr[1])
 *     work ends without looking once more after it said that it has ended
 *   seed AT_ENTRY: assertion violated !(inside)
 *     interrupt entry calls the handler, whatever it interrupted
 *   seed EOI_EARLY: assertion violated !(taken)
 *     the device's EOI is given at entry
 *   seed EDGES_OPEN: assertion violated (top<2)
 *     work begins and ends with interrupts on
 *   seed CLEAR_LATE: invalid end state
 *     pending bits are cleared after what they stand for was looked at
 *   seed IPI_FIRST: assertion violated (((pending==0)||posting)||irr[1])
 *     the other CPU sends the IPI and then appends and sets the bit
 *   seed NO_IPI: assertion violated (((pending==0)||posting)||irr[1])
 *     the other CPU posts to one that sleeps and does not wake it
 */
#define EVENTS 3 /* of the device */
#define POSTS 2  /* of the other CPU */
#define CALLS 2  /* of the program */
#define LIMIT 2  /* frames: one that works, and one on top that marks */

#define DEVICE 0
#define IPI 1
#define IRQ 1  /* pending: the device's vector */
#define WAKE 2 /* pending: the list has entries */

bool irr[2];   /* interrupts requested */
bool isr;      /* the device's is in service: no further one before EOI */
bool iflag = true;
bool halted;
bit vector;    /* of the interrupt just delivered */
byte top;      /* frames on top of the program */

byte pending;
bool inside;   /* the activity word is odd */
bool section;  /* in a section of nano_core's own */
bool working;

byte raised, handled; /* the device's events */
byte list, admitted;  /* wake-ups */
bool taken;           /* ghost: an interrupt was taken and not handled yet */
bool posting;         /* ghost: the bit is set, the IPI is about to be sent */
bool over;            /* all is done */

#ifdef EDGES_OPEN
#define AT_EDGES true
#else
#define AT_EDGES false
#endif
#define AT_DEPTH_0 (!inside && !section && !working)
#define ALL_DONE (handled == EVENTS && admitted == POSTS)

/* A handler and the EOI, each an interaction. The CPU is `working`: their gate exits find
 * it not idle. */
inline serve_device()
{
	atomic { assert(!inside); inside = true }
	atomic { handled = raised; taken = false }
	inside = false;
	inside = true;
	isr = false;
	inside = false
}

/*
 * Its edges have interrupts off: one that came between the test and `working` would find
 * the CPU at depth 0 and work on top of us, and the next on top of that.
 */
inline work()
{
	do
	:: atomic { AT_DEPTH_0 && pending != 0 -> working = true; iflag = true }
		do
#ifdef CLEAR_LATE
		:: atomic { pending != 0 -> what = pending }
#else
		:: atomic { pending != 0 -> what = pending; pending = 0 }
#endif
			if
			:: what & IRQ -> serve_device()
			:: else
			fi;
			if
			:: what & WAKE -> atomic { admitted = admitted + list; list = 0 }
			:: else
			fi;
#ifdef CLEAR_LATE
			pending = 0
#endif
		:: pending == 0 -> break
		od;
		atomic { iflag = AT_EDGES; working = false; what = 0 }
#ifdef WORK_FORGETS
		break
#endif
	:: !(AT_DEPTH_0 && pending != 0) -> break
	od
}

/*
 * The CPU's frames are processes: the program has pid 1, the n-th frame on top of it pid
 * n + 1, and only the topmost runs. Interrupts are off from entry until work() begins or
 * the frame returns.
 */
#define IS_TOPMOST (_pid == 1 + top)

proctype frame() provided (IS_TOPMOST || over)
{
	byte what;

	do
	:: atomic { !over ->
		if
		:: vector == DEVICE ->
			assert(!taken);
			taken = true;
#ifdef AT_ENTRY
			serve_device();
#else
			pending = pending | IRQ;
#endif
#ifdef EOI_EARLY
			isr = false
#endif
		:: else
		fi }
		if
		:: AT_DEPTH_0 ->
			iflag = AT_EDGES;
			work()
		:: else
		fi;
		atomic { iflag = true; top-- }
	:: over -> break
	od
}

inline deliver(which)
{
	irr[which] = false;
	vector = which;
	iflag = false;
	halted = false;
	assert(top < LIMIT);
	top++
}

proctype interrupts()
{
	do
	:: atomic { iflag && irr[DEVICE] && !isr -> isr = true; deliver(DEVICE) }
	:: atomic { iflag && irr[IPI] -> deliver(IPI) }
	:: over -> break
	od
}

/* Where the program comes to depth 0, with interrupts on. */
inline work_now()
{
	iflag = AT_EDGES;
	work();
	iflag = true
}

inline program_code()
{
	atomic { assert(pending == 0 || posting || irr[IPI]) }
}

inline call()
{
	inside = true;
	/* the operation */
#ifdef TEST_FIRST
	if
	:: pending != 0 -> inside = false; work_now()
	:: else -> inside = false
	fi
#else
	inside = false;
	if
	:: pending != 0 && AT_DEPTH_0 -> work_now()
	:: else
	fi
#endif
}

proctype program() provided (IS_TOPMOST)
{
	byte calls, what;

	for (calls : 1 .. CALLS) {
		program_code();
		call();
		program_code()
	}
	section = true;
	section = false;
#ifndef SECTION_FORGETS
	if
	:: pending != 0 && AT_DEPTH_0 -> work_now()
	:: else
	fi;
#endif
	program_code();

	/* Idle: nothing that comes between the test and the halt may be missed. */
	do
	:: ALL_DONE -> break
	:: else ->
		work_now();
		iflag = false;
		if
		:: pending == 0 ->
			atomic { iflag = true; halted = true }
			!halted || ALL_DONE
		:: else -> iflag = true
		fi
	od;
	over = true
}

proctype device()
{
	do
	:: atomic { raised < EVENTS -> raised++; irr[DEVICE] = true }
	:: raised == EVENTS -> break
	od
}

proctype other_cpu()
{
	byte posts;

	do
	:: posts < POSTS ->
#ifdef IPI_FIRST
		irr[IPI] = true;
		list++;
		pending = pending | WAKE;
#else
		list++;
		atomic { pending = pending | WAKE; posting = true }
		atomic {
			posting = false;
#ifndef NO_IPI
			irr[IPI] = true
#endif
		}
#endif
		posts++
	:: else -> break
	od
}

init
{
	atomic {
		run program();
		run frame();
		run frame();
		run interrupts();
		run device();
		run other_cpu()
	}
}
