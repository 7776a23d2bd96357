/*
 * resolve - is all there that the manifest needs, and does it fit together?
 *
 * What would stop a boot is found here, on the host, and said with the manifest's line:
 * a module that is missing or is refused, a binding to what does not provide it, a
 * requirement that nothing meets, a version that differs, a table, a blob or arguments
 * that two modules see differently, a program nobody wrote. All findings are listed, not the first only.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/manifest.h>
#include <unistd.h>

#include "check/check.h"
#include "check/descriptor.h"
#include "image.h"

struct module { /* one `module` line */
	struct ths_manifest_item item;
	struct tool_file file;
	struct placed placed;
	bool placed_open; /* the file was found, accepted, and lies in @placed */
};

struct binding { /* one `bind` line */
	struct ths_manifest_item item;
	const struct module *provider; /* NULL: not usable */
};

struct resolve {
	const struct image_options *options;
	struct tool_file text;
	struct module *modules;
	size_t module_count;
	struct binding *bindings;
	size_t binding_count;
	struct ths_manifest_item *programs;
	size_t program_count;
	unsigned findings;
};

/* "MANIFEST:LINE: TEXT"; line 0 stands for the whole file. */
static THS_PRINTF(3, 4) void refuse(struct resolve *resolve, uint32_t line,
				    const char *fmt, ...)
{
	va_list args;

	tool_progress_end();
	if (line != 0)
		fprintf(stderr, "%s:%u: ", resolve->options->manifest, line);
	else
		fprintf(stderr, "%s: ", resolve->options->manifest);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	resolve->findings++;
}

/* ---- the manifest --------------------------------------------------------------- */

static void item_keep(struct resolve *resolve, const struct ths_manifest_item *item)
{
	switch (item->kind) {
	case THS_MANIFEST_MODULE:
		resolve->modules =
			tool_grow(resolve->modules,
				  (resolve->module_count + 1) * sizeof(struct module));
		memset(&resolve->modules[resolve->module_count], 0,
		       sizeof(struct module));
		resolve->modules[resolve->module_count++].item = *item;
		break;
	case THS_MANIFEST_BIND:
		resolve->bindings =
			tool_grow(resolve->bindings,
				  (resolve->binding_count + 1) * sizeof(struct binding));
		resolve->bindings[resolve->binding_count].provider = NULL;
		resolve->bindings[resolve->binding_count++].item = *item;
		break;
	case THS_MANIFEST_PROGRAM:
		resolve->programs = tool_grow(
			resolve->programs, (resolve->program_count + 1) * sizeof(*item));
		resolve->programs[resolve->program_count++] = *item;
		break;
	case THS_MANIFEST_OS:
	case THS_MANIFEST_VITAL:
	case THS_MANIFEST_CMDLINE:
	case THS_MANIFEST_DOMAIN:
		break;
	}
}

static bool manifest_read(struct resolve *resolve)
{
	struct ths_manifest manifest;
	struct ths_manifest_item item;
	enum ths_err err;

	if (!tool_read(resolve->options->manifest, &resolve->text))
		return false;
	ths_manifest_init(&manifest, resolve->text.data, resolve->text.size);
	while ((err = ths_manifest_next(&manifest, &item)) != THS_E_NOENT) {
		if (err == THS_OK)
			item_keep(resolve, &item);
		else
			refuse(resolve, manifest.line, "%s", manifest.what);
		if (err == THS_E_SIZE)
			break;
	}
	if (resolve->findings == 0 && ths_manifest_check(&manifest, resolve->text.data,
							 resolve->text.size) != THS_OK)
		refuse(resolve, manifest.line, "%s", manifest.what);
	return true;
}

/* ---- modules -------------------------------------------------------------------- */

