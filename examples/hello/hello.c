/*
 * hello - the smallest kernel on libtheseus: one program and no module.
 *
 * libtheseus.a and its linker script bring boot, paging, traps and nano_core; with no
 * manifest in the image nano_core starts the program named "main".
 */
#include <theseus/nano_core.h>

static void hello(void *unused)
{
	(void)unused;
	ths_logf("hello, world");
	ths_stop(THS_STOP_OFF, 0);
}
THS_PROGRAM("main", hello);
