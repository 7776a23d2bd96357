/*
 * bad - modules that must be refused, one a build: -DBAD_FOREIGN, -DBAD_UNMET,
 * -DBAD_LAYOUT, -DBAD_ARGUMENTS. They provide what the test never binds.
 */
#ifndef BAD_ARGUMENTS
#include <theseus/iface/testsrv.h>
#endif
#include <theseus/module.h>

#ifdef BAD_ARGUMENTS
struct testsrv_null { /* of the size it has, and otherwise not */
	uint32_t word[8];
};
#define TESTSRV_OPS(OP) OP(testsrv, null, struct testsrv_null, 0)
THS_INTERFACE(testsrv, 1, TESTSRV_OPS)
#endif

struct nosuch_args {
	uint64_t unused;
};
#define NOSUCH_OPS(OP) OP(nosuch, nothing, struct nosuch_args, 0)
THS_INTERFACE(nosuch, 1, NOSUCH_OPS)

#ifdef BAD_FOREIGN
int printf(const char *text);
#endif

static enum ths_err bad_null(struct ths_call *call, struct testsrv_null *arg)
{
	(void)call;
	(void)arg;
#ifdef BAD_FOREIGN
	return (enum ths_err)printf("never");
#else
	return THS_OK;
#endif
}

#if defined(BAD_FOREIGN)
THS_MODULE(foreign, "foreign", 1, 0, THS_PROVIDES(testsrv, .null = bad_null));
#elif defined(BAD_UNMET)
enum { NOSUCH };
THS_MODULE(unmet, "unmet", 1, 0, THS_PROVIDES(testsrv, .null = bad_null),
	   THS_USES(NOSUCH, nosuch));
#elif defined(BAD_ARGUMENTS)
THS_MODULE(arguments, "arguments", 1, 0, THS_PROVIDES(testsrv, .null = bad_null));
#else
enum { COUNTER };
struct counter { /* likewise */
	uint64_t value;
	uint32_t spare[14];
};
THS_MODULE(layout, "layout", 1, 0, THS_PROVIDES(testsrv, .null = bad_null),
	   THS_TABLE(COUNTER, "testsrv.counter/1", struct counter, .rows = 32,
		     .flags = THS_FIXED | THS_PERSIST));
#endif
