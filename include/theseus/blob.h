/*
 * blob - a client's progress with a server, in the client's memory, closed to it.
 *
 * A server that remembers its clients cannot be replaced. So it hands each client what
 * it would remember, as a blob: the client keeps it, passes it along with each call, and
 * cannot look into it, for all it sees of struct ths_blob is the name. A million
 * sessions cost the server nothing.
 *
 * A blob holds progress, never title: what excludes others is a row, which the blob only
 * names. A client may therefore copy its blobs, save them, even go back to an older
 * copy; it rewinds itself and no one else.
 *
 * Invariants
 *   B1  A blob is made of bytes only: a copy of ths_blob_size() bytes to memory aligned
 *       to THS_BLOB_ALIGN, made while no call is using the blob, is the same blob.
 *   B2  An interaction uses a blob alone: a second one that brings it is THS_E_BUSY.
 *   B3  After an error the blob is as it was before the call.
 *   B4  A server is handed blobs of its own type only; where the client is not trusted,
 *       only those that bear the key's tag: any changed bit is THS_E_BLOB.
 *
 * Use: THS_BLOB_STORAGE(memory, 64); struct ths_blob *session =
 * ths_blob_init(memory, 64); then pass session to each call of that server.
 * See tests/unit/base/blob_test.c shows B1, B4; the gate keeps B2 and B3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

struct ths_blob; /* incomplete on purpose */

#define THS_BLOB_ALIGN        8        /* of the memory a blob lies in, bytes */
#define THS_BLOB_HEADER       40       /* bytes a blob takes beside its body */
#define THS_BLOB_CAPACITY_MAX (32768u) /* bytes of the largest body */

/* Memory for a blob whose body takes up to @capacity bytes; may be a member, or static.
 */
#define THS_BLOB_STORAGE(name, capacity)                                                 \
	THS_ALIGNED(THS_BLOB_ALIGN) unsigned char name[THS_BLOB_HEADER + (capacity)]

/**
 * ths_blob_init() - make memory an empty blob, which belongs to no server yet
 * @storage:  THS_BLOB_HEADER + @capacity bytes, aligned to THS_BLOB_ALIGN
 * @capacity: bytes the largest body will take, at most THS_BLOB_CAPACITY_MAX
 *
 * The first server called with it makes it its own.
 *
 * Context: any.
 * Return:  the blob, which is @storage; NULL when @storage is NULL or not aligned, or
 *          @capacity too large: then no memory was touched.
 */
THS_MUST_CHECK struct ths_blob *ths_blob_init(void *storage, size_t capacity);

/**
 * ths_blob_size() - bytes that make up the blob: what to copy, save or send
 *
 * Context: any; while no call is using the blob.
 */
size_t ths_blob_size(const struct ths_blob *blob);
