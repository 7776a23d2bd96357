/*
 * row - what a module remembers, kept by state_db.
 *
 * A table has rows of one fixed size. A row is plain data: keys and indices, never a
 * pointer, so that it can be copied, saved, compared and migrated by whoever comes next.
 * All calls here belong to the interaction in progress.
 *
 * Invariants
 *   W1  A read gives a snapshot that never changes, valid until the interaction ends. All
 *       reads of one interaction are of one moment (one version of the global clock).
 *   W2  A write gives a private copy. It becomes visible, with all other writes of the
 *       interaction, when that commits; never otherwise.
 *   W3  A row keeps its generation while it lives; a weak reference to a row that died
 *       is THS_E_STALE for ever, whoever lives in its place.
 *   W4  Conflicts, newer rows and empty pools never come back from these calls: the gate
 *       runs the interaction again.
 *
 * @table is the number of the table in the module's descriptor. Errors common to all:
 * THS_E_INVAL no such table in the descriptor, or a key where there is none;
 * THS_E_FULL the interaction touches more rows than a transaction holds;
 * THS_E_PERM the table may not be written by this kind of operation.
 *
 * Context: inside an operation only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/gate.h>

struct ths_call;

#define THS_VERSION_LIFE       16u /* offsets in a version: state_db's ABI */
#define THS_VERSION_DATA       24u

#define THS_ROW_NONE UINT32_MAX /* "no row": as a link, an argument, a start */

/* A weak reference that may be stored in rows and blobs. */
struct ths_weak {
	uint32_t row;
	uint32_t generation;
};

/* ths_row_read(call, table, row, &ptr): *ptr is a `const T *`. THS_E_NOENT: no row. */
#define ths_row_read(call, table, row, out)                                              \
	ths_row_read_inline_((call), (table), (row), (const void **)(out))
/* ths_row_write(call, table, row, &ptr): *ptr is a `T *`. THS_E_NOENT: no row. */
#define ths_row_write(call, table, row, out)                                             \
	ths_row_write_inline_((call), (table), (row), (void **)(out))
/* ths_row_new(call, table, &row, &ptr): a zeroed row. THS_E_FULL: table is full, rows that
 * interactions in flight are making included; an operation that returns THS_E_AGAIN then
 * sleeps until one goes. THS_E_QUOTA: a joint one, and the client owns as many as it may
 * (quota.h). */
#define ths_row_new(call, table, row_out, out)                                           \
	ths_row_new_((call), (table), 0, (row_out), (void **)(out))
/* With a key; THS_E_EXIST when a row has it. The key is stored in the row. */
#define ths_row_new_keyed(call, table, key, row_out, out)                                \
	ths_row_new_((call), (table), (key), (row_out), (void **)(out))
/* ths_row_find(call, table, key, &row, &ptr): keyed lookup. THS_E_NOENT: none, and that
 * too is believed only if still true at commit. */
#define ths_row_find(call, table, key, row_out, out)                                     \
	ths_row_find_((call), (table), (key), (row_out), (const void **)(out))
/* ths_weak_read(call, table, weak, &ptr): THS_E_STALE when that row died. */
#define ths_weak_read(call, table, weak, out)                                            \
	ths_weak_read_((call), (table), (weak), (const void **)(out))

/* The row's version or, above any address, an error. @table is less than THS_TABLES_MAX. */
const void *ths_row_read_(unsigned table, uint32_t row);
void *ths_row_write_(unsigned table, uint32_t row);
THS_MUST_CHECK enum ths_err ths_row_new_(struct ths_call *call, unsigned table,
					 uint64_t key, uint32_t *row, void **out);
THS_MUST_CHECK enum ths_err ths_row_find_(struct ths_call *call, unsigned table,
					  uint64_t key, uint32_t *row, const void **out);
THS_MUST_CHECK enum ths_err ths_weak_read_(struct ths_call *call, unsigned table,
					   struct ths_weak weak, const void **out);

