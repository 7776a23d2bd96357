/*
 * descriptor - see descriptor.h.
 *
 * Each `check_*` judges one array of the descriptor. The arrays are dense: a hole would
 * be a slot that the module's own numbering counts and nobody filled in.
 */
#include "descriptor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From where a file is placed: far from each other and from null, and reachable by 32 bits
 * from one another. */
#define RODATA_BEHIND  0x8000000u
#define IMPORTS_BEHIND 0x10000000u

static uint64_t resolve_any(void *ctx, const char *name)
{
	const struct placed *placed = ctx;

	(void)name;
	return placed->at + IMPORTS_BEHIND;
}

bool placed_open(struct placed *placed, const struct tool_file *file, uint64_t at,
		 struct ths_reason *reason)
{
	memset(placed, 0, sizeof(*placed));
	placed->at = at;
	placed->image = tool_alloc(file->size);
	memcpy(placed->image, file->data, file->size);
	if (ths_tmod_seal(placed->image, file->size, reason) != THS_OK ||
	    ths_tmod_open_spilling(&placed->tmod, placed->image, file->size, reason) !=
		    THS_OK)
		goto refused;
	placed->text = tool_alloc(placed->tmod.text_size);
	placed->rodata = tool_alloc(placed->tmod.rodata_size);
	if (ths_tmod_link(&placed->tmod, placed->text, at, placed->rodata,
			  at + RODATA_BEHIND, resolve_any, placed, reason) != THS_OK)
		goto refused;
	placed->module = (const void *)(placed->rodata + placed->tmod.descriptor);
	return true;
refused:
	placed_close(placed);
	return false;
}

void placed_close(struct placed *placed)
{
	free(placed->image);
	free(placed->text);
	free(placed->rodata);
	memset(placed, 0, sizeof(*placed));
}

const void *placed_data(const struct placed *placed, const void *at, size_t size,
			size_t align)
{
	uint64_t rodata_at = placed->at + RODATA_BEHIND;
	uint64_t offset = (uint64_t)(uintptr_t)at - rodata_at;

	if ((uint64_t)(uintptr_t)at < rodata_at || offset > placed->tmod.rodata_size ||
	    size > placed->tmod.rodata_size - offset || offset % align != 0)
		return NULL;
	return placed->rodata + offset;
}

const char *placed_string(const struct placed *placed, const char *at)
{
	const char *string = placed_data(placed, at, 1, 1);

	if (string == NULL)
		return NULL;
	return memchr(string, '\0',
		      placed->tmod.rodata_size -
			      (size_t)((const uint8_t *)string - placed->rodata)) != NULL
		       ? string
		       : NULL;
}

/* ---- names ---------------------------------------------------------------------- */

static bool name_is(const char *name, const char *extra)
{
	if (name == NULL || !islower((unsigned char)name[0]) ||
	    strlen(name) >= THS_NAME_MAX)
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
		    *c != '_' && strchr(extra, *c) == NULL)
			return false;
	return true;
}

