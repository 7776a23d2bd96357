/*
 * mem.frames - who has which frames, and a tree to find free ones by.
 *
 * Memory is divided into maps of 1024 frames (4 MiB, the largest block). A map is a
 * bitmap of its free frames; that buddies merge needs no code, two set bits side by side
 * *are* the larger block. Above the maps lie two levels that say of each 64 things below
 * the largest block that is free there, one byte each:
 *
 *	top      64 bytes: the largest in each group        1 row      16 GiB
 *	group    64 bytes: the largest in each map         <=64 rows  256 MiB each
 *	map      1024 bits: which frames are free        <=4096 rows    4 MiB each
 *	block    an allocation: address, order, for whom; keyed by address
 *
 * Invariants
 *   M1  No frame is in two blocks at once, allocated or free.
 *   M2  A block is naturally aligned; the lowest one that fits is given.
 *   M3  A byte of group or top is 1 + the largest free order below it, 0: nothing free.
 *   M4  alloc and free touch four rows, beside the block's, whatever the memory's size;
 *       top is written only when a group's largest block changes.
 *
 * Left out on purpose: zones, NUMA, per-CPU magazines (they belong to the pools above).
 */
#include <theseus/bits.h>
#include <theseus/iface/frames.h>
#include <theseus/module.h>

#define FRAME_SHIFT  12u
#define MAP_ORDER    FRAMES_ORDER_MAX
#define MAP_FRAMES   (1u << MAP_ORDER)
#define MAP_WORDS    (MAP_FRAMES / 64)
#define FANOUT       64u
#define BLOCKS_MAX   16384u
#define RANGES_MAX   64u
#define DONATE_MAPS  16u /* maps one donate fills at most: what a transaction holds */
#define PADDR_MAX    (1ull << 52)
#define WORD_ORDER   6u /* a word of a map is a block of this order */
#define EACH_BYTE(b) ((b)*0x0101010101010101ull)

enum { TOP, GROUP, MAP, BLOCK, RANGE };

struct mem_top {                 /* "mem.top/1" */
	uint8_t largest[FANOUT]; /* by group (M3) */
	uint64_t groups;         /* in use: 0..groups-1 */
};
struct mem_group {               /* "mem.group/1" */
	uint8_t largest[FANOUT]; /* by map (M3) */
	uint32_t total, free;    /* frames */
	uint32_t blocks, reserved;
};
struct mem_map {      /* "mem.map/1", group * 64 + place in the group is its row number */
	uint64_t key; /* 1 + address / 4 MiB */
	uint64_t free[MAP_WORDS];
};
struct mem_block { /* "mem.block/1" */
	uint64_t paddr;
	uint32_t map; /* row number */
	uint32_t tag;
	uint32_t order, reserved;
};
struct mem_range { /* "mem.range/1": what was donated; for M1 */
	uint64_t first, frames;
};

/* ---- one map -------------------------------------------------------------------- */

/* The bits of @word where a naturally aligned run of 2^order set bits begins. */
static uint64_t runs_in(uint64_t word, unsigned order)
{
	static const uint64_t aligned[WORD_ORDER] = {
		EACH_BYTE(0xffull), EACH_BYTE(0x55ull),    EACH_BYTE(0x11ull),
		EACH_BYTE(0x01ull), 0x0001000100010001ull, 0x0000000100000001ull,
	};

	for (unsigned k = 0; k < order; k++)
		word &= word >> (1u << k);
	return word & aligned[order];
}

/* The first frame of the lowest free block of @order, or MAP_FRAMES. */
static unsigned find_block(const struct mem_map *map, unsigned order)
{
	unsigned words = order > WORD_ORDER ? 1u << (order - WORD_ORDER) : 1;

	for (unsigned at = 0; at < MAP_WORDS; at += words) {
		uint64_t word = map->free[at];

		if (order < WORD_ORDER)
			word = runs_in(word, order);
		for (unsigned i = 1; i < words; i++)
			word &= map->free[at + i];
		if (order < WORD_ORDER ? word != 0 : word == ~0ull)
			return at * 64 + (order < WORD_ORDER ? ths_bits_ctz(word) : 0);
	}
	return MAP_FRAMES;
}

/* 1 + the largest order free in the map; 0: none (M3). */
static uint8_t largest_in(const struct mem_map *map)
{
	unsigned best = 0, full = 0;

	for (unsigned at = 0; at < MAP_WORDS; at++) {
		while (best < WORD_ORDER && runs_in(map->free[at], best))
			best++;
		full |= (unsigned)(map->free[at] == ~0ull) << at;
	}
	for (unsigned span = 1; full; span *= 2) {
		best++; /* of 64 frames, and twice as many each turn */
		full &= span == MAP_WORDS ? 0 : full >> span;
		full &= span == 1   ? 0x5555u
			: span == 2 ? 0x1111u
			: span == 4 ? 0x0101u
				    : 1u;
	}
	return (uint8_t)best;
}

