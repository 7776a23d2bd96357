/*
 * reach - by which way a module's text comes to what it calls.
 *
 * A module is linked to lie within 2 GiB of nano_core, as in a kernel. Here its pages lie
 * low, and the program and the C library anywhere; so a module calls a step that lies low
 * too, one for each function. Code for kernels keeps the stack at multiples of 8, programs
 * want 16: the step sees to that, and takes along what arguments may lie on the stack. It is
 * written through a second mapping: what can be executed is never writable.
 */
#include "host_impl.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEPS_MAX (THS_PAGE_SIZE / sizeof(struct step) - 1) /* the last is the canary's place */

struct step {
	uint8_t code[40];
	uint64_t to; /* what `call` reads */
};

static const uint8_t step_code[40] = {
	0x55,                               /* push %rbp */
	0x48, 0x89, 0xe5,                   /* mov %rsp, %rbp */
	0x48, 0x83, 0xe4, 0xf0,             /* and $-16, %rsp */
	0xff, 0x75, 0x48, 0xff, 0x75, 0x40, /* eight words of the caller's: pushq 0x48(%rbp) */
	0xff, 0x75, 0x38, 0xff, 0x75, 0x30, /* ... */
	0xff, 0x75, 0x28, 0xff, 0x75, 0x20,
	0xff, 0x75, 0x18, 0xff, 0x75, 0x10,
	0xff, 0x15, 2, 0, 0, 0,             /* call *2(%rip) */
	0xc9, 0xc3,                         /* leave; ret */
};

static struct step *written, *run;
static size_t steps;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void page_make(void)
{
	int fd = memfd_create("theseus-steps", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, THS_PAGE_SIZE) != 0)
		ths_host_die("no memory for steps to functions");
	written = mmap(NULL, THS_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	run = mmap(NULL, THS_PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_32BIT, fd, 0);
	if (written == MAP_FAILED || run == MAP_FAILED)
		ths_host_die("no low memory for steps to functions");
	close(fd);
	written[STEPS_MAX].to = ths_arch_entropy() & ~0xfful;
}

static size_t step_to(uint64_t address)
{
	size_t i = 0;

	while (i < steps && written[i].to != address)
		i++;
	if (i == STEPS_MAX)
		ths_host_die("more published functions than steps to them");
	if (i == steps) {
		memcpy(written[i].code, step_code, sizeof(step_code));
		written[i].to = address;
		steps++;
	}
	return i;
}

uint64_t ths_host_reach(uint64_t address)
{
	size_t i;

	pthread_mutex_lock(&lock);
	if (written == NULL)
		page_make();
	i = step_to(address);
	pthread_mutex_unlock(&lock);
	return (uintptr_t)&run[i];
}

uint64_t ths_host_canary(void)
{
	pthread_mutex_lock(&lock);
	if (written == NULL)
		page_make();
	pthread_mutex_unlock(&lock);
	return (uintptr_t)&run[STEPS_MAX].to;
}
