/*
 * slots - where instances lie, and which bindings each may serve.
 *
 * There may be INSTANCES_MAX instances, and mostly there are a dozen. Their records are one
 * array, so that a slot is an index, at the end of the module area; its pages are mapped
 * when a slot in them is first used, and stay. Slots from ths_instances() on have no memory:
 * nobody looks there.
 *
 * A publication must not cost more the more modules there are, so each instance has a map
 * of the bindings it was ever made the provider of. What it serves is among them; whether
 * it does, the binding says.
 *
 * Invariants
 *   L1  Below ths_instances() each slot is mapped and has its number and a generation.
 *   L2  A binding whose provider an instance is has its bit in that instance's map, from
 *       before the commit that made it so.
 *
 * Context: depth 0, with the loader's turn, unless said otherwise.
 */
#include <theseus/bits.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

#define FEW_ORDER 5u /* pages for slots where there is no module area to speak of */

uint64_t ths_slots_size(void)
{
	uint64_t size = ths_bits_align_up(INSTANCES_MAX * sizeof(struct ths_instance),
					  THS_PAGE_SIZE);

	return ths_arch_module_area().size >= 2 * size ? size : 0;
}

/* Without room in the module area: as many as lie in some pages, taken at once. */
enum ths_err ths_slots_init(void)
{
	struct ths_arch_area area = ths_arch_module_area();
	uint64_t size = ths_slots_size();

	ths_core.instances_max = INSTANCES_MAX;
	ths_core.instance = (struct ths_instance *)(uintptr_t)(area.base + area.size - size);
	if (size)
		return THS_OK;
	ths_core.instance_pages = 1u << FEW_ORDER;
	ths_core.instances_max = (uint32_t)((THS_PAGE_SIZE << FEW_ORDER) /
					    sizeof(struct ths_instance));
	ths_core.instance = ths_pages_take(FEW_ORDER);
	return ths_core.instance ? THS_OK : THS_E_NOMEM;
}

static enum ths_err map_page(void)
{
	ths_vaddr_t at = (uintptr_t)ths_core.instance +
			 (uint64_t)ths_core.instance_pages * THS_PAGE_SIZE;
	void *page = ths_pages_take(0);

	if (!page)
		return THS_E_NOMEM;
	THS_POINT("slots/before-map");
	if (ths_arch_map(at, ths_arch_paddr(page), 1, THS_PROT_RW)) {
		ths_pages_give(page, 0);
		return THS_E_NOMEM;
	}
	ths_core.instance_pages++;
	return THS_OK;
}

/* One slot more. */
static struct ths_instance *add_slot(void)
{
	uint32_t slot = ths_instances();
	struct ths_instance *instance = &ths_core.instance[slot];

	if (slot == ths_core.instances_max)
		return NULL;
	while ((uint64_t)ths_core.instance_pages * THS_PAGE_SIZE <
	       (slot + 1) * sizeof(*instance))
		if (map_page())
			return NULL;
	instance->slot = slot;
	instance->generation = 1;
	THS_POINT("slots/before-add");
	atomic_store(&ths_core.instances, slot + 1);
	return instance;
}

struct ths_instance *ths_slot_find_free(void)
{
	if (THS_FAIL("alloc/instance"))
		return NULL;
	for (unsigned i = 0; i < ths_instances(); i++)
		if (ths_core.instance[i].state == THS_INSTANCE_FREE)
			return &ths_core.instance[i];
	return add_slot();
}

enum ths_err ths_module_find(const char *name, uint32_t *slot)
{
	for (uint32_t i = 0; i < ths_instances(); i++) {
		const struct ths_instance *instance = &ths_core.instance[i];

		if (instance->state == THS_INSTANCE_FREE ||
		    instance->state == THS_INSTANCE_RETIRED ||
		    !ths_streq(instance->name, name))
			continue;
		*slot = i;
		return THS_OK;
	}
	return THS_E_NOENT;
}

/* L2. Inside the publication. */
void ths_serves_note(struct ths_instance *instance, const struct ths_binding *binding)
{
	ths_bits_set(instance->serves, (size_t)(binding - ths_core.binding));
}

/* The next binding that leads to the instance itself; NULL: no more. Begin with NULL. */
struct ths_binding *ths_serves_next(const struct ths_instance *instance,
				    const struct ths_binding *after)
{
	size_t at = after ? (size_t)(after - ths_core.binding) : 0;

	for (;;) {
		at = ths_bits_find_set(instance->serves, BINDINGS_MAX, at + 1);
		if (at >= BINDINGS_MAX)
			return NULL;
		if (ths_binding_instance(&ths_core.binding[at]) == instance)
			return &ths_core.binding[at];
	}
}
