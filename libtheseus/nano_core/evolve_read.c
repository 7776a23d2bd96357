/*
 * evolve_read - the text of an evolution as directives.
 *
 * A directive has a form, of fixed words and places: a digit stands for a word that is kept
 * in that place. A line is the first form it fits.
 */
#include <theseus/evolve.h>
#include <theseus/fmt.h>
#include <theseus/string.h>

#define WORDS_MAX 7u

struct line {
	const char *word[WORDS_MAX];
	size_t length[WORDS_MAX];
	unsigned words;
	bool overlong;
};

static const struct {
	enum ths_evolve_kind kind;
	const char *form;
} forms[] = {
	{THS_EVOLVE_TITLE, "evolve 0"},
	{THS_EVOLVE_MODULE, "module 0"},
	{THS_EVOLVE_MODULE, "module 0 as 1"},
	{THS_EVOLVE_REPLACE, "replace 0 with 1"},
	{THS_EVOLVE_REPLACE, "replace 0 with 1 as 2"},
	{THS_EVOLVE_REMOVE, "remove 0"},
	{THS_EVOLVE_BIND, "bind 0 = 2"},
	{THS_EVOLVE_BIND, "bind 0 1 = 2"},
	{THS_EVOLVE_VERSION, "version 0 1"},
	{THS_EVOLVE_MIGRATE, "migrate 0 1"},
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The line's words; a comment ends it. Returns where the next line begins. */
static size_t split(const char *text, size_t size, size_t at, struct line *line)
{
	*line = (struct line){.words = 0};
	while (at < size && text[at] != '\n' && text[at] != '#') {
		size_t start = at;

		while (at < size && !is_blank(text[at]) && text[at] != '\n' &&
		       text[at] != '#')
			at++;
		if (at == start) {
			at++; /* a blank */
			continue;
		}
		if (line->words == WORDS_MAX)
			line->overlong = true;
		else
			line->word[line->words] = text + start;
		if (!line->overlong)
			line->length[line->words++] = at - start;
	}
	while (at < size && text[at] != '\n')
		at++;
	return at + 1;
}

static bool is_word(const struct line *line, unsigned i, const char *form, size_t length)
{
	if (line->length[i] != length)
		return false;
	for (size_t k = 0; k < length; k++)
		if (line->word[i][k] != form[k])
			return false;
	return true;
}

static bool keep(const struct line *line, unsigned i, char *to)
{
	if (line->length[i] >= THS_NAME_MAX)
		return false;
	for (size_t k = 0; k < line->length[i]; k++) {
		if (line->word[i][k] < '!' || line->word[i][k] > '~')
			return false;
		to[k] = line->word[i][k];
	}
	return true;
}

static bool fits(const struct line *line, const char *form, struct ths_evolve_item *item)
{
	unsigned i = 0;

	memset(item->word, 0, sizeof(item->word));
	while (*form && i < line->words) {
		size_t length = 0;
		bool place = form[0] >= '0' && form[0] <= '2';

		while (form[length] && form[length] != ' ')
			length++;
		if (place ? !keep(line, i, item->word[form[0] - '0'])
			  : !is_word(line, i, form, length))
			return false;
		form += length + (form[length] == ' ');
		i++;
	}
	return !*form && i == line->words && !line->overlong;
}

static bool read_line(const struct line *line, struct ths_evolve_item *item)
{
	for (unsigned i = 0; i < THS_ARRAY_SIZE(forms); i++) {
		item->kind = forms[i].kind;
		if (fits(line, forms[i].form, item))
			return true;
	}
	return false;
}

enum ths_err ths_evolve_read(const char *text, size_t size, struct ths_evolve_item *item,
			     unsigned *count, struct ths_reason *reason)
{
	struct line line;

	*count = 0;
	for (size_t at = 0, number = 1; at < size; number++) {
		at = split(text, size, at, &line);
		if (line.words == 0)
			continue;
		if (*count == THS_EVOLVE_ITEMS) {
			(void)ths_format(reason->text, sizeof(reason->text),
					 "line %u: more than %u directives",
					 (unsigned)number, THS_EVOLVE_ITEMS);
			return THS_E_FULL;
		}
		item[*count].line = (uint32_t)number;
		if (!read_line(&line, &item[*count])) {
			(void)ths_format(reason->text, sizeof(reason->text),
					 "line %u: no directive has this form",
					 (unsigned)number);
			return THS_E_FORMAT;
		}
		++*count;
	}
	return THS_OK;
}
