/*
 * memory - a file in memory plays the machine's frames.
 *
 * Physical memory is a memfd. The direct map is one mapping of all of it; ths_arch_map()
 * maps parts of it a second time, at fixed addresses inside two reserved areas. So what
 * is written through one address is read through the other, as on the machine.
 *
 *     frames   THS_HOST_PADDR ... + size      memfd, offset 0 ... size
 *     direct   anywhere                        RW; R while a frame is mapped RX
 *     modules  below 2 GiB if the process has room there, so that the relocations of a
 *              module reach a program linked with -no-pie
 *     stacks   anywhere
 *
 * Invariants
 *   M1  A frame is never mapped writable at one address and executable at another; its
 *       address in the direct map counts (A3).
 */
#include "host_impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static struct host_arena arena = {.fd = -1};
static size_t wanted_size = HOST_MEMORY_DEFAULT;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_made;
/* How often a frame is mapped so, beside the direct map; paging.c holds its lock. */
static uint16_t *writable, *executable;

/* ---- making it ------------------------------------------------------------------- */

static void *reserve(uintptr_t hint, size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	return mmap((void *)hint, size, PROT_NONE,
		    flags | (hint != 0 ? MAP_FIXED_NOREPLACE : 0), -1, 0);
}

static struct ths_arch_area area_reserve(uintptr_t from, uintptr_t to)
{
	void *base = MAP_FAILED;

	for (uintptr_t hint = from; base == MAP_FAILED && hint < to;
	     hint += HOST_AREA_SIZE)
		base = reserve(hint, HOST_AREA_SIZE);
	if (base == MAP_FAILED)
		base = reserve(0, HOST_AREA_SIZE);
	if (base == MAP_FAILED)
		ths_host_die("no address space for modules and stacks");
	return (struct ths_arch_area){.base = (uintptr_t)base, .size = HOST_AREA_SIZE};
}

static void arena_make(void)
{
	size_t frames = wanted_size / THS_PAGE_SIZE;

	arena.modules = area_reserve(0x10000000, 0x70000000);
	arena.stacks = area_reserve(0, 0);
	arena.fd = memfd_create("theseus-memory", MFD_CLOEXEC);
	if (arena.fd < 0 || ftruncate(arena.fd, (off_t)wanted_size) != 0)
		ths_host_die("no memory for the machine's frames");
	arena.direct = mmap(NULL, wanted_size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, arena.fd, 0);
	writable = calloc(frames, sizeof(*writable));
	executable = calloc(frames, sizeof(*executable));
	if (arena.direct == MAP_FAILED || writable == NULL || executable == NULL)
		ths_host_die("no memory for the direct map");
	arena.size = wanted_size;
	atomic_store(&is_made, true);
}

const struct host_arena *ths_host_arena(void)
{
	if (atomic_load(&is_made))
		return &arena; /* the only way in signal handlers */
	pthread_mutex_lock(&making);
	if (!atomic_load(&is_made))
		arena_make();
	pthread_mutex_unlock(&making);
	return &arena;
}

bool ths_host_is_made(void)
{
	return atomic_load(&is_made);
}

bool ths_host_memory(size_t bytes)
{
	bool early;

	pthread_mutex_lock(&making);
	early = !atomic_load(&is_made);
	if (early)
		wanted_size = (bytes + THS_PAGE_SIZE - 1) & -(size_t)THS_PAGE_SIZE;
	pthread_mutex_unlock(&making);
	return early;
}

void ths_host_memory_reset(void)
{
	if (atomic_exchange(&is_made, false)) {
		munmap((void *)arena.modules.base, arena.modules.size);
		munmap((void *)arena.stacks.base, arena.stacks.size);
		munmap(arena.direct, arena.size);
		close(arena.fd);
		free(writable);
		free(executable);
		arena = (struct host_arena){.fd = -1};
	}
	wanted_size = HOST_MEMORY_DEFAULT;
}

/* ---- the direct map -------------------------------------------------------------- */

bool ths_host_is_frame(ths_paddr_t paddr, size_t pages)
{
	size_t offset = paddr - THS_HOST_PADDR;

	return paddr >= THS_HOST_PADDR && offset < arena.size &&
	       pages <= (arena.size - offset) / THS_PAGE_SIZE;
}

void *ths_arch_direct(ths_paddr_t paddr)
{
	ths_host_arena();
	return ths_host_is_frame(paddr, 0) ? arena.direct + (paddr - THS_HOST_PADDR)
					   : NULL;
}

ths_paddr_t ths_arch_paddr(const void *direct)
{
	uintptr_t offset = (uintptr_t)direct - (uintptr_t)ths_host_arena()->direct;

	return offset < arena.size ? THS_HOST_PADDR + offset : 0;
}

struct ths_arch_area ths_arch_module_area(void)
{
	return ths_host_arena()->modules;
}

struct ths_arch_area ths_arch_stack_area(void)
{
	return ths_host_arena()->stacks;
}

/* ---- frames ------------------------------------------------------------------------ */

/* M1: the direct address follows what is counted. */
void ths_host_frame_count(ths_paddr_t paddr, enum ths_prot prot, int by)
{
	size_t frame = (paddr - THS_HOST_PADDR) / THS_PAGE_SIZE;

	if (prot == THS_PROT_RW)
		writable[frame] = (uint16_t)(writable[frame] + by);
	if (prot != THS_PROT_RX)
		return;
	executable[frame] = (uint16_t)(executable[frame] + by);
	if (executable[frame] == (by > 0 ? 1 : 0))
		mprotect(arena.direct + frame * THS_PAGE_SIZE, THS_PAGE_SIZE,
			 by > 0 ? PROT_READ : PROT_READ | PROT_WRITE);
}

bool ths_host_frame_allows(ths_paddr_t paddr, enum ths_prot prot, enum ths_prot but)
{
	size_t frame = (paddr - THS_HOST_PADDR) / THS_PAGE_SIZE;

	if (prot == THS_PROT_RW)
		return executable[frame] == (but == THS_PROT_RX);
	if (prot == THS_PROT_RX)
		return writable[frame] == (but == THS_PROT_RW);
	return true;
}
