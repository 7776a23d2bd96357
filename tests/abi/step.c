/*
 * step - see step.h. A record is found again by its first two words; how two of the same
 * name differ is said in the words of the loader (ths_layout_differ).
 */
#include "step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/schema.h>
#include <theseus/tmod.h>

struct record { /* of a listing; points into it */
	const char *kind, *name, *rest; /* rest: of its line */
	size_t kind_length, name_length, rest_length;
	struct ths_layout members;
};

struct listing {
	struct tool_file file;
	const char *text; /* terminated */
};

static bool listing_open(struct listing *listing, const char *path)
{
	if (!tool_read(path, &listing->file))
		return false;
	listing->text = tool_print("%.*s", (int)listing->file.size,
				   (const char *)listing->file.data);
	return true;
}

/* The record at *@at, which moves behind it. False: there are no more. */
static bool record_next(const char **at, struct record *record)
{
	const char *line = *at, *end = strchr(line, '\n');

	if (end == NULL)
		return false;
	record->kind = line;
	record->kind_length = strcspn(line, " \n");
	record->name = line + record->kind_length + (line[record->kind_length] == ' ');
	record->name_length = strcspn(record->name, " \n");
	record->rest = record->name + record->name_length;
	record->rest_length = (size_t)(end - record->rest);
	for (line = ++end; *end == ' ';)
		end += strcspn(end, "\n") + 1;
	record->members = (struct ths_layout){line, (uint32_t)(end - line), 0};
	*at = end;
	return true;
}

static bool same(const char *a, size_t a_length, const char *b, size_t b_length)
{
	return a_length == b_length && memcmp(a, b, a_length) == 0;
}

/* The record in @text that is called as @like is. */
static bool record_find(const char *text, const struct record *like, struct record *found)
{
	while (record_next(&text, found))
		if (same(found->kind, found->kind_length, like->kind, like->kind_length) &&
		    same(found->name, found->name_length, like->name, like->name_length))
			return true;
	return false;
}

static long abi_of(const char *text)
{
	const char *at = strstr(text, "number THS_ABI ");

	return at == NULL ? 0 : strtol(at + strlen("number THS_ABI "), NULL, 10);
}

/* ---- saying it ------------------------------------------------------------------------- */

#define TEXT(part_) (int)old->part_##_length, old->part_

/* Which step would have made it right. */
static void say_step(const struct record *old)
{
	size_t thing = strcspn(old->name, "/ ");

	if (thing >= old->name_length)
		printf("  step THS_ABI in include/theseus/module.h\n");
	else if (memchr(old->name, ':', old->name_length) != NULL)
		printf("  step the version of THS_INTERFACE in include/theseus/iface/%.*s.h\n",
		       (int)thing, old->name);
	else
		printf("  step the version in \"%.*s\" of its declaration, with a THS_MIGRATE "
		       "for a table\n",
		       TEXT(name));
}

static void say_gone(const struct record *old)
{
	printf("%.*s %.*s is gone\n", TEXT(kind), TEXT(name));
	say_step(old);
}

static void say_changed(const struct record *old, const struct record *new)
{
	char said[THS_TMOD_REASON_MAX];

	if (same(old->members.text, old->members.length, new->members.text,
		 new->members.length))
		snprintf(said, sizeof(said), "is%.*s here,%.*s in the signatures",
			 (int)new->rest_length, new->rest, TEXT(rest));
	else
		ths_layout_differ(said, sizeof(said), &new->members, &old->members,
				  "the signatures");
	printf("%.*s %.*s: %s\n", TEXT(kind), TEXT(name), said);
	say_step(old);
}

/* ---- judging --------------------------------------------------------------------------- */

/* Whether what has a version in its name, and is not there any more, may be missing: of an
 * interface that is there in that version still nothing may. */
static bool may_go(const struct record *old, const char *new)
{
	const char *colon = memchr(old->name, ':', old->name_length);
	char *left;
	bool there;

	if (colon == NULL)
		return memchr(old->name, '/', old->name_length) != NULL;
	left = tool_print("op %.*s:", (int)(colon - old->name), old->name);
	there = strstr(new, left) != NULL;
	free(left);
	return !there;
}

/* V1, V2, of one record. */
static bool record_holds(const struct record *old, const char *new, bool abi_stepped)
{
	bool named = memchr(old->name, '/', old->name_length) != NULL;
	struct record is;

	if (abi_stepped && !named)
		return true;
	if (!record_find(new, old, &is)) {
		if (may_go(old, new))
			return true;
		say_gone(old);
		return false;
	}
	if (same(old->rest, old->rest_length, is.rest, is.rest_length) &&
	    same(old->members.text, old->members.length, is.members.text,
		 is.members.length))
		return true;
	say_changed(old, &is);
	return false;
}

enum tool_status step_compare(const char *old_path, const char *new_path)
{
	struct listing old, new;
	struct record record;
	const char *at;
	bool stepped, good = true;

	if (!listing_open(&old, old_path) || !listing_open(&new, new_path))
		return TOOL_UNREADABLE;
	stepped = abi_of(new.text) > abi_of(old.text);
	for (at = old.text; record_next(&at, &record);)
		good &= record_holds(&record, new.text, stepped);
	return good ? TOOL_OK : TOOL_REFUSED;
}
