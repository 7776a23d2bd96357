/*
 * against - see against.h. All reasons are listed, not the first of them only.
 */
#include "against.h"

#include <stdlib.h>
#include <string.h>

struct pair {
	const struct placed *old, *new;
	const char *name; /* of the old one */
	struct against *found;
};

#define REASON(rule_, ...) findings_add(&pair->found->reasons, rule_, __VA_ARGS__)
#define NOTE(...)          findings_add(&pair->found->notes, "note", __VA_ARGS__)

/* Whether two names are of one thing, "sched.queue" of "sched.queue/1". */
static bool same_thing(const char *a, const char *b)
{
	size_t length = strcspn(a, "/");

	return strcspn(b, "/") == length && strncmp(a, b, length) == 0;
}

/* ---- interface ---------------------------------------------------------------------- */

struct side { /* the interface one of them provides */
	const struct ths_iface *iface;
	const char *name;
	const struct ths_op_info *info;
	const uint64_t *ops; /* addresses; 0: not provided */
};

static struct side side_of(const struct placed *placed)
{
	const struct ths_provides *provides = &placed->module->provides;
	struct side side = {.iface = placed_data(placed, provides->iface,
						 sizeof(struct ths_iface), 8)};

	side.name = placed_string(placed, side.iface->name);
	side.info = placed_data(placed, side.iface->info,
				side.iface->ops * sizeof(*side.info), 8);
	side.ops = placed_data(placed, provides->ops,
			       side.iface->ops * sizeof(*side.ops), 8);
	return side;
}

static void compare_op(const struct pair *pair, const struct side *old,
		       const struct side *new, unsigned i)
{
	const char *was = placed_string(pair->old, old->info[i].name);
	const char *is;

	if (i >= new->iface->ops) {
		REASON("operation", "%s is no longer part of %s/%u", was, old->name,
		       old->iface->version);
		return;
	}
	is = placed_string(pair->new, new->info[i].name);
	if (strcmp(is, was) != 0)
		REASON("operation", "number %u is %s, was %s", i, is, was);
	else if (old->info[i].flags != new->info[i].flags)
		REASON("operation", "%s is called in another way: flags %u, were %u", is,
		       new->info[i].flags, old->info[i].flags);
	else if (old->ops[i] != 0 && new->ops[i] == 0)
		REASON("operation", "%s is no longer provided", is);
}

static void compare_arguments(const struct pair *pair, const char *name)
{
	char said[THS_TMOD_REASON_MAX];
	struct ths_layout was, is;

	if (ths_schema_find(&pair->old->tmod.schema, THS_SCHEMA_PROVIDES, name, &was) !=
		    THS_OK ||
	    ths_schema_find(&pair->new->tmod.schema, THS_SCHEMA_PROVIDES, name, &is) !=
		    THS_OK ||
	    ths_layout_same_ops(&is, &was))
		return;
	ths_layout_differ_ops(said, sizeof(said), &is, &was, pair->name);
	REASON("arguments", "%s: %s", name, said);
}

static void compare_interface(const struct pair *pair)
{
	struct side old = side_of(pair->old), new = side_of(pair->new);
	size_t before = pair->found->reasons.count;
	char *name;

	if (strcmp(old.name, new.name) != 0 || old.iface->version != new.iface->version) {
		REASON("interface", "%s/%u is provided, where %s/%u was", new.name,
		       new.iface->version, old.name, old.iface->version);
		return;
	}
	for (unsigned i = 0; i < old.iface->ops; i++)
		compare_op(pair, &old, &new, i);
	name = tool_print("%s/%u", new.name, new.iface->version);
	if (pair->found->reasons.count == before)
		compare_arguments(pair, name);
	free(name);
}

static void compare_uses(const struct pair *pair)
{
	for (unsigned i = 0; i < THS_USES_MAX; i++) {
		const struct ths_use *use = &pair->new->module->uses[i];
		const struct ths_iface *iface =
			placed_data(pair->new, use->iface, sizeof(*iface), 8);
		struct ths_layout unused;
		char *name;

		if (use->iface == NULL || use->optional)
			continue;
		name = tool_print("%s/%u", placed_string(pair->new, iface->name),
				  iface->version);
		if (ths_schema_find(&pair->old->tmod.schema, THS_SCHEMA_USES, name,
				    &unused) != THS_OK)
			NOTE("requires %s, which %s does not", name, pair->name);
		free(name);
	}
}

/* ---- tables and blobs --------------------------------------------------------------- */

/* @rule: "table" or "blob". */
static void compare_layout(const struct pair *pair, const char *rule,
			   enum ths_schema_kind kind, const char *schema)
{
	char said[THS_TMOD_REASON_MAX];
	struct ths_layout was, is;

	if (ths_schema_find(&pair->old->tmod.schema, kind, schema, &was) != THS_OK ||
	    ths_schema_find(&pair->new->tmod.schema, kind, schema, &is) != THS_OK ||
	    ths_layout_same(&is, &was))
		return;
	ths_layout_differ(said, sizeof(said), &is, &was, pair->name);
	REASON(rule, "%s: %s", schema, said);
}

