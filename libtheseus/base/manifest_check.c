/*
 * manifest_check - whether the lines of a manifest fit each other.
 *
 * There is no table of what was said: each question is answered by reading the lines
 * again. Lines that are malformed are passed over here, ths_manifest_next() reports them.
 */
#include <base/manifest_impl.h>
#include <stdbool.h>
#include <theseus/string.h>

/* The next line of @kind that can be read; false at the end. */
static bool next_of_kind(struct ths_manifest *manifest, enum ths_manifest_kind kind,
			 struct ths_manifest_item *item)
{
	enum ths_err err;

	while ((err = ths_manifest_next_line(manifest, item)) != THS_E_NOENT)
		if (err == THS_OK && item->kind == kind)
			return true;
	return false;
}

/* The number of the first line of @kind called @name (NULL: any) and, where @as is given,
 * with that instance name; 0 when there is none. */
static uint32_t find_line(const struct ths_manifest *whole, enum ths_manifest_kind kind,
			  const char *name, const char *as)
{
	struct ths_manifest manifest;
	struct ths_manifest_item item;

	ths_manifest_init(&manifest, whole->text, whole->size);
	while (next_of_kind(&manifest, kind, &item))
		if ((!name || ths_streq(item.name, name)) &&
		    (!as || ths_streq(item.as, as)))
			return item.line;
	return 0;
}

/* The word of each directive that may not be said twice. Two programs of a name are no
 * mistake: they are two tasks. */
static const char *const once[] = {
	[THS_MANIFEST_OS] = "os",         [THS_MANIFEST_MODULE] = "module",
	[THS_MANIFEST_BIND] = "bind",     [THS_MANIFEST_VITAL] = "vital",
	[THS_MANIFEST_PROGRAM] = NULL,    [THS_MANIFEST_CMDLINE] = "cmdline",
	[THS_MANIFEST_DOMAIN] = "domain",
};

enum ths_err ths_manifest_check_again(struct ths_manifest *manifest,
				      const struct ths_manifest_item *item)
{
	const char *name = item->name[0] ? item->name : NULL;
	const char *as = item->kind == THS_MANIFEST_BIND ? item->as : NULL;

	if (!once[item->kind])
		return THS_OK;
	if (item->kind == THS_MANIFEST_OS)
		name = NULL; /* one, whatever its name */

	uint32_t line = find_line(manifest, item->kind, name, as);

	if (line == item->line)
		return THS_OK;
	return ths_manifest_fail(manifest, THS_E_EXIST,
				 "%s: %s%s%s is on line %u already", once[item->kind],
				 name ? name : "one", as && *as ? " " : "", as ? as : "",
				 line);
}

/* The line of the first domain @instance is in; 0 when it is in none. */
static uint32_t find_domain_of(const struct ths_manifest *whole, const char *instance)
{
	struct ths_manifest manifest;
	struct ths_manifest_item item;
	char word[THS_MANIFEST_NAME_MAX + 1];

	ths_manifest_init(&manifest, whole->text, whole->size);
	while (next_of_kind(&manifest, THS_MANIFEST_DOMAIN, &item))
		for (uint32_t at = 0; ths_manifest_word(&item, &at, word) == THS_OK;)
			if (ths_streq(word, instance))
				return item.line;
	return 0;
}

/* Whether @word stands in @item's members once more from @at on. */
static bool is_member_again(const struct ths_manifest_item *item, uint32_t at,
			    const char *word)
{
	char other[THS_MANIFEST_NAME_MAX + 1];

	while (ths_manifest_word(item, &at, other) == THS_OK)
		if (ths_streq(other, word))
			return true;
	return false;
}

static enum ths_err check_domain(struct ths_manifest *manifest,
				 const struct ths_manifest_item *item)
{
	char word[THS_MANIFEST_NAME_MAX + 1];

	for (uint32_t at = 0; ths_manifest_word(item, &at, word) == THS_OK;) {
		uint32_t line = find_domain_of(manifest, word);

		if (!find_line(manifest, THS_MANIFEST_MODULE, word, NULL))
			return ths_manifest_fail(manifest, THS_E_NOENT,
						 "domain: there is no module %s", word);
		if (line != item->line || is_member_again(item, at, word))
			return ths_manifest_fail(
				manifest, THS_E_EXIST,
				"domain: %s is in one on line %u already", word, line);
	}
	return THS_OK;
}

/* Whether what @item names is there. */
static enum ths_err check_references(struct ths_manifest *manifest,
				     const struct ths_manifest_item *item)
{
	if (item->kind == THS_MANIFEST_BIND &&
	    !find_line(manifest, THS_MANIFEST_MODULE, item->id, NULL))
		return ths_manifest_fail(manifest, THS_E_NOENT,
					 "bind: there is no module %s", item->id);
	if (item->kind == THS_MANIFEST_VITAL &&
	    !find_line(manifest, THS_MANIFEST_BIND, item->name, NULL))
		return ths_manifest_fail(manifest, THS_E_NOENT, "vital: %s is not bound",
					 item->name);
	if (item->kind == THS_MANIFEST_DOMAIN)
		return check_domain(manifest, item);
	return THS_OK;
}

enum ths_err ths_manifest_check(struct ths_manifest *manifest, const void *text,
				size_t size)
{
	struct ths_manifest_item item;
	enum ths_err err;

	ths_manifest_init(manifest, text, size);
	while ((err = ths_manifest_next(manifest, &item)) == THS_OK)
		THS_TRY(check_references(manifest, &item));
	if (err != THS_E_NOENT)
		return err;
	if (!find_line(manifest, THS_MANIFEST_OS, NULL, NULL))
		return ths_manifest_fail(manifest, THS_E_NOENT, "there is no os line");
	return THS_OK;
}
