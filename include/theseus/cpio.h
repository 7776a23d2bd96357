/*
 * cpio - reading an archive in cpio's "newc" format, where it lies in memory.
 *
 * The boot module archive is one: made by any cpio, handed over by any boot loader, and
 * readable without unpacking. It comes from outside, so nothing in it is believed.
 *
 * Invariants
 *   C1  Whatever the bytes are, none outside the archive is read.
 *   C2  An entry's name is terminated and, like its data, lies within the archive.
 *   C3  An archive that ends before its trailer is an error: a cut one is never taken
 *       for a short one.
 *   C4  After an error the reader stays where it is and gives the same error again.
 *
 * Use: ths_cpio_init(), then ths_cpio_next() until THS_E_NOENT; or ths_cpio_find().
 * Data are aligned as the format has it: to 4 bytes from the archive's start.
 * See tests/unit/base/cpio_test.c shows C1-C4.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

struct ths_cpio {
	const unsigned char *archive;
	size_t size;      /* of the archive, bytes */
	size_t at;        /* offset of the next header; after an error, of the bad one */
	const char *what; /* after an error: what is wrong there, a sentence; else NULL */
};

struct ths_cpio_entry {
	const char *name; /* terminated; without a leading "./" or "/" */
	const unsigned char *data;
	size_t size;   /* of the data, bytes */
	size_t offset; /* of the entry's header in the archive */
	uint32_t mode; /* as in stat(2) */
};

/**
 * ths_cpio_init() - stand before the first entry
 * @archive: the bytes; may be NULL when @size is 0
 *
 * Context: any.
 */
void ths_cpio_init(struct ths_cpio *cpio, const void *archive, size_t size);

/**
 * ths_cpio_next() - the next entry of any kind
 * @entry: out; points into the archive
 *
 * Context: any.
 * Return:  THS_OK;
 *          THS_E_NOENT   there was none: the trailer is reached;
 *          THS_E_FORMAT  @cpio->what is wrong at offset @cpio->at (C4).
 */
THS_MUST_CHECK enum ths_err ths_cpio_next(struct ths_cpio *cpio,
					  struct ths_cpio_entry *entry);

/**
 * ths_cpio_is_file() - whether an entry is a regular file
 *
 * Context: any.
 */
bool ths_cpio_is_file(const struct ths_cpio_entry *entry);

/**
 * ths_cpio_find() - the first regular file of a name
 * @name: without a leading "./"
 *
 * Context: any; reads the headers from the first on.
 * Return:  THS_OK;
 *          THS_E_NOENT   no such file;
 *          THS_E_FORMAT  the archive is bad before the file was found.
 */
THS_MUST_CHECK enum ths_err ths_cpio_find(const void *archive, size_t size,
					  const char *name, struct ths_cpio_entry *entry);
