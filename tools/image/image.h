/*
 * image - the parts of theseus-image.
 *
 *	manifest, modules, kernel → resolve.c: all that a boot needs is there
 *	evolution files           → evolution.c: may be read; the modules they bring
 *	                          → archive.c: one cpio archive of it
 *	                          → iso.c:     one disk image that BIOS and UEFI start
 *
 * Invariants
 *   M1  The same inputs give the same bytes: no clock, no path, no random number and no
 *       order of a folder enters the output. SOURCE_DATE_EPOCH alone sets its dates.
 *   M2  An output is replaced wholly or not at all.
 *   M3  Whatever happens, no temporary file is left behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/tool.h"

#define IMAGE_NO_HOST_PROGRAM 77 /* exit status: what tests take for "skipped" */

struct image_options {
	const char *kernel, *manifest;
	const char **module_dirs;
	size_t module_dir_count;
	const char **evolutions;
	size_t evolution_count;
	const char *spiller; /* id of the one module whose state is overlooked; NULL: none */
	const char *iso, *archive; /* outputs; NULL: not wanted */
	const char *cmdline, *volume;
	const char *grub_dir; /* where i386-pc/ and x86_64-efi/ lie */
};

/* ---- resolve.c ------------------------------------------------------------------ */

struct image_entry { /* of the archive */
	char *name;
	struct tool_file file;
};

struct image_contents {
	struct tool_file kernel;
	struct image_entry *entries; /* in the order of the archive */
	size_t count;
};

/* Reads and judges everything the options name. On refusal every finding is printed. */
enum tool_status contents_read(const struct image_options *options,
			       struct image_contents *contents);
/* The first of the module folders that has @file; memory of its own. NULL: none. */
char *image_module_find(const struct image_options *options, const char *file);
/* Whether --admit-spill overlooks what was found in module @id of file @path; it warns then. */
bool image_overlooks(const struct image_options *options, const char *id, const char *path,
		     const struct finding *finding);
void contents_free(struct image_contents *contents);
void contents_add(struct image_contents *contents, const char *name, const void *data,
		  size_t size);

/* ---- evolution.c ---------------------------------------------------------------- */

/* The files of --evolution, and the modules they bring. Every finding is printed. */
enum tool_status evolutions_add(const struct image_options *options,
				struct image_contents *contents);

/* ---- kernel.c ------------------------------------------------------------------- */

/* The kernel's functions, a line "address name" each, by address; the last line says
 * where they end. False, with a message: not an ELF64 executable. */
THS_MUST_CHECK bool kernel_symbols(const char *path, const struct tool_file *kernel,
				   struct tool_text *lines);
/* Whether GRUB will find a multiboot2 header. */
THS_MUST_CHECK bool kernel_is_multiboot2(const struct tool_file *kernel);
/* Whether THS_PROGRAM(@name, …) is in the kernel. */
THS_MUST_CHECK bool kernel_has_program(const struct tool_file *kernel, const char *name);

/* ---- archive.c ------------------------------------------------------------------ */

void archive_write(const struct image_contents *contents, struct tool_text *archive);

/* ---- iso.c ---------------------------------------------------------------------- */

/* TOOL_OK, TOOL_UNREADABLE or IMAGE_NO_HOST_PROGRAM, with a message. */
int iso_write(const struct image_options *options, const struct tool_file *kernel,
	      const struct tool_text *archive);
/* The date of everything in the image, seconds since 1970. */
uint64_t image_epoch(void);

/* ---- temp.c --------------------------------------------------------------------- */

/* A folder that is gone when the tool ends, by exit() or by a signal. NULL, with a
 * message, on failure. */
const char *temp_folder(void);
/* Runs a program found on PATH and waits; shows what it said if it failed. */
THS_MUST_CHECK bool temp_run(const char *const *argv);