#define THS_ROW_ERRORS 4095u /* addresses so near the end are errors */
THS_INLINE THS_MUST_CHECK enum ths_err ths_row_error_(const void *version)
{
	if (THS_LIKELY((uintptr_t)version < -(uintptr_t)THS_ROW_ERRORS))
		return THS_OK;
	/* These bits are set already; so the compiler knows that it is not THS_OK. */
	return (enum ths_err)((int)(intptr_t)version | -(int)(THS_ROW_ERRORS + 1));
}

/* @call is a token: the CPU's own record counts. */
THS_INLINE THS_MUST_CHECK enum ths_err ths_row_read_inline_(struct ths_call *call,
							    unsigned table, uint32_t row,
							    const void **out)
{
	const char *version;

	(void)call;
	if (table >= THS_TABLES_MAX)
		return THS_E_INVAL;
	version = ths_row_read_(table, row);
	THS_TRY(ths_row_error_(version));
	*out = version + THS_VERSION_DATA;
	return THS_OK;
}

THS_INLINE THS_MUST_CHECK enum ths_err ths_row_write_inline_(struct ths_call *call,
							     unsigned table, uint32_t row,
							     void **out)
{
	char *version;

	(void)call;
	if (table >= THS_TABLES_MAX)
		return THS_E_INVAL;
	version = ths_row_write_(table, row);
	THS_TRY(ths_row_error_(version));
	*out = version + THS_VERSION_DATA;
	return THS_OK;
}

/* Removes a row; weak references to it die. THS_E_NOENT: no row. */
THS_MUST_CHECK enum ths_err ths_row_free(struct ths_call *call, unsigned table,
					 uint32_t row);
/* The next live row after *@row (start with THS_ROW_NONE), ascending. THS_E_NOENT: no
 * more; a row that appears later is a conflict, so the enumeration is complete (P6). */
THS_MUST_CHECK enum ths_err ths_row_next(struct ths_call *call, unsigned table,
					 uint32_t *row);
/* A weak reference to a live row. THS_E_NOENT: no row. */
THS_MUST_CHECK enum ths_err ths_row_weak(struct ths_call *call, unsigned table,
					 uint32_t row, struct ths_weak *weak);
/*
 * A weak reference kept ready: the row's slot, which stays one for ever, and the
 * generation. Upgrading is a load and a comparison, in line; it outlives a swap of
 * state_db, whose layout it does not know (the slot's and the version's header are
 * nano_core's). The row so reached is of this moment and is *not* made part of the read
 * set: where the outcome depends on it, use ths_weak_read().
 */
struct ths_weak_cached {
	const uintptr_t *slot;
	uint64_t life; /* generation, size class and schema, as in a version: one word */
};

/* Makes @cached of @weak. THS_E_STALE: the row has died. Inside an operation. */
THS_MUST_CHECK enum ths_err ths_weak_cache(struct ths_call *call, unsigned table,
					   struct ths_weak weak,
					   struct ths_weak_cached *cached);
/* The row, good until the interaction ends; NULL: it has died, or stands in another schema
 * at the moment: ths_weak_cache() says which, and ths_weak_read() reads it. Inside an
 * operation. */
THS_INLINE const void *ths_weak_upgrade(const struct ths_weak_cached *cached)
{
	uintptr_t version = *(const volatile uintptr_t *)cached->slot & ~(uintptr_t)3;

	if (THS_UNLIKELY(*(const uint64_t *)(version + THS_VERSION_LIFE) != cached->life))
		return NULL;
	return (const void *)(version + THS_VERSION_DATA);
}

/* Joint tables: the calling client becomes, or ceases to be, an owner of the row; who made
 * it is its first. When the last owner leaves, or dies, the row is removed. share: THS_E_EXIST an
 * owner already; THS_E_QUOTA it owns as many rows as it may. unshare: THS_E_NOENT not an owner. */
THS_MUST_CHECK enum ths_err ths_row_share(struct ths_call *call, unsigned table,
					  uint32_t row);
THS_MUST_CHECK enum ths_err ths_row_unshare(struct ths_call *call, unsigned table,
					    uint32_t row);
