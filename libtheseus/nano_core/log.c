/*
 * log - one line at a time, to the machine's console and to a ring.
 *
 * Never rolled back, never read by modules; a line of a module carries the instance's
 * name. The ring keeps the last LOG_BYTES. Its lock is held with interrupts off: work
 * that comes of an interrupt logs, too.
 */
#include <stdarg.h>
#include <theseus/fmt.h>
#include "nano_core/nano_core_impl.h"

#define LOG_BYTES 16384u
#define LINE_MAX  256u

static struct {
	_Atomic(uint32_t) lock;
	uint64_t written;
	bool quiet;
	char ring[LOG_BYTES];
} log_;

static void put(const char *text, size_t len)
{
	bool on = ths_arch_irq_save();

	ths_spin_lock(&log_.lock);
	for (size_t i = 0; i < len; i++)
		log_.ring[log_.written++ % LOG_BYTES] = text[i];
	if (!log_.quiet)
		ths_arch_console_write(text, len);
	ths_spin_unlock(&log_.lock);
	ths_arch_irq_restore(on);
}

static void THS_PRINTF(2, 0) put_line(const char *prefix, const char *fmt, va_list args)
{
	char line[LINE_MAX];
	size_t at = ths_format(line, sizeof(line), "%s", prefix);
	size_t len;

	if (at > sizeof(line) / 2)
		at = sizeof(line) / 2;
	len = at + ths_vformat(line + at, sizeof(line) - at, fmt, args);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\n';
	put(line, len + 1);
}

void ths_log_quiet(bool quiet)
{
	log_.quiet = quiet;
}

void ths_logf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_line("", fmt, args);
	va_end(args);
}

void ths_log(struct ths_call *call, const char *fmt, ...)
{
	struct ths_cpu *cpu = ths_cpu();
	char prefix[THS_NAME_MAX + 8];
	va_list args;

	(void)call;
	ths_arch_core_enter();
	ths_stack_check(cpu);
	if (ths_cpu_is_inside(cpu))
		(void)ths_format(prefix, sizeof(prefix), "[%s] ", cpu->serving->name);
	va_start(args, fmt);
	put_line(ths_cpu_is_inside(cpu) ? prefix : "", fmt, args);
	va_end(args);
	ths_arch_core_leave();
}

size_t ths_log_read(char *buf, size_t size)
{
	uint64_t written, from;
	bool on = ths_arch_irq_save();

	ths_spin_lock(&log_.lock);
	written = log_.written;
	if (size > LOG_BYTES)
		size = LOG_BYTES;
	if (size > written)
		size = (size_t)written;
	from = written - size;
	for (size_t i = 0; i < size; i++)
		buf[i] = log_.ring[(from + i) % LOG_BYTES];
	ths_spin_unlock(&log_.lock);
	ths_arch_irq_restore(on);
	return size;
}
