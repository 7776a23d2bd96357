/* failpoint - see failpoint.h. */
#include "failpoint.h"

#include <theseus/host.h>

/* A first run, in which nothing fails, says how many there are. A failure may shorten
 * later runs or lengthen them (retries), so what ends the loop is a run without one. */
uint64_t ths_fail_each(const char *class, bool persistently, void (*scenario)(void *ctx),
		       void *ctx)
{
	uint64_t n;

	ths_host_fail_nth(class, 0, false);
	scenario(ctx);
	if (ths_host_fail_reached() == 0)
		return 0;
	for (n = 1;; n++) {
		ths_host_fail_nth(class, n, persistently);
		scenario(ctx);
		if (ths_host_fail_failed() == 0)
			break;
	}
	ths_host_fail_nth(class, 0, false);
	return n - 1;
}