/* "queue/1", "sched.queue/12": a name and a version from 1 on. */
static bool schema_is(const char *schema)
{
	char name[THS_NAME_MAX];
	const char *slash = schema == NULL ? NULL : strrchr(schema, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - schema);

	if (slash == NULL || strlen(schema) >= THS_NAME_MAX || slash[1] < '1' ||
	    slash[1] > '9' || strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return false;
	memcpy(name, schema, length);
	name[length] = '\0';
	return name_is(name, ".-");
}

/* What to print for a pointer that should have been a string. */
static const char *shown(const char *string)
{
	return string == NULL ? "(not a string)" : string;
}

#define WRONG(...) findings_add(findings, "descriptor", __VA_ARGS__)

/* A file may have any byte where C has only true and false. */
static bool check_flag(const char *who, unsigned i, const bool *flag,
		       struct findings *findings)
{
	uint8_t byte;

	memcpy(&byte, flag, sizeof(byte));
	if (byte > 1)
		WRONG("%s %u: a flag of %u", who, i, byte);
	return byte == 1;
}

/* ---- interfaces ----------------------------------------------------------------- */

/* The interface a pointer leads to, in our memory; NULL, reported: none. */
static const struct ths_iface *check_iface(const struct placed *placed, const char *who,
					   const struct ths_iface *at,
					   struct findings *findings)
{
	const struct ths_iface *iface = placed_data(placed, at, sizeof(*iface), 8);
	const struct ths_op_info *info;

	if (iface == NULL || !name_is(placed_string(placed, iface->name), "") ||
	    iface->version == 0) {
		WRONG("%s: no interface there", who);
		return NULL;
	}
	info = placed_data(placed, iface->info, iface->ops * sizeof(*info), 8);
	if (info == NULL || iface->ops == 0) {
		WRONG("%s: interface %s has no table of operations", who,
		      placed_string(placed, iface->name));
		return NULL;
	}
	for (unsigned i = 0; i < iface->ops; i++) {
		const char *op = placed_string(placed, info[i].name);

		if (!name_is(op, ""))
			WRONG("%s: operation %u has no name", who, i);
		if (info[i].args_size % 8 != 0 || info[i].args_size > THS_ARGS_MAX)
			WRONG("%s: operation %s takes %u bytes of arguments", who,
			      shown(op), info[i].args_size);
		if ((info[i].flags & ~(THS_OP_BLOB | THS_OP_DEVICE | THS_OP_IN)) != 0)
			WRONG("%s: operation %s has flags 0x%x", who, shown(op),
			      info[i].flags);
	}
	return iface;
}

static bool is_text(const struct placed *placed, uint64_t at)
{
	return at >= placed->at && at - placed->at < placed->tmod.text_size;
}

static void check_provides(const struct placed *placed, struct findings *findings)
{
	const struct ths_module *module = placed->module;
	const struct ths_iface *iface;
	const struct ths_op_info *info;
	const uint64_t *ops;
	unsigned provided = 0;

	iface = check_iface(placed, "provides", module->provides.iface, findings);
	if (iface == NULL)
		return;
	info = placed_data(placed, iface->info, iface->ops * sizeof(*info), 8);
	ops = placed_data(placed, module->provides.ops, iface->ops * sizeof(*ops), 8);
	if (ops == NULL) {
		WRONG("provides: no table of %u operations", iface->ops);
		return;
	}
	for (unsigned i = 0; i < iface->ops; i++) {
		if (ops[i] == 0)
			continue;
		provided++;
		if (!is_text(placed, ops[i]))
			WRONG("provides: operation %s is not in the module's text",
			      shown(placed_string(placed, info[i].name)));
	}
	if (provided == 0)
		WRONG("provides: interface %s with none of its operations",
		      placed_string(placed, iface->name));
}

static void check_uses(const struct placed *placed, struct findings *findings)
{
	bool hole = false;

	for (unsigned i = 0; i < THS_USES_MAX; i++) {
		const struct ths_use *use = &placed->module->uses[i];
		char who[16];

		if (use->iface == NULL) {
			hole = true;
			continue;
		}
		snprintf(who, sizeof(who), "use %u", i);
		if (hole)
			WRONG("use %u: behind a hole", i);
		(void)check_iface(placed, who, use->iface, findings);
		(void)check_flag("use", i, &use->optional, findings);
		if (placed_string(placed, use->instance) == NULL)
			WRONG("use %u: its instance is not a string", i);
	}
}

/* ---- tables, blobs, hardware ---------------------------------------------------- */

static void check_table(const struct placed *placed, unsigned i, const char *schema,
			struct findings *findings)
{
	const struct ths_table_decl *table = &placed->module->tables[i];
	const uint32_t known = THS_JOINT | THS_HARDWARE | THS_REQUEST | THS_SOFT |
			       THS_PER_CPU | THS_KEYED | THS_PERSIST | THS_PER_INSTANCE |
			       THS_FIXED | THS_PREALLOCATED;
	const struct {
		uint32_t both;
		const char *why;
	} excluded[] = {
		{THS_JOINT | THS_HARDWARE, "owned by clients and by a device"},
		{THS_JOINT | THS_PER_CPU, "owned by clients and by CPUs"},
		{THS_JOINT | THS_FIXED, "freed by its owners and never freed"},
		{THS_JOINT | THS_SOFT, "owned, and may vanish"},
		{THS_KEYED | THS_PER_CPU, "found by key and by CPU"},
		{THS_KEYED | THS_FIXED, "found by key, and never made"},
		{THS_SOFT | THS_HARDWARE, "mirrors a device, and may vanish"},
		{THS_SOFT | THS_PERSIST, "saved, and may vanish"},
		{THS_SOFT | THS_PER_CPU, "a CPU's own, and may vanish"},
		{THS_JOINT | THS_PERSIST, "saved, and goes with its owners"},
		{THS_HARDWARE | THS_PERSIST, "saved, and mirrors a device"},
	};

	if (!schema_is(schema))
		WRONG("table %u: schema '%s' is not name/version", i, shown(schema));
	if (table->row_size == 0 || table->row_size > 4096)
		WRONG("table %u (%s): rows of %u bytes, not 1..4096", i, shown(schema),
		      table->row_size);
	if ((table->flags & ~known) != 0)
		WRONG("table %u (%s): unknown flags 0x%x", i, shown(schema),
		      table->flags & ~known);
	for (size_t k = 0; k < THS_ARRAY_SIZE(excluded); k++)
		if ((table->flags & excluded[k].both) == excluded[k].both)
			WRONG("table %u (%s): %s", i, shown(schema), excluded[k].why);
	if ((table->flags & THS_REQUEST) != 0 && (table->flags & THS_HARDWARE) == 0)
		WRONG("table %u (%s): takes requests, but is not a device's", i,
		      shown(schema));
	if (table->reread != NULL && (table->flags & THS_HARDWARE) == 0)
		WRONG("table %u (%s): is read anew, but is not a device's", i,
		      shown(schema));
	if (table->released != NULL && (table->flags & THS_JOINT) == 0)
		WRONG("table %u (%s): is released, but nobody owns its rows", i,
		      shown(schema));
	if (table->released != NULL &&
	    !is_text(placed, (uint64_t)(uintptr_t)table->released))
		WRONG("table %u (%s): released is not in the module's text", i,
		      shown(schema));
	if (table->reread != NULL && !is_text(placed, (uint64_t)(uintptr_t)table->reread))
		WRONG("table %u (%s): reread is not in the module's text", i,
		      shown(schema));
	if ((table->flags & THS_KEYED) != 0 && table->row_size < 8)
		WRONG("table %u (%s): keyed, but its rows have no room for a key", i,
		      shown(schema));
}

static void check_tables(const struct placed *placed, struct findings *findings)
{
	bool hole = false;

	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		const struct ths_table_decl *table = &placed->module->tables[i];
		const char *schema = placed_string(placed, table->schema);

		if (table->schema == NULL) {
			if (table->row_size != 0 || table->rows != 0 || table->flags != 0)
				WRONG("table %u: has no schema", i);
			hole = true;
			continue;
		}
		if (hole)
			WRONG("table %u: behind a hole", i);
		check_table(placed, i, schema, findings);
		for (unsigned k = 0; k < i && schema != NULL; k++) {
			const char *other =
				placed_string(placed, placed->module->tables[k].schema);

			if (other != NULL && strcmp(other, schema) == 0)
				WRONG("table %u: %s is table %u already", i, schema, k);
		}
	}
}

