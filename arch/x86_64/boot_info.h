/*
 * boot_info - what a loader left behind, read without trusting it.
 *
 * The parsers are pure: they see physical memory through a window with a known size, so
 * that unit tests hand them a few bytes of garbage as if it were the machine, and every
 * length and address in a loader's tables is checked against it. Each returns NULL, or a
 * sentence saying what is wrong; they never guess.
 */
#pragma once

#include <theseus/arch.h>

/* Physical memory from 0 to @size, to be read at @base. */
struct ths_x86_window {
	const uint8_t *base;
	uint64_t size;
};

/* @len bytes at physical @paddr; NULL when they do not all lie in the window. */
THS_INLINE const void *ths_x86_window_at(const struct ths_x86_window *window,
					 uint64_t paddr, uint64_t len)
{
	if (len > window->size || paddr > window->size - len)
		return NULL;
	return window->base + paddr;
}

#define X86_MAP_MAX     128u
#define X86_CMDLINE_MAX 1024u

/* A range of the firmware's map, unsorted, of any alignment. */
struct ths_x86_map_entry {
	uint64_t base, size;
	bool ram;
};

struct ths_x86_found {
	char cmdline[X86_CMDLINE_MAX];
	char loader[64];
	uint64_t archive, archive_size; /* the first module; size 0: none */
	uint64_t rsdp;                  /* ACPI's root pointer; 0: none */
	unsigned entries;
	struct ths_x86_map_entry map[X86_MAP_MAX];
};

/* RAM in two views, both page-aligned, ascending, without overlap. */
#define X86_RAM_MAX 64u
struct ths_x86_memory {
	unsigned ram_count;  /* all RAM: what the direct map shows */
	unsigned free_count; /* less what is in use */
	struct ths_boot_range ram[X86_RAM_MAX];
	struct ths_boot_range free[X86_RAM_MAX];
};

const char *ths_x86_multiboot2_parse(const struct ths_x86_window *window, uint64_t info,
				     struct ths_x86_found *found);
const char *ths_x86_pvh_parse(const struct ths_x86_window *window, uint64_t info,
			      struct ths_x86_found *found);

/* Adds an entry to @found; a sentence when it is impossible or one too many. */
const char *ths_x86_map_add(struct ths_x86_found *found, uint64_t base, uint64_t size,
			    bool ram);
/* Copies a NUL-terminated string of less than @size bytes out of @from[0..@limit). */
bool ths_x86_text_copy(char *into, size_t size, const char *from, uint64_t limit);
/* Sorts @found's map into @memory. @used: ranges of RAM that are taken. */
const char *ths_x86_memory_build(const struct ths_x86_found *found,
				 const struct ths_boot_range *used, unsigned used_count,
				 struct ths_x86_memory *memory);

/* How to switch off and reset, from ACPI's tables; zeroes where they do not say. */
struct ths_x86_acpi {
	uint16_t pm1a, pm1b;   /* PM1 control ports */
	uint16_t off_a, off_b; /* what to write there for S5 */
	bool off_known;
	uint16_t smi_port; /* to leave legacy mode: write enable there */
	uint8_t smi_enable;
	uint8_t reset_value;
	uint16_t reset_port;
};
void ths_x86_acpi_parse(const struct ths_x86_window *window, uint64_t rsdp,
			struct ths_x86_acpi *acpi);
/* What ths_arch_stop() will use (power.c). */
extern struct ths_x86_acpi ths_x86_acpi;

/* Numbers in ACPI's tables are little-endian and of any alignment. */
uint64_t ths_x86_acpi_number(const uint8_t *at, unsigned bytes);
/* The table of that @signature, of at least @min bytes, sound by length and checksum; else a
 * sentence. @rsdp 0: the root pointer is looked for where a BIOS has it. */
const char *ths_x86_acpi_find(const struct ths_x86_window *window, uint64_t rsdp,
			      const char *signature, uint32_t min, const uint8_t **found,
			      uint32_t *length);

/* The processors that may be started, by the number of their local APIC. */
struct ths_x86_cpus {
	unsigned count;                /* 1..THS_CPU_MAX */
	unsigned more;                 /* that there is no room for, or no way to reach */
	uint64_t lapic;                /* physical address of each one's own local APIC */
	uint32_t apic_id[THS_CPU_MAX]; /* the first is who asks */
};
/* madt.c. @self: the asker's. NULL, or what is wrong; then *@cpus has the asker alone. */
const char *ths_x86_madt_parse(const struct ths_x86_window *window, uint64_t rsdp,
			       uint32_t self, struct ths_x86_cpus *cpus);
