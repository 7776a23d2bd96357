/*
 * evolve - several modules change at once, wholly or not at all.
 *
 * An evolution file, theseus-evolve(5), names modules to add, to remove, to put in others'
 * places, the bindings that come of it, and each interface version and each table schema
 * that is to change. ths_evolve() loads and verifies all of it, publishes all bindings in
 * one commit, and retires who has left once who came has served its probation.
 *
 * Invariants
 *   V1  After an error every binding, row and page is as before, and all serve on.
 *   V2  No interaction commits that ran partly on modules of before and partly after.
 *   V3  Afterwards everyone's required uses are bound, in their version.
 *   V4  What the file does not name does not change: no version, no schema, no binding.
 *   V5  Who came with one evolution stays or goes back together, in one commit.
 *
 * Use: ths_evolve_file("split") where the archive has a file of that name; or
 * ths_evolve() with the text at hand. tests/unit/nano_core/evolve_test.c shows V1-V4.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/gate.h>
#include <theseus/tmod.h>

#define THS_EVOLVE_ITEMS 32u /* directives in a file */

enum ths_evolve_kind {
	THS_EVOLVE_TITLE,   /* evolve NAME */
	THS_EVOLVE_MODULE,  /* module ID [as NAME] */
	THS_EVOLVE_REPLACE, /* replace OLD with ID [as NAME] */
	THS_EVOLVE_REMOVE,  /* remove OLD */
	THS_EVOLVE_BIND,    /* bind IFACE/VERSION [NAME] = INSTANCE */
	THS_EVOLVE_VERSION, /* version IFACE/OLD IFACE/NEW */
	THS_EVOLVE_MIGRATE, /* migrate TABLE/OLD TABLE/NEW */
};

/* One directive: its words in capitals, by their place above; "" where there is none. */
struct ths_evolve_item {
	enum ths_evolve_kind kind;
	uint32_t line; /* from 1 */
	char word[3][THS_NAME_MAX];
};

/**
 * ths_evolve_read() - the directives of an evolution file
 * @item:   out: THS_EVOLVE_ITEMS of them
 * @count:  out: how many there are
 * @reason: out: a sentence with the line, when refused
 *
 * Context: any. Return: THS_OK; THS_E_FORMAT a line is malformed; THS_E_FULL too many.
 */
THS_MUST_CHECK enum ths_err ths_evolve_read(const char *text, size_t size,
					    struct ths_evolve_item *item, unsigned *count,
					    struct ths_reason *reason);

/**
 * ths_evolve() - applies an evolution
 * @reason: out: a sentence with the line, when refused; may be NULL
 *
 * Who is added or replaces somebody is loaded from the archive, unless an instance of that
 * name is loaded already and not bound. Those whose tables are new are started with all
 * commits of others held off, so that they may take over rows. Who replaces somebody that
 * holds state (metamodule.h) takes it over, as with a swap.
 *
 * Who came is on probation then, as after a swap (ths_probation_set()), until each of them
 * has served it; who left is kept for so long. The self-tests of who came are run first, and
 * one that fails takes back the evolution. So does, later, a fault, an overrun or a failed
 * self-test of any of them, and ths_rollback() of any: bindings lead where they led, schemas
 * are turned round, who came is retired. Rows of tables that came with it go with it. One
 * evolution is on probation at a time: the next that has one ends it, as does a swap of who
 * came; and it does not go back any more when others changed a binding of its.
 *
 * There is none where it could not be kept whole: rows change their schema without a way
 * back, somebody adopts rows, or somebody who comes or leaves holds state of its own
 * (metamodule.h). Who left goes at once then, and self-tests, but for those whose tables are
 * still to be migrated, are run before publication.
 *
 * Context: a program, at depth 0.
 * Return:  THS_OK; what ths_evolve_read() or ths_module_load() refuse;
 *          THS_E_NOENT    a line names what is not there;
 *          THS_E_EXIST    a thing is named twice, or a binding has a provider that stays;
 *          THS_E_VERSION  a version changes that no line names, or a line names one that
 *                         does not, or an interface lost operations under its version;
 *          THS_E_SCHEMA   the same of a table's schema, or it cannot be migrated; or who
 *                        comes does not hold the state of whom it replaces;
 *          THS_E_USES     somebody would use what nobody provides;
 *          THS_E_PERM     nano_core's own cannot leave, nor can state_db, and no
 *                        second one comes;
 *          THS_E_BUSY     who loads already cannot evolve; nor do chains of interposers:
 *                         they are to be taken away before; or rows of a change of
 *                         schema that is under way cannot be converted;
 *          or what a `start` or a self-test returned.
 */
THS_MUST_CHECK enum ths_err ths_evolve(const char *text, size_t size,
				       struct ths_reason *reason);
/* The same with a file of the archive, @file or @file.evolve. THS_E_NOENT: there is none. */
THS_MUST_CHECK enum ths_err ths_evolve_file(const char *file, struct ths_reason *reason);
