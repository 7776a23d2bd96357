/*
 * loader - from a file of the archive to an instance with text, rodata and tables.
 *
 * A module gets a run of pages in the module area, text first, then rodata, then a page
 * that is never mapped. It is linked in place while the pages are writable; then text
 * becomes executable and rodata read-only, for good (I1: the page table's half).
 *
 * Invariants
 *   Q1  A page of a module is never writable once any of its code can run. (A metamodule's
 *       state lies beside it, and is none of its pages.)
 *   Q2  A module that is refused leaves no page mapped and none taken.
 *   Q3  The bytes of a file stay where they are when its module goes: names of functions
 *       and the layouts of tables are read there.
 *
 *   Q4  Whoever has the loader's turn keeps it until all is done or undone: a task that is
 *       killed meanwhile ends when it gives the turn back.
 *
 * Loading takes a fifth of a million instructions, most of them for the digest, and no
 * client is to wait for that: a program that loads lets others run every few thousand of
 * them (ths_loader_work()), with its turn held. What may change meanwhile: rows, tasks, all
 * that interactions change; every CPU may pass depth 0. What may not: bindings, instances,
 * which tables there are, the module area. An instance is seen by others when it is whole.
 * Between publishing and the end of a swap nobody else can have the turn, either; faults of
 * clients wait for it. Work at depth 0, and who mends a fault, goes through at one go.
 *
 * Context: depth 0, one loader at a time. Cost: O(size of the file), the digest mostly.
 */
#include <theseus/bits.h>
#include <theseus/cpio.h>
#include <theseus/fmt.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"
#include "nano_core/tmod_impl.h"

#define AREA_PAGES 65536u /* 256 MiB */
#define SLICE      6000u  /* instructions of ours, roughly; then others may run */

static struct {
	uint64_t used[AREA_PAGES / 64];
	bool admit_spill;
	_Atomic(uint32_t) owner; /* whose turn it is: 1 + task's slot; 0: nobody's */
	uint32_t worked; /* since others could run: instructions, roughly */
} loader;

void ths_loader_init(void)
{
	memset(&loader, 0, sizeof(loader));
	ths_set_init();
}

void ths_test_admit_spill(bool admit)
{
	loader.admit_spill = admit;
}

/* ---- turns ------------------------------------------------------------------------- */

static bool may_wait(const struct ths_cpu *cpu, uint32_t owner)
{
	return owner != cpu->current + 1 && !cpu->working && cpu->section == 0 &&
	       !ths_cpu_is_inside(cpu);
}

/* In one section: no tick comes between having the turn and being shielded. False: it is
 * not ours but *@owner's; 0: nobody's, for we have been killed. */
static bool take_turn(struct ths_cpu *cpu, uint32_t *owner)
{
	bool ours;

	*owner = 0;
	ths_section_enter(cpu);
	ours = atomic_compare_exchange_strong(&loader.owner, owner, cpu->current + 1);
	THS_POINT("load/turn");
	if (ours && !ths_context_shield(cpu)) {
		atomic_store(&loader.owner, 0);
		ours = false;
	}
	ths_section_leave(cpu);
	return ours;
}

enum ths_err ths_loader_enter(void)
{
	struct ths_cpu *cpu = ths_cpu();
	uint32_t owner;

	while (!take_turn(cpu, &owner)) {
		if (owner == 0 || !may_wait(cpu, owner))
			return THS_E_BUSY;
		ths_yield();
		ths_arch_relax();
	}
	return THS_OK;
}

void ths_loader_leave(void)
{
	atomic_store(&loader.owner, 0);
	ths_context_unshield(ths_cpu());
}

void ths_loader_work(uint32_t instructions)
{
	const struct ths_cpu *cpu = ths_cpu();

	loader.worked += instructions;
	if (loader.worked < SLICE || ths_cpu_is_mending(cpu) || !may_wait(cpu, 0))
		return;
	loader.worked = 0;
	THS_POINT("load/others-run");
	ths_yield();
}

/* ---- pages ------------------------------------------------------------------------- */

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + THS_PAGE_SIZE - 1) / THS_PAGE_SIZE;
}

static ths_vaddr_t take_area(uint64_t pages)
{
	struct ths_arch_area area = ths_arch_module_area();
	size_t all = (area.size - ths_slots_size()) / THS_PAGE_SIZE;
	size_t at;

	all = all < AREA_PAGES ? all : AREA_PAGES;
	at = ths_bits_find_clear_run(loader.used, all, 0, pages + 1);
	if (at + pages + 1 > all || THS_FAIL("alloc/area"))
		return 0;
	for (size_t i = 0; i <= pages; i++) /* one more than asked for: the guard */
		ths_bits_set(loader.used, at + i);
	return area.base + at * THS_PAGE_SIZE;
}

static void give_area(ths_vaddr_t base, uint64_t pages)
{
	size_t at = (base - ths_arch_module_area().base) / THS_PAGE_SIZE;

	for (size_t i = 0; i <= pages; i++)
		ths_bits_clear(loader.used, at + i);
}

