/*
 * blob_impl - the inside of a blob, for the gate and state_db's save/restore alone.
 *
 *    0  tag         not covered
 *    8  busy        not covered
 *   16  type        ┐
 *   24  schema      │
 *   28  size        │ covered by the tag: one run of bytes, header and body,
 *   32  generation  │ so that one pass of SipHash does
 *   36  capacity    │
 *   40  body[size]  ┘
 *       … up to capacity: not part of the blob
 *
 * The memory is the client's: where the client is not trusted it may change between two
 * looks. Whoever checks a blob then copies it first, and checks and uses the copy.
 *
 * Empty is: type, schema, generation, size and tag all 0. An empty blob bears no tag,
 * since anyone may make one; it says no more than that a client begins anew.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <theseus/blob.h>
#include <theseus/siphash.h>

struct ths_blob {
	uint64_t tag;          /* SipHash-2-4 of type … body[size - 1] */
	_Atomic uint64_t busy; /* 1 while an interaction has it; 0 when free */
	uint64_t type;         /* ths_blob_type() of the server's name for it; 0: empty */
	uint32_t schema;       /* version of the body's layout */
	uint32_t size;         /* bytes of body in use; gate.S compares both as one word */
	uint32_t generation;   /* commits that changed it; wraps */
	uint32_t capacity;     /* bytes of body there is memory for */
	unsigned char body[];
};

/**
 * ths_blob_type() - what a type's name becomes in the header
 * @name:   as a module declares it, "session/1"
 * @schema: out: the number behind the slash; 0 where there is none
 *
 * Context: any.
 * Return:  a hash of the part before the slash; never 0.
 */
uint64_t ths_blob_type(const char *name, uint32_t *schema);

/**
 * ths_blob_take() - begin to use a blob
 * ths_blob_drop() - be done with it
 *
 * Context: any CPU; take never waits.
 * Return (take): THS_OK;
 *          THS_E_BUSY  another interaction has it.
 */
THS_MUST_CHECK enum ths_err ths_blob_take(struct ths_blob *blob);
void ths_blob_drop(struct ths_blob *blob);

/**
 * ths_blob_is_empty() - whether it belongs to no server yet
 *
 * Context: any.
 */
bool ths_blob_is_empty(const struct ths_blob *blob);

/**
 * ths_blob_check() - whether a blob may be handed to a server; the cheap half
 * @blob:   aligned to THS_BLOB_ALIGN; only read
 * @bytes:  how much memory there is at @blob
 * @type:   the server's, from ths_blob_type()
 * @schema: the server's
 * @size:   bytes the server's body takes
 *
 * An empty blob passes when its capacity suffices. Nothing beyond @bytes is read.
 *
 * Context: any.
 * Return:  THS_OK;
 *          THS_E_BLOB  too short, its sizes contradict each other, of another type,
 *                      schema or size, or empty and too small.
 */
THS_MUST_CHECK enum ths_err ths_blob_check(const struct ths_blob *blob, size_t bytes,
					   uint64_t type, uint32_t schema, size_t size);

/**
 * ths_blob_store() - put a new body into a blob that passed ths_blob_check()
 * @body: @size bytes, from elsewhere
 *
 * The commit side: cannot fail. The tag is stale afterwards; see ths_blob_tag().
 *
 * Context: the interaction that took the blob.
 */
void ths_blob_store(struct ths_blob *blob, uint64_t type, uint32_t schema,
		    const void *body, size_t size);

/**
 * ths_blob_tag()    - set the tag
 * ths_blob_verify() - test the tag, before anything else in the blob is believed
 * @key:   of this boot, or of the image for blobs that travel
 * @blob:  aligned to THS_BLOB_ALIGN
 * @bytes: how much memory there is at @blob
 *
 * Context: any.
 * Return (verify): THS_OK;
 *          THS_E_BLOB  too short, its sizes contradict each other, or another tag.
 */
void ths_blob_tag(const uint8_t key[THS_SIPHASH_KEY], struct ths_blob *blob);
THS_MUST_CHECK enum ths_err ths_blob_verify(const uint8_t key[THS_SIPHASH_KEY],
					    const struct ths_blob *blob, size_t bytes);
