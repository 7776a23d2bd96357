/*
 * bad - modules that must be refused, one a build: -DBAD_FOREIGN, -DBAD_UNMET,
 * -DBAD_LAYOUT. They provide what the test never binds.
 */
#include <theseus/iface/testsrv.h>
#include <theseus/module.h>

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
#else
enum { COUNTER };
struct counter {
	uint64_t only_eight_bytes;
};
THS_MODULE(layout, "layout", 1, 0, THS_PROVIDES(testsrv, .null = bad_null),
	   THS_TABLE(COUNTER, "testsrv.counter/1", struct counter, .rows = 32,
		     .flags = THS_FIXED));
#endif