/* The frames first..first+count-1 of @map, all in one word, or whole words. */
static uint64_t mask_of(unsigned first, unsigned count)
{
	return (count >= 64 ? ~0ull : (1ull << count) - 1) << first % 64;
}

/* Turns the frames over; THS_E_INTERNAL when not all of them were @was_free. */
static enum ths_err turn(struct mem_map *map, unsigned first, unsigned count,
			 bool was_free)
{
	while (count > 0) {
		unsigned here = 64 - first % 64 < count ? 64 - first % 64 : count;
		uint64_t mask = mask_of(first, here);

		if ((map->free[first / 64] & mask) != (was_free ? mask : 0))
			return THS_E_INTERNAL;
		map->free[first / 64] ^= mask;
		first += here;
		count -= here;
	}
	return THS_OK;
}

static uint64_t address_of(const struct mem_map *map, unsigned frame)
{
	return ((map->key - 1) << MAP_ORDER | frame) << FRAME_SHIFT;
}

/* ---- the tree ------------------------------------------------------------------- */

/* The first byte that is at least @want (at most 0x80), eight at a time; FANOUT: none. */
static unsigned first_at_least(const uint8_t *largest, unsigned want)
{
	for (unsigned at = 0; at < FANOUT; at += 8) {
		uint64_t eight;

		__builtin_memcpy(&eight, largest + at, sizeof eight);
		eight = (eight + EACH_BYTE(0x80ull - want)) & EACH_BYTE(0x80ull);
		if (eight)
			return at + ths_bits_ctz(eight) / 8;
	}
	return FANOUT;
}

static uint8_t largest_of(const uint8_t *bytes)
{
	uint8_t best = 0;

	for (unsigned i = 0; i < FANOUT; i++)
		best = bytes[i] > best ? bytes[i] : best;
	return best;
}

/* Writes into group and top what has become of map @at (M3). */
static enum ths_err note_largest(struct ths_call *call, uint32_t at,
				 struct mem_group *group, const struct mem_map *map)
{
	uint8_t now = largest_in(map), best;
	const struct mem_top *seen;
	struct mem_top *top;

	if (group->largest[at % FANOUT] == now)
		return THS_OK;
	group->largest[at % FANOUT] = now;
	best = largest_of(group->largest);
	THS_TRY(ths_row_read(call, TOP, 0, &seen));
	if (seen->largest[at / FANOUT] == best && seen->groups > at / FANOUT)
		return THS_OK;
	THS_TRY(ths_row_write(call, TOP, 0, &top));
	top->largest[at / FANOUT] = best;
	if (top->groups <= at / FANOUT)
		top->groups = at / FANOUT + 1;
	return THS_OK;
}

/* ---- operations ----------------------------------------------------------------- */

static enum ths_err frames_alloc_op(struct ths_call *call, struct frames_alloc *arg)
{
	unsigned want = arg->order + 1, at, first;
	const struct mem_top *top;
	struct mem_group *group;
	struct mem_block *block;
	struct mem_map *map;
	uint32_t row;

	if (arg->order > FRAMES_ORDER_MAX)
		return THS_E_INVAL;
	THS_TRY(ths_row_read(call, TOP, 0, &top));
	at = first_at_least(top->largest, want);
	if (at == FANOUT)
		return THS_E_NOMEM;
	THS_TRY(ths_row_write(call, GROUP, at, &group));
	at = at * FANOUT + first_at_least(group->largest, want);
	THS_TRY(ths_row_write(call, MAP, at, &map));
	first = find_block(map, arg->order);
	if (first == MAP_FRAMES)
		return THS_E_INTERNAL;
	THS_TRY(turn(map, first, 1u << arg->order, true));
	group->free -= 1u << arg->order;
	group->blocks++;
	THS_TRY(note_largest(call, at, group, map));
	arg->paddr = address_of(map, first);
	THS_TRY(ths_row_new_keyed(call, BLOCK, arg->paddr, &row, &block));
	*block = (struct mem_block){arg->paddr, at, arg->tag, arg->order, 0};
	return THS_OK;
}

static enum ths_err frames_free_op(struct ths_call *call, struct frames_free *arg)
{
	const struct mem_block *block;
	struct mem_group *group;
	struct mem_map *map;
	uint32_t row;

	THS_TRY(ths_row_find(call, BLOCK, arg->paddr, &row, &block));
	THS_TRY(ths_row_write(call, GROUP, block->map / FANOUT, &group));
	THS_TRY(ths_row_write(call, MAP, block->map, &map));
	THS_TRY(turn(map, (arg->paddr >> FRAME_SHIFT) % MAP_FRAMES, 1u << block->order,
		     false));
	group->free += 1u << block->order;
	group->blocks--;
	THS_TRY(note_largest(call, block->map, group, map));
	return ths_row_free(call, BLOCK, row);
}

static enum ths_err frames_stat_op(struct ths_call *call, struct frames_stat *arg)
{
	const struct mem_top *top;

