/*
 * shell - the program `ship`: a banner, a prompt, and whatever is typed.
 */
#include <theseus/nano_core.h>
#include <theseus/string.h>
#include "ship.h"

const struct ship_command *ship_command_find(const char *name)
{
	for (unsigned i = 0; i < ship_commands_count; i++)
		if (ths_streq(ship_commands[i].name, name))
			return &ship_commands[i];
	return NULL;
}

/* Cuts @text into words, in place. SHIP_WORDS_MAX + 1: too many. */
static unsigned split(char *text, const char **word)
{
	unsigned count = 0;

	for (;;) {
		while (*text == ' ')
			*text++ = 0;
		if (!*text)
			return count;
		if (count == SHIP_WORDS_MAX)
			return count + 1;
		word[count++] = text;
		while (*text && *text != ' ')
			text++;
	}
}

static void obey(const char *typed)
{
	char text[SHIP_LINE_MAX + 1];
	const char *word[SHIP_WORDS_MAX];
	const struct ship_command *command;
	unsigned count;

	(void)!ths_str_copy(text, sizeof(text), typed);
	count = split(text, word);
	if (count == 0)
		return;
	command = ship_command_find(word[0]);
	if (!command)
		ship_print("%s: unknown command; `help` lists those there are\n",
			   word[0]);
	else if (count - 1 < command->at_least || count - 1 > command->at_most)
		ship_print("usage: %s%s%s\n", command->name,
			   command->arguments[0] ? " " : "", command->arguments);
	else
		command->run(count, word);
}

static void ship(void *unused)
{
	(void)unused;
	ship_is_the_shell();
	ship_print("\nship: every module of this system can be swapped while it runs.\n"
		   "Type `help` for what there is.\n\n");
	for (;;) {
		const char *typed = ship_line_read("ship> ");

		if (typed)
			obey(typed);
	}
}
THS_PROGRAM("ship", ship);
