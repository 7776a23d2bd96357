/*
 * save - the tables declared THS_PERSIST, out of one boot and into another.
 *
 * ths_save() writes an *image*: all such tables as they stood at one moment, between two
 * commits. ths_restore() puts an image into the tables that modules have opened since,
 * all at once: to everybody else it is one commit. What is not in the image is rebuilt:
 * the index from the rows' keys, free rows from the rows that are dead, hardware rows by
 * the routine their table names (`reread`, module.h), soft rows by whoever misses them.
 * The format is in theseus-save(5).
 *
 * Rows keep number and generation, so links and weak references among saved rows hold. A
 * weak reference taken after boot and before the restore may name another row after it:
 * restore first, then start clients.
 *
 * What has no place in an image is refused as THS_PERSIST when it is declared: joint rows,
 * for they go with their last owner and no task outlives its boot; hardware rows; soft
 * rows. A blob that lies in a row travels as the bytes it is: it bears no tag in there,
 * and the image's digest, under the image's key, vouches for it.
 *
 * Invariants
 *   S1  An image is of one moment: what one commit wrote is in it wholly or not at all.
 *   S2  An image that is damaged, cut short, of another machine, under another key, or
 *       does not fit the tables there are, changes nothing.
 *   S3  Transactions go on meanwhile, on all CPUs; they commit before the restore, or are
 *       run again on what it brought.
 *
 * Cost: other CPUs' commits wait O(saved rows) for a copy, or for the exchange; neither
 * sink nor source is called during that. Memory: a copy of the rows.
 *
 * Context: a program, at depth 0; not while a module is loaded, bound or swapped.
 * See tests/unit/state_db/save_test.c shows S1-S3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/tmod.h>

#define THS_SAVE_KEY 32 /* bytes of an image's key */

/* Takes, or gives, exactly @size bytes; any error ends the save or restore and is its
 * result. May call modules, and sleep. */
typedef enum ths_err ths_save_sink(void *ctx, const void *data, size_t size);
typedef enum ths_err ths_save_source(void *ctx, void *data, size_t size);

/**
 * ths_save() - write an image of all tables declared THS_PERSIST
 * @sink: gets it piece by piece
 * @ctx:  handed to @sink
 * @key:  THS_SAVE_KEY bytes: only who has them can make or alter an image; NULL: none
 *
 * Return: THS_OK; THS_E_NOMEM; THS_E_BUSY rows change their schema and do not all get
 *         there (ths_sweep()), or appeared faster than room was made for
 *         them, eight times; THS_E_PERM called inside an interaction; @sink's error.
 */
THS_MUST_CHECK enum ths_err ths_save(ths_save_sink *sink, void *ctx,
				     const uint8_t key[THS_SAVE_KEY]);

/**
 * ths_restore() - make the saved tables what an image says
 * @source: gives the image from its first byte on
 * @ctx:    handed to @source
 * @key:    as it was saved; NULL: none
 * @reason: out: a sentence, when refused: what, and where
 *
 * Each table of the image must be there, in the same version and layout, and the image
 * must have all that are declared THS_PERSIST. Their rows are replaced; so are those that
 * a module's `start` has made. Sleepers wake. Then hardware tables are read anew.
 *
 * Return: THS_OK;
 *         THS_E_FORMAT   not an image, or malformed; THS_E_VERSION of another format;
 *         THS_E_ABI      of another byte order or architecture;
 *         THS_E_PERM     under another key, or called inside an interaction;
 *         THS_E_DIGEST   damaged;
 *         THS_E_SCHEMA   a table is missing on one side, or differs;
 *         THS_E_FULL     a table has no room for the image's rows;
 *         THS_E_NOMEM; THS_E_BUSY rows change their schema, or appeared too fast; @source's error: with each of
 *         these nothing has changed;
 *         what a `reread` returned: all is restored, but that device's rows are old.
 */
THS_MUST_CHECK enum ths_err ths_restore(ths_save_source *source, void *ctx,
					const uint8_t key[THS_SAVE_KEY],
					struct ths_reason *reason);

/* A piece of memory as sink and as source: @at counts the bytes written, or read. Full:
 * THS_E_FULL. At its end: THS_E_FORMAT. */
struct ths_save_memory {
	uint8_t *data;
	size_t size, at;
};
THS_MUST_CHECK enum ths_err ths_save_to_memory(void *memory, const void *data, size_t size);
THS_MUST_CHECK enum ths_err ths_save_from_memory(void *memory, void *data, size_t size);