/* The first of the folders that has @file; memory of its own. NULL: none. */
char *image_module_find(const struct image_options *options, const char *file)
{
	for (size_t i = 0; i < options->module_dir_count; i++) {
		char *path = tool_print("%s/%s", options->module_dirs[i], file);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static void module_missing(struct resolve *resolve, const struct module *module)
{
	struct tool_text folders = {0};

	for (size_t i = 0; i < resolve->options->module_dir_count; i++)
		tool_text_add(&folders, "%s%s", i == 0 ? "" : ", ",
			      resolve->options->module_dirs[i]);
	refuse(resolve, module->item.line, "module %s: no %s in %s", module->item.id,
	       module->item.file, folders.text);
	tool_text_free(&folders);
}

bool image_overlooks(const struct image_options *options, const char *id, const char *path,
		     const struct finding *finding)
{
	if (options->spiller == NULL || strcmp(options->spiller, id) != 0 ||
	    strcmp(finding->rule, "I1") != 0)
		return false;
	tool_warn("%s: admitted: %s", path, finding->text);
	return true;
}

/* Whether nothing was found but what is overlooked. */
static bool module_accept(struct resolve *resolve, const struct module *module,
			  const char *path, const struct check_result *result)
{
	bool good = true;

	for (size_t i = 0; i < result->findings.count; i++) {
		const struct finding *finding = &result->findings.list[i];

		if (image_overlooks(resolve->options, module->item.id, path, finding))
			continue;
		refuse(resolve, module->item.line, "module %s: %s: %s: %s",
		       module->item.id, path, finding->rule, finding->text);
		good = false;
	}
	return good;
}

static void module_read(struct resolve *resolve, struct module *module)
{
	char *path = image_module_find(resolve->options, module->item.file);
	struct ths_reason reason;
	struct check_result result;

	if (path == NULL) {
		module_missing(resolve, module);
		return;
	}
	if (!tool_read(path, &module->file)) {
		resolve->findings++;
	} else if (!check_file(&module->file, module->item.id, &result)) {
		resolve->findings++;
		check_free(&result);
	} else {
		module->placed_open =
			module_accept(resolve, module, path, &result) &&
			placed_open(&module->placed, &module->file, PLACED_AS_LOADED,
				    &reason);
		check_free(&result);
	}
	free(path);
}

/* What was checked can be read without asking again. */
static const struct ths_iface *iface_of(const struct module *module,
					const struct ths_iface *at)
{
	return placed_data(&module->placed, at, sizeof(*at), 8);
}

static const char *iface_name(const struct module *module, const struct ths_iface *iface)
{
	return placed_string(&module->placed, iface->name);
}

/* ---- bindings ------------------------------------------------------------------- */

static void binding_check(struct resolve *resolve, struct binding *binding)
{
	const struct ths_manifest_item *item = &binding->item;
	const struct module *module = NULL;
	const struct ths_iface *iface;

	for (size_t i = 0; i < resolve->module_count; i++)
		if (strcmp(resolve->modules[i].item.name, item->id) == 0)
			module = &resolve->modules[i];
	if (module == NULL || !module->placed_open)
		return; /* reported already */
	iface = iface_of(module, module->placed.module->provides.iface);
	if (strcmp(iface_name(module, iface), item->name) != 0)
		refuse(resolve, item->line, "bind %s = %s: it provides %s/%u", item->name,
		       item->id, iface_name(module, iface), iface->version);
	else if (item->version != 0 && item->version != iface->version)
		refuse(resolve, item->line, "bind %s/%u = %s: it provides %s/%u",
		       item->name, item->version, item->id, item->name, iface->version);
	else
		binding->provider = module;
}

static const struct binding *binding_find(const struct resolve *resolve,
					  const char *iface, const char *instance)
{
	for (size_t i = 0; i < resolve->binding_count; i++)
		if (strcmp(resolve->bindings[i].item.name, iface) == 0 &&
		    strcmp(resolve->bindings[i].item.as, instance) == 0)
			return &resolve->bindings[i];
	return NULL;
}

/* Members are compared where sizes agree. */
static void ops_layout_check(struct resolve *resolve, const struct module *user,
			     const struct ths_iface *used, const struct module *provider)
{
	char *name = tool_print("%s/%u", iface_name(user, used), used->version);
	char said[THS_TMOD_REASON_MAX];
	struct ths_layout wants, has;

	if (ths_schema_find(&user->placed.tmod.schema, THS_SCHEMA_USES, name, &wants) ==
		    THS_OK &&
	    ths_schema_find(&provider->placed.tmod.schema, THS_SCHEMA_PROVIDES, name,
			    &has) == THS_OK &&
	    !ths_layout_same_ops(&wants, &has)) {
		ths_layout_differ_ops(said, sizeof(said), &wants, &has, provider->item.id);
		refuse(resolve, user->item.line, "module %s: %s: %s", user->item.id, name,
		       said);
	}
	free(name);
}

/* F1: within a version operations are only appended, and arguments never change. */
static void operations_check(struct resolve *resolve, const struct module *user,
			     const struct ths_iface *used, const struct module *provider,
			     const struct ths_iface *provided)
{
	const struct ths_op_info *wants =
		placed_data(&user->placed, used->info, used->ops * sizeof(*wants), 8);
	const struct ths_op_info *has = placed_data(&provider->placed, provided->info,
						    provided->ops * sizeof(*has), 8);
	unsigned before = resolve->findings;

	for (unsigned i = 0; i < used->ops && i < provided->ops; i++)
		if (wants[i].args_size != has[i].args_size ||
		    wants[i].flags != has[i].flags)
			refuse(resolve, user->item.line,
			       "module %s: operation %s of %s/%u takes %u bytes (flags "
			       "%u), that "
			       "of %s %u (flags %u): built from different headers",
			       user->item.id, placed_string(&user->placed, wants[i].name),
			       iface_name(user, used), used->version, wants[i].args_size,
			       wants[i].flags, provider->item.id, has[i].args_size,
			       has[i].flags);
	if (used->ops > provided->ops)
		refuse(resolve, user->item.line,
		       "module %s: %s/%u has %u operations, that of %s %u: built from "
		       "different "
		       "headers",
		       user->item.id, iface_name(user, used), used->version, used->ops,
		       provider->item.id, provided->ops);
	if (resolve->findings == before)
		ops_layout_check(resolve, user, used, provider);
}

static void use_check(struct resolve *resolve, const struct module *module,
		      const struct ths_use *use)
{
	const struct ths_iface *used = iface_of(module, use->iface), *provided;
	const char *name = iface_name(module, used);
	const char *instance = placed_string(&module->placed, use->instance);
	const struct binding *binding = binding_find(resolve, name, instance);

	if (binding == NULL) {
		if (!use->optional)
			refuse(resolve, module->item.line,
			       "module %s requires %s/%u%s%s, to which nothing is bound",
			       module->item.id, name, used->version,
			       instance[0] == '\0' ? "" : " ", instance);
		return;
	}
	/* The boot obeys line by line, and a module is loaded with its requirements met.
	 */
	if (binding->item.line > module->item.line && !use->optional) {
		refuse(resolve, module->item.line,
		       "module %s requires %s/%u, which only line %u binds",
		       module->item.id, name, used->version, binding->item.line);
		return;
	}
	if (binding->provider == NULL)
		return; /* the binding itself was refused, or its module was */
	provided = iface_of(binding->provider,
			    binding->provider->placed.module->provides.iface);
	if (provided->version != used->version)
		refuse(resolve, module->item.line,
		       "module %s requires %s/%u, but line %u binds %s, which provides "
		       "%s/%u",
		       module->item.id, name, used->version, binding->item.line,
		       binding->item.id, name, provided->version);
	else
		operations_check(resolve, module, used, binding->provider, provided);
}

/* ---- tables --------------------------------------------------------------------- */

/* Whether @b, if it names @schema too, has it lie as @a has. */
static void layout_check(struct resolve *resolve, const struct module *a,
			 const struct module *b, enum ths_schema_kind kind,
			 const char *schema)
{
	char said[THS_TMOD_REASON_MAX];
	struct ths_layout x, y;

	if (ths_schema_find(&a->placed.tmod.schema, kind, schema, &x) != THS_OK ||
	    ths_schema_find(&b->placed.tmod.schema, kind, schema, &y) != THS_OK ||
	    ths_layout_same(&y, &x))
		return;
	ths_layout_differ(said, sizeof(said), &y, &x, a->item.id);
	refuse(resolve, b->item.line, "module %s: %s: %s", b->item.id, schema, said);
}

/* Two modules that name a table mean the same one. */
static void tables_check(struct resolve *resolve, const struct module *a,
			 const struct module *b)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		for (unsigned k = 0; k < THS_TABLES_MAX; k++) {
			const struct ths_table_decl *x = &a->placed.module->tables[i];
			const struct ths_table_decl *y = &b->placed.module->tables[k];
			const char *schema = placed_string(&a->placed, x->schema);
			const char *other = placed_string(&b->placed, y->schema);

			if (schema == NULL || other == NULL || strcmp(schema, other) != 0)
				continue;
			if (x->row_size != y->row_size || x->flags != y->flags)
				refuse(resolve, b->item.line,
				       "module %s: table %s has rows of %u bytes (flags "
				       "0x%x), in "
				       "%s, line %u, of %u (flags 0x%x)",
				       b->item.id, schema, y->row_size, y->flags,
				       a->item.id, a->item.line, x->row_size, x->flags);
			else
				layout_check(resolve, a, b, THS_SCHEMA_TABLE, schema);
		}
}

/* So do two that name a type of blob. */
static void blobs_check(struct resolve *resolve, const struct module *a,
			const struct module *b)
{
	for (unsigned i = 0; i < THS_BLOBS_MAX; i++) {
		const char *type =
			placed_string(&a->placed, a->placed.module->blobs[i].type);

		if (type != NULL)
			layout_check(resolve, a, b, THS_SCHEMA_BLOB, type);
	}
}

/* ---- the whole ------------------------------------------------------------------ */

static void modules_check(struct resolve *resolve)
{
	for (size_t i = 0; i < resolve->module_count; i++) {
		tool_progress("checking %s (%zu of %zu)",
			      resolve->modules[i].item.file, i + 1, resolve->module_count);
		module_read(resolve, &resolve->modules[i]);
	}
	for (size_t i = 0; i < resolve->binding_count; i++)
		binding_check(resolve, &resolve->bindings[i]);
	for (size_t i = 0; i < resolve->module_count; i++) {
		const struct module *module = &resolve->modules[i];

		if (!module->placed_open)
			continue;
		for (unsigned k = 0; k < THS_USES_MAX; k++)
			if (module->placed.module->uses[k].iface != NULL)
				use_check(resolve, module,
					  &module->placed.module->uses[k]);
		for (size_t k = 0; k < i; k++)
			if (resolve->modules[k].placed_open) {
				tables_check(resolve, &resolve->modules[k], module);
				blobs_check(resolve, &resolve->modules[k], module);
			}
	}
}

static void programs_check(struct resolve *resolve, const struct tool_file *kernel)
{
	for (size_t i = 0; i < resolve->program_count; i++)
		if (!kernel_has_program(kernel, resolve->programs[i].name))
			refuse(resolve, resolve->programs[i].line,
			       "program %s: not in %s (THS_PROGRAM names those that are)",
			       resolve->programs[i].name, resolve->options->kernel);
}

void contents_add(struct image_contents *contents, const char *name, const void *data,
		  size_t size)
{
	struct image_entry *entry;

	contents->entries =
		tool_grow(contents->entries, (contents->count + 1) * sizeof(*entry));
	entry = &contents->entries[contents->count++];
	entry->name = tool_print("%s", name);
	entry->file.data = tool_alloc(size);
	entry->file.size = size;
	if (size != 0)
		memcpy(entry->file.data, data, size);
}

/* The manifest, the kernel's symbols, and each file of a module once. */
static void contents_fill(const struct resolve *resolve, const struct tool_text *symbols,
			  struct image_contents *contents)
{
	contents_add(contents, "manifest", resolve->text.data, resolve->text.size);
	contents_add(contents, "kernel.sym", symbols->text, symbols->size);
	for (size_t i = 0; i < resolve->module_count; i++) {
		const struct module *module = &resolve->modules[i];
		bool there = false;

		for (size_t k = 0; k < contents->count; k++)
			there = there ||
				strcmp(contents->entries[k].name, module->item.file) == 0;
		if (!there)
			contents_add(contents, module->item.file, module->file.data,
				     module->file.size);
	}
}

static void resolve_free(struct resolve *resolve)
{
	for (size_t i = 0; i < resolve->module_count; i++) {
		if (resolve->modules[i].placed_open)
			placed_close(&resolve->modules[i].placed);
		free(resolve->modules[i].file.data);
	}
	free(resolve->modules);
	free(resolve->bindings);
	free(resolve->programs);
	free(resolve->text.data);
}

enum tool_status contents_read(const struct image_options *options,
			       struct image_contents *contents)
{
	struct resolve resolve = {.options = options};
	struct tool_text symbols = {0};
	enum tool_status status = TOOL_OK;

	memset(contents, 0, sizeof(*contents));
	if (!tool_read(options->kernel, &contents->kernel) || !manifest_read(&resolve) ||
	    !kernel_symbols(options->kernel, &contents->kernel, &symbols)) {
		status = TOOL_UNREADABLE;
	} else {
		modules_check(&resolve);
		programs_check(&resolve, &contents->kernel);
		if (resolve.findings != 0)
			status = TOOL_REFUSED;
		else
			contents_fill(&resolve, &symbols, contents);
	}
	if (status == TOOL_REFUSED)
		tool_warn("%s: refused: %u finding%s", options->manifest,
			  resolve.findings, resolve.findings == 1 ? "" : "s");
	tool_text_free(&symbols);
	resolve_free(&resolve);
	return status;
}

void contents_free(struct image_contents *contents)
{
	for (size_t i = 0; i < contents->count; i++) {
		free(contents->entries[i].name);
		free(contents->entries[i].file.data);
	}
	free(contents->entries);
	free(contents->kernel.data);
	memset(contents, 0, sizeof(*contents));
}