static void check_blobs(const struct placed *placed, struct findings *findings)
{
	bool hole = false;

	for (unsigned i = 0; i < THS_BLOBS_MAX; i++) {
		const struct ths_blob_decl *blob = &placed->module->blobs[i];
		const char *type = placed_string(placed, blob->type);

		if (blob->type == NULL) {
			hole = true;
			continue;
		}
		if (hole)
			WRONG("blob %u: behind a hole", i);
		if (!schema_is(type))
			WRONG("blob %u: type '%s' is not name/version", i, shown(type));
		if (blob->size == 0)
			WRONG("blob %u (%s): has no body", i, shown(type));
	}
}

static void check_migrations(const struct placed *placed, struct findings *findings)
{
	for (unsigned i = 0; i < THS_MIGRATE_MAX; i++) {
		const struct ths_migrate_decl *migration = &placed->module->migrations[i];
		const char *from = placed_string(placed, migration->from);
		const char *to = placed_string(placed, migration->to);
		bool ours = false;

		if (migration->from == NULL && migration->to == NULL)
			continue;
		if (!schema_is(from) || !schema_is(to)) {
			WRONG("migration %u: from '%s' to '%s'", i, shown(from),
			      shown(to));
			continue;
		}
		for (unsigned k = 0; k < THS_TABLES_MAX; k++) {
			const char *schema =
				placed_string(placed, placed->module->tables[k].schema);

			/* A way back, for a rollback, begins at a table of ours. */
			ours = ours || (schema != NULL && (strcmp(schema, to) == 0 ||
							   strcmp(schema, from) == 0));
		}
		if (!ours)
			WRONG("migration %u: neither %s nor %s is a table of this module",
			      i, from, to);
		if (!is_text(placed, (uint64_t)(uintptr_t)migration->fn))
			WRONG("migration %u: its function is not in the module's text",
			      i);
		if (migration->back != NULL &&
		    !is_text(placed, (uint64_t)(uintptr_t)migration->back))
			WRONG("migration %u: its way back is not in the module's text", i);
	}
}

