/*
 * schema - the layouts a module file carries: what lies where in its rows, its blobs and
 * the arguments of its operations.
 *
 * Two modules that share a table, or call each other, agree in more than in sizes. What
 * each was compiled with stands as text in section .ths.schema of its file, written from
 * its debug information; theseus-schema(5) has the form. The form is canonical, so two
 * layouts are the same when their bytes are; the words are for saying how they differ.
 *
 *	theseus-schema 1 sched.rr        which module
 *	provides sched/1                 an interface, and ...
 *	op admit 8                       ... its operations, with the size of their arguments
 *	 task u32 0                      a member: path, kind, offset
 *	 cpu u32 4
 *	table sched.queue/1 48           a row type, with its size
 *	 first u16 0
 *	 ring u16[16] 16
 *
 * Invariants
 *   L1  Nothing outside the text is read, whatever stands in it.
 *   L2  A layout is what stands in the text, byte by byte; nothing is left to be guessed
 *       from the compiler.
 *
 * See tests/unit/base/schema_test.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

#define THS_SCHEMA_MAGIC "theseus-schema 1 "

struct ths_schema { /* a text accepted by ths_schema_open(); not ours */
	const char *text; /* NULL: there is none */
	size_t size;
};

/* A part of such a text. Of a type: its members. Of an interface: its operations. */
struct ths_layout {
	const char *text; /* whole lines; NULL: not known */
	uint32_t length;  /* bytes of the text */
	uint32_t size;    /* bytes of the type; of an interface: operations */
};

enum ths_schema_kind {
	THS_SCHEMA_PROVIDES,
	THS_SCHEMA_USES,
	THS_SCHEMA_OP,
	THS_SCHEMA_TABLE,
	THS_SCHEMA_BLOB,
	THS_SCHEMA_STATE,
};

struct ths_schema_record { /* a line that is no member's, with the members that follow */
	enum ths_schema_kind kind;
	const char *name; /* "sched.queue/1"; of an operation "pick". Not terminated */
	size_t name_length;
	struct ths_layout layout; /* of an interface: empty, its operations follow */
	const char *like; /* an operation above it in its interface whose arguments have the
		same members; NULL: its own follow */
	size_t like_length;
};

struct ths_schema_cursor {
	struct ths_schema schema;
	size_t at; /* of the next record */
};

/**
 * ths_schema_open() - take a text for a schema
 *
 * Context: any. Cost: O(size).
 * Return:  THS_OK; THS_E_FORMAT it does not begin with THS_SCHEMA_MAGIC, does not end with
 *          its line, or has bytes that are no text.
 */
THS_MUST_CHECK enum ths_err ths_schema_open(struct ths_schema *schema, const char *text,
					    size_t size);

/* The first record is next. */
void ths_schema_rewind(struct ths_schema_cursor *cursor, const struct ths_schema *schema);

/**
 * ths_schema_next() - the record at the cursor, which moves on
 *
 * Context: any. Cost: O(bytes of the record).
 * Return:  THS_OK; THS_E_NOENT there are no more; THS_E_FORMAT it is malformed, and the
 *          cursor stays.
 */
THS_MUST_CHECK enum ths_err ths_schema_next(struct ths_schema_cursor *cursor,
					    struct ths_schema_record *record);

/* Whether a record is of @kind and named so. */
bool ths_schema_is(const struct ths_schema_record *record, enum ths_schema_kind kind,
		   const char *name);

/**
 * ths_schema_find() - the layout of a table or blob, or of an interface it provides or uses
 * @name: "sched.queue/1"
 *
 * Context: any. Cost: O(size).
 * Return:  THS_OK; THS_E_NOENT.
 */
THS_MUST_CHECK enum ths_err ths_schema_find(const struct ths_schema *schema,
					    enum ths_schema_kind kind, const char *name,
					    struct ths_layout *layout);

/* The id of the module that was described, to the end of its line. */
const char *ths_schema_module(const struct ths_schema *schema, size_t *length);

/* Whether two layouts are the same; what is not known (NULL) agrees with anything. */
bool ths_layout_same(const struct ths_layout *a, const struct ths_layout *b);
/* Likewise of interfaces, of which one may have further operations (F1). */
bool ths_layout_same_ops(const struct ths_layout *a, const struct ths_layout *b);

/**
 * ths_layout_differ()     - say how two layouts of a type that are not the same differ
 * ths_layout_differ_ops() - the same of interfaces
 * @into, @size: where to; always terminated
 * @here, @there: the two
 * @where:  what to call the place where @there comes from
 *
 *	member links.next is u32 at 12 here, u64 at 16 in sched.fcfs
 *
 * Context: any.
 */
void ths_layout_differ(char *into, size_t size, const struct ths_layout *here,
		       const struct ths_layout *there, const char *where);
void ths_layout_differ_ops(char *into, size_t size, const struct ths_layout *here,
			   const struct ths_layout *there, const char *where);
