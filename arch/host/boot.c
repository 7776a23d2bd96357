/*
 * boot - what the machine would have found, and forgetting all of it.
 *
 * The archive lies at the end of memory, as a boot loader might put it, and is not free.
 */
#include "host_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CMDLINE_MAX 256u

static char cmdline[CMDLINE_MAX];
static unsigned cpus = 1;
static size_t archive_size;
static struct ths_boot_info info;

static size_t in_pages(size_t size)
{
	return (size + THS_PAGE_SIZE - 1) & -(size_t)THS_PAGE_SIZE;
}

void ths_host_cmdline(const char *text)
{
	size_t len = strnlen(text, CMDLINE_MAX - 1);

	memcpy(cmdline, text, len);
	cmdline[len] = '\0';
}

void ths_host_cpus(unsigned count)
{
	cpus = count;
}

/* The environment's word comes first. */
static void stress_by_environment(void)
{
	const char *seed = getenv("THS_SOFT_STRESS");
	char given[CMDLINE_MAX];

	if (!seed || strstr(cmdline, "soft_stress="))
		return;
	(void)strcpy(given, cmdline);
	(void)snprintf(cmdline, sizeof(cmdline), "soft_stress=%s %s", seed, given);
}

static void *archive_at(size_t size)
{
	const struct host_arena *arena = ths_host_arena();

	return arena->direct + arena->size - in_pages(size);
}

bool ths_host_archive(const void *data, size_t size)
{
	if (archive_size != 0 || size == 0 ||
	    size > ths_host_arena()->size - THS_PAGE_SIZE)
		return false;
	memcpy(archive_at(size), data, size);
	archive_size = size;
	return true;
}

const struct ths_boot_info *ths_host_boot_info(void)
{
	memset(&info, 0, sizeof(info));
	stress_by_environment();
	info.cmdline = cmdline;
	info.loader = "arch/host";
	info.cpus = cpus;
	if (archive_size != 0) {
		info.archive = archive_at(archive_size);
		info.archive_size = archive_size;
	}
	info.ranges = 1;
	info.free[0].base = THS_HOST_PADDR;
	info.free[0].size = ths_host_arena()->size - in_pages(archive_size);
	return &info;
}

void ths_host_boot_reset(void)
{
	cmdline[0] = '\0';
	cpus = 1;
	archive_size = 0;
}

void ths_host_reset(void)
{
	ths_host_cpu_leave();
	ths_host_contexts_reset();
	ths_host_paging_reset();
	ths_host_memory_reset();
	ths_host_boot_reset();
	ths_host_irq_reset();
	ths_host_stop_reset();
	ths_host_clock_reset();
	ths_host_console_reset();
	ths_host_ports_reset();
	ths_host_fail_reset();
}