static void check_hardware(const struct placed *placed, struct findings *findings)
{
	const struct ths_iface *iface =
		placed_data(placed, placed->module->provides.iface, sizeof(*iface), 8);
	const struct ths_op_info *info =
		iface == NULL
			? NULL
			: placed_data(placed, iface->info, iface->ops * sizeof(*info), 8);
	bool hole = false;

	for (unsigned i = 0; i < THS_PORTS_MAX; i++) {
		const struct ths_port_decl *ports = &placed->module->ports[i];

		if (ports->count == 0) {
			hole = true;
			continue;
		}
		if (hole)
			WRONG("ports %u: behind a hole", i);
		if (ports->first + ports->count > 0x10000)
			WRONG("ports %u: 0x%x and %u more are no ports", i, ports->first,
			      ports->count - 1u);
	}
	for (unsigned i = 0; i < THS_IRQS_MAX; i++) {
		const struct ths_irq_decl *irq = &placed->module->irqs[i];

		if (!check_flag("interrupt", i, &irq->used, findings))
			continue;
		if (irq->line > 255)
			WRONG("interrupt %u: line %u", i, irq->line);
		if (info == NULL || irq->op >= iface->ops)
			WRONG("interrupt %u: no operation %u", i, irq->op);
		else if ((info[irq->op].flags & THS_OP_DEVICE) == 0)
			WRONG("interrupt %u: operation %s is not a device operation", i,
			      shown(placed_string(placed, info[irq->op].name)));
	}
}

/* The state lies outside of the module: where, the loader says. */
static void check_state(const struct placed *placed, struct findings *findings)
{
	const struct ths_state_decl *state = &placed->module->state;
	const char *schema = placed_string(placed, state->schema);

	if (state->schema == NULL) {
		if (state->size != 0 || state->at != NULL || state->entries != NULL)
			WRONG("state: has no schema");
		return;
	}
	if (!schema_is(schema))
		WRONG("state: schema '%s' is not name/version", shown(schema));
	if (state->size == 0)
		WRONG("state (%s): has no bytes", shown(schema));
	if ((uint64_t)(uintptr_t)state->at != placed->at + IMPORTS_BEHIND)
		WRONG("state (%s): lies in the module", shown(schema));
	if (state->adopt != NULL && !is_text(placed, (uint64_t)(uintptr_t)state->adopt))
		WRONG("state (%s): adopt is not in the module's text", shown(schema));
}

static void check_functions(const struct placed *placed, struct findings *findings)
{
	const struct ths_module *module = placed->module;
	const struct {
		const char *name;
		uint64_t at;
	} functions[] = {
		{"start", (uint64_t)(uintptr_t)module->start},
		{"adopt", (uint64_t)(uintptr_t)module->adopt},
		{"recover", (uint64_t)(uintptr_t)module->recover},
		{"selftest", (uint64_t)(uintptr_t)module->selftest},
	};

	for (size_t i = 0; i < THS_ARRAY_SIZE(functions); i++)
		if (functions[i].at != 0 && !is_text(placed, functions[i].at))
			WRONG("%s is not in the module's text", functions[i].name);
}

void descriptor_check(const struct placed *placed, const char *wanted,
		      struct findings *findings)
{
	const struct ths_module *module = placed->module;
	const char *id;

	/* Another abi may have another layout: nothing else can be read then. */
	if (module->abi != THS_ABI) {
		WRONG("abi %u, this is %u", module->abi, THS_ABI);
		return;
	}
	if (module->size != sizeof(*module)) {
		WRONG("%u bytes, abi %u has %zu", module->size, THS_ABI, sizeof(*module));
		return;
	}
	id = placed_string(placed, module->id);
	if (!name_is(id, "."))
		WRONG("id '%s' is no module name", shown(id));
	else if (wanted != NULL && strcmp(id, wanted) != 0)
		WRONG("id %s, where %s is wanted", id, wanted);
	if (placed_data(placed, module->digest, 32, 1) == NULL)
		WRONG("digest: not in read-only data");
	check_provides(placed, findings);
	check_uses(placed, findings);
	check_tables(placed, findings);
	check_blobs(placed, findings);
	check_migrations(placed, findings);
	check_hardware(placed, findings);
	check_state(placed, findings);
	check_functions(placed, findings);
}
