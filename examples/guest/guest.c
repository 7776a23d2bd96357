/*
 * guest - a kernel that is not built on arch/x86_64: boot, page tables and the machine
 * are its own (boot.S, arch.c); nano_core and state_db come from libtheseus.a.
 *
 * A module that is linked in, an interface of its own, and a program that calls it: what
 * the module remembers is a row, and a call that fails leaves that row as it was.
 */
#include <theseus/nano_core.h>

struct greet_say {
	uint64_t fail;  /* in: 1: write the row, then return an error */
	uint64_t count; /* out: greetings so far */
};
#define GREET_OPS(OP) OP(greet, say, struct greet_say, 0)
THS_INTERFACE(greet, 1, GREET_OPS)

enum { COUNT };
struct greet_count {
	uint64_t said;
};

static enum ths_err greeter_say(struct ths_call *call, struct greet_say *arg)
{
	struct greet_count *count;

	THS_TRY(ths_row_write(call, COUNT, 0, &count));
	arg->count = ++count->said;
	return arg->fail ? THS_E_IO : THS_OK;
}

THS_MODULE(greeter, "greeter", 1, 0, THS_PROVIDES(greet, .say = greeter_say),
	   THS_TABLE(COUNT, "greet.count/1", struct greet_count));

/* Tells, and counts, whether the call came to what it should. */
static unsigned say(uint64_t fail, enum ths_err due, uint64_t count)
{
	static struct ths_ref greet = THS_REF(greet);
	static unsigned number;
	struct greet_say args = {.fail = fail};
	enum ths_err err = greet_say(&greet, &args);
	bool as_due = err == due && args.count == count;

	if (err)
		ths_logf("guest: %s", ths_err_text(err));
	else
		ths_logf("guest: greeting %llu", (unsigned long long)args.count);
	ths_logf("%sok %u - call %u", as_due ? "" : "not ", number + 1, number + 1);
	number++;
	return as_due;
}

static void guest(void *unused)
{
	struct ths_reason reason;
	unsigned passed = 0;
	uint32_t slot;

	(void)unused;
	if (ths_module_add(&ths_module_greeter, NULL, &slot, &reason) != THS_OK ||
	    ths_bind(slot, "") != THS_OK)
		ths_logf("guest: no greeter");
	passed += say(0, THS_OK, 1);
	passed += say(1, THS_E_IO, 0); /* its row is written, then dropped */
	passed += say(0, THS_OK, 2);
	ths_logf("theseus: %u passed, %u failed", passed, 3 - passed);
	ths_stop(THS_STOP_TEST, passed == 3 ? 0x2a : 0x33);
}
THS_PROGRAM("main", guest);
