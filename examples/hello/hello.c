/*
 * hello - the smallest kernel on libtheseus: one program and no module.
 *
 * libtheseus.a and its linker script bring boot, paging, traps and nano_core; with no
 * manifest in the image nano_core starts the program named "main".
 */
#include <theseus/nano_core.h>

static void hello(void *arg)
{
	(void)arg;
	ths_logf("hello, world");
	ths_logf("ok 1 - hello");
	ths_logf("theseus: 1 passed, 0 failed");
	ths_stop(THS_STOP_TEST, 0x2a);
}
THS_PROGRAM("main", hello);
