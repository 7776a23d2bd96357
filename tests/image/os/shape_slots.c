/*
 * slots.map, slots.list - an allocator that keeps a map of what is taken, or (LIST) a
 * list of what is free. Each adopts what the other has given out.
 */
#include "shape.h"

#include <theseus/module.h>

enum { SELF, OTHER };

struct slots_map { /* "shape.map/1" */
	uint64_t taken; /* a bit a place */
};
struct slots_list { /* "shape.list/1"; in no order */
	uint32_t count;
	uint32_t free[SLOTS];
};

#define MAP_TABLE(slot_)  THS_TABLE(slot_, "shape.map/1", struct slots_map)
#define LIST_TABLE(slot_) THS_TABLE(slot_, "shape.list/1", struct slots_list)

#ifndef LIST
static enum ths_err take(struct ths_call *call, struct slots_place *arg)
{
	struct slots_map *map;

	THS_TRY(ths_row_write(call, SELF, 0, &map));
	for (arg->place = 0; arg->place < SLOTS; arg->place++) {
		if (map->taken >> arg->place & 1)
			continue;
		map->taken |= (uint64_t)1 << arg->place;
		arg->version = 1;
		return THS_OK;
	}
	return THS_E_AGAIN;
}

static enum ths_err give(struct ths_call *call, struct slots_place *arg)
{
	struct slots_map *map;

	THS_TRY(ths_row_write(call, SELF, 0, &map));
	if (arg->place >= SLOTS || !(map->taken >> arg->place & 1))
		return THS_E_INVAL;
	map->taken &= ~((uint64_t)1 << arg->place);
	return THS_OK;
}

static enum ths_err adopt(struct ths_call *call)
{
	const struct slots_list *list;
	struct slots_map *map;

	THS_TRY(ths_row_read(call, OTHER, 0, &list));
	THS_TRY(ths_row_write(call, SELF, 0, &map));
	map->taken = ((uint64_t)1 << SLOTS) - 1;
	for (uint32_t i = 0; i < list->count; i++)
		map->taken &= ~((uint64_t)1 << list->free[i]);
	return THS_OK;
}
#else
static enum ths_err take(struct ths_call *call, struct slots_place *arg)
{
	struct slots_list *list;

	THS_TRY(ths_row_write(call, SELF, 0, &list));
	if (list->count == 0)
		return THS_E_AGAIN;
	arg->place = list->free[--list->count];
	arg->version = 2;
	return THS_OK;
}

static enum ths_err give(struct ths_call *call, struct slots_place *arg)
{
	struct slots_list *list;

	THS_TRY(ths_row_write(call, SELF, 0, &list));
	for (uint32_t i = 0; i < list->count; i++)
		if (list->free[i] == arg->place)
			return THS_E_INVAL;
	if (arg->place >= SLOTS)
		return THS_E_INVAL;
	list->free[list->count++] = (uint32_t)arg->place;
	return THS_OK;
}

static enum ths_err adopt(struct ths_call *call)
{
	const struct slots_map *map;
	struct slots_list *list;

	THS_TRY(ths_row_read(call, OTHER, 0, &map));
	THS_TRY(ths_row_write(call, SELF, 0, &list));
	list->count = 0;
	for (uint32_t place = 0; place < SLOTS; place++)
		if (!(map->taken >> place & 1))
			list->free[list->count++] = place;
	return THS_OK;
}
#endif

#define SLOTS_MODULE(token_, id_, own_, other_)                                          \
	THS_MODULE(token_, id_, 1, 0, THS_PROVIDES(slots, .take = take, .give = give),   \
		   own_(SELF), other_(OTHER), .adopt = adopt)
#ifndef LIST
SLOTS_MODULE(slots_map, "slots.map", MAP_TABLE, LIST_TABLE);
#else
SLOTS_MODULE(slots_list, "slots.list", LIST_TABLE, MAP_TABLE);
#endif
