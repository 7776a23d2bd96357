/*
 * state_move - one struct becomes another of other layout, member by member, by name.
 *
 * Both layouts stand as text in the files of the modules concerned (theseus-schema(5)); so
 * the two need not have been compiled together, and nobody wrote a function for this.
 * A member is told by its path, and is the same if its kind is. Of an array as many
 * elements are taken as both have; the members of an array of structs lie at the strides
 * of the arrays around them.
 *
 * Invariant
 *   M4  What ths_state_movable() has let pass is moved without another look: layouts come
 *       from files whose digest was proved, and theseus-check proves that members lie
 *       within their struct.
 *
 * Cost: O(members of the one x members of the other + bytes).
 */
#include <theseus/fmt.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"
#include "nano_core/tmod_impl.h"

#define LEVELS_MAX 4u /* arrays of structs within each other */

struct member {
	const char *path, *kind;
	size_t path_length, kind_length; /* of the kind without dimensions */
	bool is_struct; /* an array of structs, whose members follow */
	uint64_t bytes, count; /* of an element; elements */
	uint64_t offset;
};

static size_t word(const char **at, const char *end)
{
	const char *from = *at;

	while (*at < end && **at != ' ' && **at != '\n')
		(*at)++;
	return (size_t)(*at - from);
}

static uint64_t number(const char *text, size_t length)
{
	uint64_t value = 0;

	(void)!ths_str_parse_u64(text, length, &value);
	return value;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of "u32[3][2]", "16[8]", "char". */
static void read_kind(struct member *member, size_t length)
{
	const char *end = member->kind + length, *at = member->kind;
	size_t letters = 0;

	while (at < end && *at != '[')
		at++;
	member->kind_length = (size_t)(at - member->kind);
	while (letters < member->kind_length && !is_digit(member->kind[letters]))
		letters++;
	member->is_struct = letters == 0;
	member->bytes = number(member->kind + letters, member->kind_length - letters);
	if (!member->is_struct)
		member->bytes = member->bytes ? member->bytes / 8 : 1; /* bool, char */
	for (member->count = 1; at < end; at++) {
		const char *from = ++at; /* behind the bracket */

		while (at < end && *at != ']')
			at++;
		member->count *= number(from, (size_t)(at - from));
	}
}

/* The member at *@at, which moves behind its line. */
static bool next_member(const struct ths_layout *layout, size_t *at, struct member *member)
{
	const char *text, *end, *offset;
	size_t length;

	if (!layout->text || *at + 1 >= layout->length)
		return false;
	text = layout->text + *at;
	end = layout->text + layout->length;
	member->path = ++text;
	member->path_length = word(&text, end);
	member->kind = ++text;
	length = word(&text, end);
	offset = ++text;
	member->offset = number(offset, word(&text, end));
	read_kind(member, length);
	*at = (size_t)(text + 1 - layout->text);
	return true;
}

static bool find_member(const struct ths_layout *layout, const char *path, size_t length,
			struct member *member)
{
	size_t at = 0;

	while (next_member(layout, &at, member))
		if (member->path_length == length && memcmp(member->path, path, length) == 0)
			return true;
	return false;
}

static bool same_kind(const struct member *a, const struct member *b)
{
	return a->is_struct == b->is_struct &&
	       (a->is_struct || (a->kind_length == b->kind_length &&
				 memcmp(a->kind, b->kind, a->kind_length) == 0));
}

enum ths_err ths_state_movable(const struct ths_layout *old, const struct ths_layout *new,
			       const char *name, struct ths_reason *reason)
{
	struct member to, from;
	size_t at = 0;

	if (!old->text || !new->text)
		return ths_tmod_refuse(reason, THS_E_SCHEMA,
				       "%s: the layout of the state that is there is not known",
				       name);
	while (next_member(new, &at, &to))
		if (find_member(old, to.path, to.path_length, &from) && !same_kind(&to, &from))
			return ths_tmod_refuse(
				reason, THS_E_SCHEMA,
				"%s: member %.*s is %.*s here, %.*s in the state that is there",
				name, (int)to.path_length, to.path, (int)to.kind_length,
				to.kind, (int)from.kind_length, from.kind);
	return THS_OK;
}

/* ---- moving ---------------------------------------------------------------------------- */

struct level { /* an array of structs that a member lies in */
	uint64_t count, to, from; /* elements that both have; strides */
};

struct route {
	struct level level[LEVELS_MAX];
	unsigned levels;
	uint64_t bytes;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The arrays whose "[]" stand in the path. */
static bool find_levels(const struct ths_layout *old, const struct ths_layout *new,
			const struct member *member, struct route *route)
{
	struct member to, from;

	route->levels = 0;
	for (size_t i = 0; i < member->path_length; i++) {
		if (member->path[i] != '[')
			continue;
		if (route->levels == LEVELS_MAX ||
		    !find_member(new, member->path, i, &to) ||
		    !find_member(old, member->path, i, &from))
			return false;
		route->level[route->levels++] = (struct level){
			smaller(to.count, from.count), to.bytes, from.bytes};
	}
	return true;
}

static void copy(const struct route *route, unsigned level, uint8_t *to, const uint8_t *from)
{
	const struct level *array = &route->level[level];

	if (level == route->levels) {
		memcpy(to, from, route->bytes);
		return;
	}
	for (uint64_t i = 0; i < array->count; i++)
		copy(route, level + 1, to + i * array->to, from + i * array->from);
}

void ths_state_move(const struct ths_layout *old, const void *from,
		    const struct ths_layout *new, void *to)
{
	struct member here, there;
	struct route route;
	size_t at = 0;

	while (next_member(new, &at, &here)) {
		if (here.is_struct || !find_member(old, here.path, here.path_length, &there) ||
		    !same_kind(&here, &there) || !find_levels(old, new, &here, &route))
			continue;
		route.bytes = here.bytes * smaller(here.count, there.count);
		copy(&route, 0, (uint8_t *)to + here.offset,
		     (const uint8_t *)from + there.offset);
	}
}

/* Members of @old that @new has not; the first is told. */
unsigned ths_state_lost(const struct ths_layout *old, const struct ths_layout *new,
			char first[THS_NAME_MAX])
{
	struct member there, here;
	unsigned lost = 0;
	size_t at = 0;

	while (next_member(old, &at, &there)) {
		if (there.is_struct || find_member(new, there.path, there.path_length, &here))
			continue;
		if (lost++ == 0)
			(void)ths_format(first, THS_NAME_MAX, "%.*s",
					 (int)there.path_length, there.path);
	}
	return lost;
}
