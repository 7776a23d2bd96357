/*
 * console - the first console and the backtraces printed on it.
 *
 * Room in the capture buffer is taken by one atomic addition, so that threads and signal
 * handlers may write at once, each line whole.
 */
#include "host_impl.h"

#include <string.h>
#include <theseus/fmt.h>
#include <unistd.h>

#define FRAMES_MAX 32u
/* A frame further away than this is no caller's. */
#define FRAME_SIZE_MAX (1u << 20)

static char *capture;
static size_t capture_size;
static _Atomic size_t capture_used;

void ths_host_console(char *buf, size_t size)
{
	capture = size > 0 ? buf : NULL;
	capture_size = size;
	atomic_store(&capture_used, 0);
	if (capture != NULL)
		memset(capture, 0, size);
}

void ths_host_console_reset(void)
{
	ths_host_console(NULL, 0);
}

void ths_arch_console_write(const char *text, size_t len)
{
	size_t at, room;

	if (capture == NULL) {
		while (len > 0) {
			ssize_t done = write(STDERR_FILENO, text, len);

			if (done <= 0)
				return;
			text += done;
			len -= (size_t)done;
		}
		return;
	}
	at = atomic_fetch_add(&capture_used, len);
	if (at >= capture_size - 1)
		return;
	room = capture_size - 1 - at;
	memcpy(capture + at, text, len < room ? len : room);
}

/* ---- backtraces ----------------------------------------------------------------- */

static void frame_print(unsigned number, uint64_t pc)
{
	char text[192], place[160];
	size_t len;

	(void)ths_place_format(place, sizeof(place), pc, 0);
	len = ths_format(text, sizeof(text), "  #%u %s\n", number, place);
	ths_arch_console_write(text, len < sizeof(text) ? len : sizeof(text) - 1);
}

void ths_arch_backtrace(const struct ths_trap *trap)
{
	uint64_t fp = trap->fp;
	uint64_t pc = trap->pc;

	for (unsigned i = 0; i < FRAMES_MAX; i++) {
		uint64_t pair[2]; /* the caller's frame pointer, the return address */

		frame_print(i, pc);
		if (fp % 8 != 0 ||
		    ths_arch_copy(pair, (const void *)fp, sizeof(pair)) != THS_OK ||
		    pair[0] <= fp || pair[0] - fp > FRAME_SIZE_MAX || pair[1] == 0)
			return;
		fp = pair[0];
		pc = pair[1];
	}
}
