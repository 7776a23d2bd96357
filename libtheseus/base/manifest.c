/*
 * manifest - reading a manifest line by line; manifest_check.c fits the lines together.
 *
 * A line is cut into tokens: words, and the two marks = and :, which separate words even
 * without blanks around them. Each directive is one function that takes the tokens it
 * wants, in order, and says what was wrong with the first it did not like.
 *
 * To find what is said twice, the lines before are read again, with no memory but the
 * item compared: a manifest is short, and its length is bounded.
 */
#include <base/manifest_impl.h>
#include <stdbool.h>
#include <theseus/fmt.h>
#include <theseus/string.h>

struct token {
	const char *at;
	size_t len; /* 0: the line has no more */
};

struct line {
	struct ths_manifest *manifest; /* for the error */
	const char *word;              /* the directive's name */
	const char *at, *end;          /* what is not read yet */
};

/* For %.*s: a token as far as it makes sense to show it. */
#define SHOWN(token) ((token).len < 40 ? (int)(token).len : 40), (token).at

enum ths_err ths_manifest_fail(struct ths_manifest *manifest, enum ths_err err,
			       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ths_vformat(manifest->what, sizeof(manifest->what), fmt, ap);
	va_end(ap);
	return err;
}

#define FAIL(line, ...) ths_manifest_fail((line)->manifest, THS_E_FORMAT, __VA_ARGS__)