static bool in_area(ths_vaddr_t base)
{
	struct ths_arch_area area = ths_arch_module_area();

	return base >= area.base && base - area.base < area.size;
}

static void unmap(ths_vaddr_t base, uint64_t pages)
{
	THS_POINT("load/before-unmap");
	for (uint64_t i = 0; i < pages; i++) {
		ths_vaddr_t at = base + i * THS_PAGE_SIZE;
		ths_paddr_t paddr;
		enum ths_prot prot;

		if (!ths_arch_lookup(at, &paddr, &prot))
			continue;
		ths_arch_unmap(at, 1);
		memset(ths_arch_direct(paddr), 0xcc, THS_PAGE_SIZE); /* poison: int3 */
		if (in_area(base))
			ths_pages_give(ths_arch_direct(paddr), 0);
		else
			ths_pages_adopt(ths_arch_direct(paddr)); /* part of the image */
		ths_loader_work(5000);
	}
	if (in_area(base))
		give_area(base, pages);
}

static enum ths_err map(uint64_t pages, ths_vaddr_t *base)
{
	*base = take_area(pages);
	if (!*base)
		return THS_E_FULL;
	for (uint64_t i = 0; i < pages; i++) {
		void *page = ths_pages_take(0);
		enum ths_err err = page ? ths_arch_map(*base + i * THS_PAGE_SIZE,
						       ths_arch_paddr(page), 1,
						       THS_PROT_RW)
					: THS_E_NOMEM;

		ths_loader_work(6500);
		if (err && page)
			ths_pages_give(page, 0);
		if (err) {
			unmap(*base, pages);
			return err;
		}
	}
	THS_POINT("load/mapped");
	return THS_OK;
}

/* Zeroed memory that modules can reach, which is writable: a metamodule's state (meta.c). */
void *ths_loader_room(size_t size)
{
	ths_vaddr_t base;

	return map(pages_of(size), &base) == THS_OK ? (void *)(uintptr_t)base : NULL;
}

void ths_loader_give_room(void *room, size_t size)
{
	unmap((uintptr_t)room, pages_of(size));
}

/* ---- loading ------------------------------------------------------------------------ */

struct image {
	struct ths_tmod tmod;
	ths_vaddr_t text, rodata;
	uint64_t text_pages, rodata_pages;
};

static enum ths_err find_file(const char *file, const void **data, size_t *size)
{
	char name[THS_NAME_MAX + 8];

	if (ths_archive_find(file, data, size) == THS_OK)
		return THS_OK;
	(void)ths_format(name, sizeof(name), "%s.tmod", file);
	return ths_archive_find(name, data, size);
}

/* The writable part of a module that spills (tests only) stays writable. */
static enum ths_err protect(const struct image *image)
{
	uint64_t fixed = image->tmod.spill_size ? pages_of(image->tmod.spill)
						: image->rodata_pages;

	THS_POINT("load/before-protect");
	THS_TRY(ths_arch_protect(image->text, image->text_pages, THS_PROT_RX));
	return ths_arch_protect(image->rodata, fixed, THS_PROT_R);
}

static enum ths_err place(struct image *image, struct ths_meta_link *link,
			  struct ths_reason *reason)
{
	enum ths_err err;

	image->text_pages = pages_of(image->tmod.text_size);
	image->rodata_pages = pages_of(image->tmod.rodata_size);
	THS_TRY(map(image->text_pages + image->rodata_pages, &image->text));
	image->rodata = image->text + image->text_pages * THS_PAGE_SIZE;
	err = ths_tmod_link(&image->tmod, (uint8_t *)(uintptr_t)image->text, image->text,
			    (uint8_t *)(uintptr_t)image->rodata, image->rodata,
			    ths_meta_resolve, link, reason);
	if (err == THS_OK)
		err = protect(image);
	ths_loader_work(2000);
	if (err)
		unmap(image->text, image->text_pages + image->rodata_pages);
	return err;
}

static enum ths_err find_image(const char *file, const void **data, size_t *size,
			       struct ths_reason *reason)
{
	if (find_file(file, data, size) == THS_OK)
		return THS_OK;
	(void)ths_format(reason->text, sizeof(reason->text),
			 "the archive has no module %s", file);
	return THS_E_NOENT;
}

typedef enum ths_err make_fn(const struct ths_module *module, const struct ths_tmod *tmod,
			     const char *name, struct ths_instance **out,
			     struct ths_reason *reason);

/* What it may name was told by the id in its layouts (meta.c). */
static enum ths_err check_id(const struct ths_module *module, const struct ths_tmod *tmod,
			     struct ths_reason *reason)
{
	size_t length;
	const char *id = ths_schema_module(&tmod->schema, &length);

	if (ths_strlen(module->id) == length && memcmp(module->id, id, length) == 0)
		return THS_OK;
	(void)ths_format(reason->text, sizeof(reason->text),
			 "the layouts in .ths.schema are of module %.*s, not of %s",
			 (int)length, id, module->id);
	return THS_E_FORMAT;
}