/* The name of the function at @fn, in the text of @by. */
static const char *function_name(const struct placed *by, ths_migrate_fn *fn)
{
	uint64_t within;
	const char *name =
		ths_tmod_symbol(&by->tmod, (uint64_t)(uintptr_t)fn - by->at, &within);

	return name == NULL ? "a function without a name" : name;
}

static bool is_step(const struct placed *by, const struct ths_migrate_decl *decl,
		    const char *from, const char *to)
{
	const char *a = placed_string(by, decl->from), *b = placed_string(by, decl->to);

	return a != NULL && b != NULL && strcmp(a, from) == 0 && strcmp(b, to) == 0;
}

/* The step, or the one the other way round with a way back: as the loader looks. */
static bool find_functions(const struct placed *by, const char *from, const char *to,
			   ths_migrate_fn **fn, ths_migrate_fn **back)
{
	for (unsigned i = 0; i < THS_MIGRATE_MAX; i++) {
		const struct ths_migrate_decl *decl = &by->module->migrations[i];
		bool forward = is_step(by, decl, from, to);

		if (!forward && (decl->back == NULL || !is_step(by, decl, to, from)))
			continue;
		*fn = forward ? decl->fn : decl->back;
		*back = forward ? decl->back : decl->fn;
		return true;
	}
	return false;
}

static void find_migration(const struct pair *pair, const char *from, const char *to)
{
	const struct placed *by = pair->new;
	ths_migrate_fn *fn, *back;
	bool found = find_functions(by, from, to, &fn, &back);

	if (!found) {
		by = pair->old;
		found = find_functions(by, from, to, &fn, &back);
	}
	if (!found) {
		REASON("table", "no migration from %s to %s", from, to);
		return;
	}
	findings_add(&pair->found->migrations, "migration", "%s to %s by %s%s%s%s%s", from, to,
		     function_name(by, fn), by == pair->old ? " of " : "",
		     by == pair->old ? pair->name : "", back == NULL ? ", and not back" : ", back by ",
		     back == NULL ? "" : function_name(by, back));
}

static void compare_table(const struct pair *pair, const struct ths_table_decl *old,
			  const struct ths_table_decl *new)
{
	const char *was = placed_string(pair->old, old->schema);
	const char *is = placed_string(pair->new, new->schema);

	if (old->flags != new->flags)
		REASON("table", "%s: flags 0x%x, were 0x%x", is, new->flags, old->flags);
	if (old->rows != new->rows)
		REASON("table", "%s: %u rows, were %u", is, new->rows, old->rows);
	if (strcmp(was, is) != 0)
		find_migration(pair, was, is);
	else
		compare_layout(pair, "table", THS_SCHEMA_TABLE, is);
}

/* The table of @in that is the same thing as @schema; NULL: none. */
static const struct ths_table_decl *table_find(const struct placed *in, const char *schema)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		const char *name = placed_string(in, in->module->tables[i].schema);

		if (name != NULL && same_thing(name, schema))
			return &in->module->tables[i];
	}
	return NULL;
}

static void compare_tables(const struct pair *pair)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		const struct ths_table_decl *old = &pair->old->module->tables[i], *new;
		const char *schema = placed_string(pair->old, old->schema);

		if (schema == NULL)
			continue;
		new = table_find(pair->new, schema);
		if (new != NULL)
			compare_table(pair, old, new);
		else
			NOTE("table %s is left behind, with its rows", schema);
	}
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		const char *schema =
			placed_string(pair->new, pair->new->module->tables[i].schema);

		if (schema != NULL && table_find(pair->old, schema) == NULL)
			NOTE("table %s is new: the module is started before it serves",
			     schema);
	}
}

/* A client's blob cannot be migrated: it lies with the client. */
static void compare_blobs(const struct pair *pair)
{
	for (unsigned i = 0; i < THS_BLOBS_MAX; i++) {
		const char *was = placed_string(pair->old, pair->old->module->blobs[i].type);
		struct ths_layout unused;

		if (was == NULL)
			continue;
		if (ths_schema_find(&pair->new->tmod.schema, THS_SCHEMA_BLOB, was,
				    &unused) == THS_OK)
			compare_layout(pair, "blob", THS_SCHEMA_BLOB, was);
		else
			REASON("blob", "%s, which clients hold, is no longer accepted", was);
	}
}

void against_compare(const struct placed *old, const struct placed *new, const char *name,
		     struct against *against)
{
	const struct pair pair = {old, new, name, against};

	compare_interface(&pair);
	compare_tables(&pair);
	compare_blobs(&pair);
	compare_uses(&pair);
}

void against_free(struct against *against)
{
	findings_free(&against->reasons);
	findings_free(&against->migrations);
	findings_free(&against->notes);
}