/* ---- tokens ---------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_mark(char c)
{
	return c == '=' || c == ':';
}

static struct token token_peek(const struct line *line)
{
	const char *at = line->at;
	size_t len = 0, room;

	while (at < line->end && is_blank(*at))
		at++;
	room = (size_t)(line->end - at);
	if (room && is_mark(*at))
		len = 1;
	else
		while (len < room && !is_blank(at[len]) && !is_mark(at[len]))
			len++;
	return (struct token){at, len};
}

static struct token token_take(struct line *line)
{
	struct token token = token_peek(line);

	line->at = token.at + token.len;
	return token;
}

static bool token_is(struct token token, const char *word)
{
	return token.len == ths_strlen(word) && memcmp(token.at, word, token.len) == 0;
}

/* Takes the next token if it is @word. */
static bool take_word(struct line *line, const char *word)
{
	struct token token = token_peek(line);

	if (!token_is(token, word))
		return false;
	line->at = token.at + token.len;
	return true;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Copies a name: letters, digits and @others, a letter or a digit first. */
static enum ths_err line_put_name(const struct line *line, struct token token,
				  const char *noun, const char *others, char *into,
				  size_t size)
{
	if (token.len == 0 || is_mark(*token.at))
		return FAIL(line, "%s: the %s is missing", line->word, noun);
	if (token.len >= size)
		return FAIL(line, "%s: the %s is longer than %zu characters: \"%.*s...\"",
			    line->word, noun, size - 1, SHOWN(token));
	for (size_t i = 0; i < token.len; i++) {
		char c = token.at[i];
		bool other = false;

		for (const char *o = others; *o; o++)
			other |= c == *o;
		if (!is_letter_or_digit(c) && (i == 0 || !other))
			return FAIL(line, "%s: \"%.*s\" cannot be the %s", line->word,
				    SHOWN(token), noun);
	}
	memcpy(into, token.at, token.len);
	into[token.len] = '\0';
	return THS_OK;
}

#define NAME_OTHERS  "._-"
#define IFACE_OTHERS "_"
#define FILE_OTHERS  "._-/+"

#define TAKE_NAME(line, noun, others, into)                                              \
	line_put_name(line, token_take(line), noun, others, into, sizeof(into))

static enum ths_err line_take_mark(struct line *line, const char *mark,
				   const char *before)
{
	if (!take_word(line, mark))
		return FAIL(line, "%s: there is no %s before the %s", line->word, mark,
			    before);
	return THS_OK;
}

static enum ths_err line_end(struct line *line)
{
	struct token token = token_peek(line);

	if (token.len)
		return FAIL(line, "%s: \"%.*s\" is a word too many", line->word,
			    SHOWN(token));
	return THS_OK;
}

/* What is left of the line, without the blanks around it. */
static struct token line_take_rest(struct line *line)
{
	while (line->at < line->end && is_blank(*line->at))
		line->at++;
	while (line->end > line->at && is_blank(line->end[-1]))
		line->end--;

	struct token rest = {line->at, (size_t)(line->end - line->at)};

	line->at = line->end;
	return rest;
}

/* ---- directives ------------------------------------------------------------------ */

static enum ths_err parse_os(struct line *line, struct ths_manifest_item *item)
{
	THS_TRY(TAKE_NAME(line, "name", NAME_OTHERS, item->name));
	THS_TRY(TAKE_NAME(line, "version", NAME_OTHERS "+", item->release));
	return line_end(line);
}

static enum ths_err parse_module(struct line *line, struct ths_manifest_item *item)
{
	THS_TRY(TAKE_NAME(line, "id", NAME_OTHERS, item->id));
	ths_format(item->file, sizeof(item->file), "%s.tmod", item->id);
	memcpy(item->name, item->id, sizeof(item->name));
	if (take_word(line, "from"))
		THS_TRY(TAKE_NAME(line, "file", FILE_OTHERS, item->file));
	if (take_word(line, "as"))
		THS_TRY(TAKE_NAME(line, "name", NAME_OTHERS, item->name));
	return line_end(line);
}

/* IFACE or IFACE/VERSION. */
static enum ths_err line_take_iface(struct line *line, char *name, size_t size,
				    uint32_t *version)
{
	struct token token = token_take(line);
	size_t slash = 0;
	uint64_t number;

	while (slash < token.len && token.at[slash] != '/')
		slash++;
	THS_TRY(line_put_name(line, (struct token){token.at, slash}, "interface",
			      IFACE_OTHERS, name, size));
	*version = 0;
	if (slash == token.len)
		return THS_OK;
	if (ths_str_parse_u64(token.at + slash + 1, token.len - slash - 1, &number) ||
	    number == 0 || number > UINT16_MAX)
		return FAIL(line, "%s: \"%.*s\" has no version between 1 and 65535",
			    line->word, SHOWN(token));
	*version = (uint32_t)number;
	return THS_OK;
}

static enum ths_err parse_bind(struct line *line, struct ths_manifest_item *item)
{
	THS_TRY(line_take_iface(line, item->name, sizeof(item->name), &item->version));

	struct token next = token_peek(line);

	if (next.len && !token_is(next, "="))
		THS_TRY(TAKE_NAME(line, "instance name", NAME_OTHERS, item->as));
	THS_TRY(line_take_mark(line, "=", "module"));
	THS_TRY(TAKE_NAME(line, "module", NAME_OTHERS, item->id));
	return line_end(line);
}

static enum ths_err parse_vital(struct line *line, struct ths_manifest_item *item)
{
	THS_TRY(TAKE_NAME(line, "interface", IFACE_OTHERS, item->name));
	return line_end(line);
}

static enum ths_err parse_program(struct line *line, struct ths_manifest_item *item)
{
	THS_TRY(TAKE_NAME(line, "name", NAME_OTHERS, item->name));
	return line_end(line);
}

static enum ths_err parse_cmdline(struct line *line, struct ths_manifest_item *item)
{
	struct token rest = line_take_rest(line);

	if (rest.len == 0)
		return FAIL(line, "cmdline: the text is missing");
	if (rest.len > THS_MANIFEST_TEXT_MAX)
		return FAIL(line, "cmdline: the text is longer than %u characters",
			    (unsigned)THS_MANIFEST_TEXT_MAX);
	item->text = rest.at;
	item->text_len = (uint32_t)rest.len;
	return THS_OK;
}

static enum ths_err parse_domain(struct line *line, struct ths_manifest_item *item)
{
	char member[THS_MANIFEST_NAME_MAX + 1];

	THS_TRY(TAKE_NAME(line, "name", NAME_OTHERS, item->name));
	THS_TRY(line_take_mark(line, ":", "modules"));

	struct line members = *line;
	struct token rest = line_take_rest(line);

	item->text = rest.at;
	item->text_len = (uint32_t)rest.len;
	do
		THS_TRY(TAKE_NAME(&members, "module", NAME_OTHERS, member));
	while (token_peek(&members).len);
	return THS_OK;
}

static const struct {
	const char *word;
	enum ths_manifest_kind kind;
	enum ths_err (*parse)(struct line *line, struct ths_manifest_item *item);
} directives[] = {
	{"os", THS_MANIFEST_OS, parse_os},
	{"module", THS_MANIFEST_MODULE, parse_module},
	{"bind", THS_MANIFEST_BIND, parse_bind},
	{"vital", THS_MANIFEST_VITAL, parse_vital},
	{"program", THS_MANIFEST_PROGRAM, parse_program},
	{"cmdline", THS_MANIFEST_CMDLINE, parse_cmdline},
	{"domain", THS_MANIFEST_DOMAIN, parse_domain},
};

/* ---- lines ----------------------------------------------------------------------- */

/* Tests the bytes and takes the comment off. In a comment any byte from 0x80 on may
 * stand, so people can write their names. */
static enum ths_err line_clean(struct line *line)
{
	const char *start = line->at;
	bool comment = false;
	const char *end = line->end;

	for (const char *at = start; at < line->end; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '#' && !comment && (at == start || is_blank(at[-1]))) {
			comment = true;
			end = at;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f || (c >= 0x80 && !comment))
			return FAIL(line, "byte 0x%02x in column %zu is no text", c,
				    (size_t)(at - start) + 1);
	}
	line->end = end;
	return THS_OK;
}

