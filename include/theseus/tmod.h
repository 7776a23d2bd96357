/*
 * tmod - the module file, ID.tmod: a relocatable ELF64 for x86_64.
 *
 * Made by `ld -r --gc-sections -u ths_module_X`, stripped of debug sections, sealed by
 * `theseus-check --seal`. The loader and theseus-check share this reader, so that what
 * the one accepts the other does.
 *
 * Invariants
 *   E1  No allocated section is writable and larger than 0 (I1).
 *   E2  Relocations are of the kinds R_X86_64_64, 32, 32S, PC32, PLT32 and lie, with what
 *       they change, inside an allocated section; anything else is refused by name and
 *       offset.
 *   E3  Undefined symbols are nano_core's published ones (I8).
 *   E4  Exactly one global symbol begins with ths_module_; it is the descriptor. Its first
 *       two words are its ABI and its size, in every ABI there will be.
 *   E5  Section .ths.digest is 32 bytes: BLAKE2s-256 of the whole file with these 32
 *       bytes taken as zero. So any changed byte, debug or not, is refused.
 *   E6  Nothing outside @image is ever read, whatever the file says.
 *   E7  Section .ths.schema, where there is one, is text in the form of <theseus/schema.h>.
 *       Whether it describes the descriptor is asked of who can follow that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/gate.h>
#include <theseus/schema.h>

#define THS_TMOD_SECTIONS_MAX 64u
#define THS_TMOD_REASON_MAX   160u

/* What was refused: a sentence with section, symbol, offset. */
struct ths_reason {
	char text[THS_TMOD_REASON_MAX];
};

/* A module file, checked but not yet placed. Points into the image; owns nothing. */
struct ths_tmod {
	const uint8_t *image;
	size_t size;
	uint32_t sections;
	uint64_t text_size;   /* executable allocated bytes, sections aligned */
	uint64_t rodata_size; /* read-only allocated bytes, sections aligned */
	uint64_t place[THS_TMOD_SECTIONS_MAX]; /* of each allocated section: offset within
		text or rodata; UINT64_MAX: not allocated */
	uint32_t symtab, strtab; /* section indices */
	uint64_t descriptor;     /* offset of the descriptor within rodata */
	uint32_t abi;            /* which it is of; of others nothing more can be read */
	uint32_t descriptor_size; /* bytes */
	uint64_t spill;          /* where in rodata the writable part begins, at a page */
	uint64_t spill_size;     /* its bytes: 0 unless ths_tmod_open_spilling() */
	struct ths_schema schema; /* within the image; NULL: none */
};

/* What a name is worth: nano_core's published symbols, or a test's. 0: unknown. */
typedef uint64_t ths_resolve_fn(void *ctx, const char *name);

/**
 * ths_tmod_open() - check a module file wholly, up to its digest
 * Return: THS_OK; THS_E_FORMAT not such an ELF, E7; THS_E_SPILL (E1); THS_E_RELOC (E2);
 *         THS_E_DIGEST (E5); THS_E_SIZE too many sections. @reason says what and where.
 * Context: any.
 */
THS_MUST_CHECK enum ths_err ths_tmod_open(struct ths_tmod *tmod, const void *image,
					  size_t size, struct ths_reason *reason);

/**
 * ths_tmod_open_spilling() - the same, without E1
 *
 * For the control in the tests, which shows what a module with memory of its own loses.
 * Its writable bytes are placed at the end of rodata, from @tmod->spill on; to map those
 * pages writable is the caller's business. COMMON symbols are refused all the same.
 */
THS_MUST_CHECK enum ths_err ths_tmod_open_spilling(struct ths_tmod *tmod, const void *image,
						   size_t size, struct ths_reason *reason);

/**
 * ths_tmod_seal() - write the digest into .ths.digest (E5)
 *
 * Return: THS_OK; THS_E_FORMAT, THS_E_SIZE, THS_E_SPILL (COMMON) as ths_tmod_open(). That
 *         the file may be loaded is not said by its being sealed.
 */
THS_MUST_CHECK enum ths_err ths_tmod_seal(void *image, size_t size,
					  struct ths_reason *reason);

/**
 * ths_tmod_link() - place and relocate
 * @text, @rodata:        where to write (tmod->text_size, ->rodata_size bytes)
 * @text_at, @rodata_at:  the addresses these will have when run
 * @resolve:              for undefined symbols
 *
 * Return: THS_OK; THS_E_SYMBOL (E3) ; THS_E_RELOC a value does not fit its field.
 */
THS_MUST_CHECK enum ths_err ths_tmod_link(const struct ths_tmod *tmod, uint8_t *text,
					  uint64_t text_at, uint8_t *rodata,
					  uint64_t rodata_at, ths_resolve_fn *resolve,
					  void *ctx, struct ths_reason *reason);

/* The defined function that holds @text_offset; for backtraces. NULL: none. */
const char *ths_tmod_symbol(const struct ths_tmod *tmod, uint64_t text_offset,
			    uint64_t *within);

/* Calls @visit with each undefined symbol's name; stops when it returns an error. */
THS_MUST_CHECK enum ths_err ths_tmod_imports(const struct ths_tmod *tmod,
					     enum ths_err (*visit)(void *ctx,
								   const char *name),
					     void *ctx);