	THS_TRY(ths_row_read(call, TOP, 0, &top));
	*arg = (struct frames_stat){0, 0, 0, 0};
	for (uint32_t at = 0; at < top->groups && at < FANOUT; at++) {
		const struct mem_group *group;

		THS_TRY(ths_row_read(call, GROUP, at, &group));
		arg->total += group->total;
		arg->free += group->free;
		arg->blocks += group->blocks;
	}
	arg->largest = largest_of(top->largest);
	arg->largest -= arg->largest > 0;
	return THS_OK;
}

/* ---- donate --------------------------------------------------------------------- */

/* M1: a range is new, or goes on exactly where an older one ends. */
static enum ths_err note_range(struct ths_call *call, uint64_t first, uint64_t frames)
{
	uint32_t at = THS_ROW_NONE, before = THS_ROW_NONE;
	const struct mem_range *seen;
	struct mem_range *range;
	enum ths_err err;

	while ((err = ths_row_next(call, RANGE, &at)) == THS_OK) {
		THS_TRY(ths_row_read(call, RANGE, at, &seen));
		if (first < seen->first + seen->frames && seen->first < first + frames)
			return THS_E_EXIST;
		if (seen->first + seen->frames == first)
			before = at;
	}
	if (err != THS_E_NOENT)
		return err;
	if (before != THS_ROW_NONE) {
		THS_TRY(ths_row_write(call, RANGE, before, &range));
		range->frames += frames;
		return THS_OK;
	}
	THS_TRY(ths_row_new(call, RANGE, &at, &range));
	*range = (struct mem_range){first, frames};
	return THS_OK;
}

/* Frames first..first+count-1, all of one map, become free. */
static enum ths_err donate_to_map(struct ths_call *call, uint64_t first, unsigned count)
{
	uint64_t key = (first >> MAP_ORDER) + 1;
	const struct mem_map *seen;
	struct mem_group *group;
	struct mem_map *map;
	uint32_t at;
	enum ths_err err = ths_row_find(call, MAP, key, &at, &seen);

	if (err == THS_OK)
		err = ths_row_write(call, MAP, at, &map);
	else if (err == THS_E_NOENT)
		err = ths_row_new_keyed(call, MAP, key, &at, &map);
	THS_TRY(err);
	THS_TRY(turn(map, first % MAP_FRAMES, count, false));
	THS_TRY(ths_row_write(call, GROUP, at / FANOUT, &group));
	group->total += count;
	group->free += count;
	return note_largest(call, at, group, map);
}

static enum ths_err frames_donate_op(struct ths_call *call, struct frames_donate *arg)
{
	uint64_t first = arg->base >> FRAME_SHIFT, room, slice;

	/* Frame 0 is nobody's: address 0 says "none" to too many. */
	if (first == 0 || arg->base % (1u << FRAME_SHIFT) || arg->base >= PADDR_MAX ||
	    arg->frames == 0 || arg->frames > (PADDR_MAX - arg->base) >> FRAME_SHIFT)
		return THS_E_INVAL;
	room = DONATE_MAPS * MAP_FRAMES - first % MAP_FRAMES;
	slice = arg->frames < room ? arg->frames : room;
	THS_TRY(note_range(call, first, slice));
	for (uint64_t done = 0; done < slice;) {
		unsigned here = MAP_FRAMES - (unsigned)((first + done) % MAP_FRAMES);

		here = slice - done < here ? (unsigned)(slice - done) : here;
		THS_TRY(donate_to_map(call, first + done, here));
		done += here;
	}
	arg->taken = slice;
	return THS_OK;
}

/* M3, between top and its groups. */
static enum ths_err frames_selftest(struct ths_call *call)
{
	const struct mem_top *top;

	THS_TRY(ths_row_read(call, TOP, 0, &top));
	for (uint32_t at = 0; at < top->groups && at < FANOUT; at++) {
		const struct mem_group *group;

		THS_TRY(ths_row_read(call, GROUP, at, &group));
		if (largest_of(group->largest) != top->largest[at])
			return THS_E_INTERNAL;
	}
	return THS_OK;
}

THS_MODULE(mem_frames, "mem.frames", 1, 0,
	   THS_PROVIDES(frames, .donate = frames_donate_op, .alloc = frames_alloc_op,
			.free = frames_free_op, .stat = frames_stat_op),
	   THS_TABLE(TOP, "mem.top/1", struct mem_top),
	   THS_TABLE(GROUP, "mem.group/1", struct mem_group, .rows = FANOUT,
		     .flags = THS_FIXED),
	   THS_TABLE(MAP, "mem.map/1", struct mem_map, .rows = FANOUT * FANOUT,
		     .flags = THS_KEYED | THS_PREALLOCATED),
	   THS_TABLE(BLOCK, "mem.block/1", struct mem_block, .rows = BLOCKS_MAX,
		     .flags = THS_KEYED | THS_PREALLOCATED),
	   THS_TABLE(RANGE, "mem.range/1", struct mem_range, .rows = RANGES_MAX),
	   .selftest = frames_selftest);