static enum ths_err make_of(struct image *image, struct ths_meta_link *link,
			    const char *name, make_fn *make, struct ths_instance **out,
			    struct ths_reason *reason)
{
	const void *module = (const void *)(uintptr_t)(image->rodata + image->tmod.descriptor);
	enum ths_err err;

	THS_TRY(make(module, &image->tmod, name, out, reason));
	err = check_id((*out)->module, &image->tmod, reason);
	if (err == THS_OK)
		err = ths_meta_attach(*out, link->block, reason);
	if (err)
		ths_instance_drop(*out);
	return err;
}

static enum ths_err load_linked(struct image *image, struct ths_meta_link *link,
				const char *name, make_fn *make, struct ths_instance **out,
				struct ths_reason *reason)
{
	struct ths_instance *instance;
	enum ths_err err;

	THS_TRY(place(image, link, reason));
	THS_POINT("load/placed");
	ths_loader_work(1500);
	err = make_of(image, link, name, make, &instance, reason);
	if (err) {
		unmap(image->text, image->text_pages + image->rodata_pages);
		return err;
	}
	instance->text = image->text;
	instance->text_size = image->tmod.text_size;
	instance->rodata = image->rodata;
	instance->rodata_size = image->tmod.rodata_size;
	instance->pages = (uint32_t)(image->text_pages + image->rodata_pages);
	*out = instance;
	THS_POINT("load/made");
	return THS_OK;
}

/* The layouts are what says who it is: of another ABI nothing more can be read. */
static enum ths_err check_abi(const struct ths_tmod *tmod, struct ths_reason *reason)
{
	char id[THS_NAME_MAX];
	size_t length;
	const char *text = ths_schema_module(&tmod->schema, &length);

	(void)ths_format(id, sizeof(id), "%.*s", (int)length, text);
	return ths_abi_check(tmod->abi, tmod->descriptor_size, id, reason);
}

/* @make: of the descriptor an instance. */
static enum ths_err load(const void *data, size_t size, const char *name, make_fn *make,
			 struct ths_instance **out, struct ths_reason *reason)
{
	struct image image = {0};
	struct ths_meta_link link;
	enum ths_err err;

	THS_TRY(loader.admit_spill
			? ths_tmod_open_spilling(&image.tmod, data, size, reason)
			: ths_tmod_open(&image.tmod, data, size, reason));
	if (!image.tmod.schema.text) {
		(void)ths_format(reason->text, sizeof(reason->text),
				 "the module has no layouts: no section .ths.schema");
		return THS_E_FORMAT;
	}
	THS_TRY(check_abi(&image.tmod, reason));
	THS_POINT("load/opened");
	THS_TRY(ths_meta_link(&link, &image.tmod, reason));
	err = load_linked(&image, &link, name, make, out, reason);
	if (err)
		ths_meta_unlink(&link);
	return err;
}

enum ths_err ths_loader_load(const char *file, const char *name, struct ths_instance **out,
			     struct ths_reason *reason)
{
	const void *data;
	size_t size;

	reason->text[0] = 0;
	THS_TRY(find_image(file, &data, &size, reason));
	ths_loader_work(5000);
	return load(data, size, name, ths_instance_new, out, reason);
}

enum ths_err ths_loader_again(const struct ths_instance *of, struct ths_instance **out)
{
	struct ths_reason unread;

	return of->pages ? load(of->tmod.image, of->tmod.size, of->name,
				ths_instance_make, out, &unread)
			 : ths_instance_make(of->module, &of->tmod, of->name, out, &unread);
}

enum ths_err ths_module_load(const char *file, const char *name, uint32_t *slot,
			     struct ths_reason *reason)
{
	struct ths_instance *instance;
	struct ths_reason unread;
	enum ths_err err;

	THS_TRY(ths_loader_enter());
	err = ths_loader_load(file, name, &instance, reason ? reason : &unread);
	ths_loader_leave();
	if (err == THS_OK)
		*slot = instance->slot;
	return err;
}

/* Nobody can be in its code any more. */
void ths_loader_retire(struct ths_instance *instance)
{
	ths_vaddr_t base = instance->text < instance->rodata ? instance->text
							     : instance->rodata;
	uint32_t pages = instance->pages;

	ths_instance_drop(instance);
	ths_loader_work(4000);
	if (pages)
		unmap(base, pages);
}

/* Nobody can call it any more, but somebody may be in it. */
void ths_loader_unload(struct ths_instance *instance)
{
	ths_quiesce();
	ths_loader_retire(instance);
}

enum ths_err ths_module_unload(uint32_t slot)
{
	struct ths_instance *instance = &ths_core.instance[slot];
	enum ths_err err = THS_E_BUSY;

	if (slot == 0 || slot >= ths_instances())
		return THS_E_NOENT;
	THS_TRY(ths_loader_enter());
	if (instance->state == THS_INSTANCE_FREE)
		err = THS_E_NOENT;
	if (instance->state == THS_INSTANCE_LOADED && ths_migrate_lets_go(instance)) {
		ths_loader_unload(instance);
		err = THS_OK;
	}
	ths_loader_leave();
	return err;
}
