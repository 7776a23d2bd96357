/*
 * save_impl - the image, as save.c writes and restore.c reads it: theseus-save(5).
 *
 *	head | digest | for each table: table head | digest [ layout | digest ]
 *	                                entries | digest | rows | digest
 *
 * Each digest is that of the whole image so far, the digests in it included. So nothing
 * is believed before a digest vouches for it, and the last one vouches for all. Numbers
 * are the machine's, little-endian; the head says so.
 */
#pragma once

#include <stdint.h>
#include <theseus/digest.h>
#include <theseus/gate.h>
#include <theseus/save.h>

#define SAVE_MAGIC  0x31657661736c6874ull /* "thlsave1" */
#define SAVE_ORDER  0x01020304u
#define SAVE_FORMAT 1u
#define SAVE_X86_64 62u /* as e_machine of ELF: System V ABI, AMD64 supplement */

struct save_head {
	uint64_t magic;
	uint32_t order;   /* of bytes: reads as SAVE_ORDER */
	uint32_t format;
	uint32_t machine; /* whose C compiler laid out the rows */
	uint32_t tables;
	uint64_t clock;   /* the last commit that is in it */
	uint64_t size;    /* of the image, bytes */
	uint8_t key[16];  /* which key: the first bytes of its digest; 0: none */
};

struct save_table {
	char schema[THS_NAME_MAX];   /* "name/version" */
	char instance[THS_NAME_MAX]; /* THS_PER_INSTANCE: whose; else "" */
	uint64_t layout;             /* bytes of its text, which follows; 0: not known */
	uint32_t row_size;           /* bytes; a row takes that, rounded up to 8 */
	uint32_t flags;              /* enum ths_table_flags */
	uint32_t slots;              /* entries */
	uint32_t live;               /* rows */
};

#define SAVE_LAYOUT_MAX 65536u /* bytes */

/* Texts and rows are filled up with zeroes. */
THS_INLINE size_t save_padded(uint64_t bytes)
{
	return ((size_t)bytes + 7u) & ~(size_t)7u;
}

/* A slot: the generation of its present or next life, and whether it is alive. */
#define SAVE_LIVE (1ull << 32)

_Static_assert(sizeof(struct save_head) == 56, "theseus-save(5)");
_Static_assert(sizeof(struct save_table) == 88, "theseus-save(5)");

void ths_save_digest(struct ths_digest *digest, const uint8_t *key);