static enum ths_err line_parse(struct line *line, struct ths_manifest_item *item)
{
	struct token word = token_take(line);

	for (size_t i = 0; i < THS_ARRAY_SIZE(directives); i++)
		if (token_is(word, directives[i].word)) {
			line->word = directives[i].word;
			item->kind = directives[i].kind;
			return directives[i].parse(line, item);
		}
	return FAIL(line, "there is no directive \"%.*s\"", SHOWN(word));
}

enum ths_err ths_manifest_next_line(struct ths_manifest *manifest,
				    struct ths_manifest_item *item)
{
	manifest->what[0] = '\0';
	memset(item, 0, sizeof(*item));
	while (manifest->at < manifest->size) {
		struct line line = {manifest, "", manifest->text + manifest->at, NULL};
		size_t rest = manifest->size - manifest->at, len = 0;

		while (len < rest && line.at[len] != '\n')
			len++;
		line.end = line.at + len;
		manifest->at += len < rest ? len + 1 : len;
		item->line = ++manifest->line;
		THS_TRY(line_clean(&line));
		if (token_peek(&line).len)
			return line_parse(&line, item);
	}
	return THS_E_NOENT;
}

void ths_manifest_init(struct ths_manifest *manifest, const void *text, size_t size)
{
	manifest->text = text;
	manifest->size = size;
	manifest->at = 0;
	manifest->line = 0;
	manifest->what[0] = '\0';
}

enum ths_err ths_manifest_next(struct ths_manifest *manifest,
			       struct ths_manifest_item *item)
{
	if (manifest->size > THS_MANIFEST_MAX)
		return ths_manifest_fail(manifest, THS_E_SIZE,
					 "the manifest is longer than %u bytes",
					 (unsigned)THS_MANIFEST_MAX);
	THS_TRY(ths_manifest_next_line(manifest, item));
	return ths_manifest_check_again(manifest, item);
}

enum ths_err ths_manifest_word(const struct ths_manifest_item *item, uint32_t *at,
			       char word[THS_MANIFEST_NAME_MAX + 1])
{
	struct line line = {NULL, "", item->text + *at, item->text + item->text_len};
	struct token token = token_take(&line);

	if (token.len == 0 || token.len > THS_MANIFEST_NAME_MAX)
		return THS_E_NOENT;
	memcpy(word, token.at, token.len);
	word[token.len] = '\0';
	*at = (uint32_t)(line.at - item->text);
	return THS_OK;
}
