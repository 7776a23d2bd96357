/*
 * where - where the guest was when it was ended.
 *
 * Of each processor the registers that say it, and the function it was in. Of the first
 * also who called whom, as far as the words on its stack tell: those that lie in the
 * kernel behind a call. Most are return addresses; some were left by calls that have
 * returned, hence the `?`, as in a kernel's own backtrace. Of modules nothing is known here:
 * their addresses are the loader's choice (theseus-debug(7)).
 */
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define STACK_WORDS 256
#define FRAMES_MAX  24u

static void say_frame(const struct run_symbols *symbols, unsigned number, const char *mark,
		      uint64_t pc, unsigned behind)
{
	char name[256];

	if (symbols_name(symbols, pc, behind, name, sizeof(name)))
		tool_warn("  #%u%s 0x%llx %s", number, mark, (unsigned long long)pc, name);
}

/* The value of a register in "... RIP=0011223344556677 ...", or of its 32-bit form. */
static bool find_register(const char *line, size_t len, const char *name, uint64_t *value)
{
	const char *at = memmem(line, len, name, strlen(name));

	if (at)
		*value = strtoull(at + strlen(name), NULL, 16);
	return at;
}

/* A line of the monitor's: from @at to the "\\r\\n" of the JSON, or to its end. */
static const char *next_line(const char *at, size_t *len)
{
	while (*at == '\\' && at[1])
		at += 2;
	*len = strcspn(at, "\\\"");
	return *len ? at : NULL;
}

bool where_registers(const struct run_symbols *symbols, const char *reply, char *command,
		     size_t size)
{
	static const char *const wanted[] = {"CPU#", "EIP=", "RIP=", "RSP=", "CR0="};
	uint64_t value;
	size_t len;

	*command = '\0';
	for (const char *at = reply; (at = next_line(at, &len)); at += len) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
			if (memmem(at, len, wanted[i], strlen(wanted[i]))) {
				tool_warn("  %.*s", (int)len, at);
				break;
			}
		}
		if (find_register(at, len, "RIP=", &value) ||
		    find_register(at, len, "EIP=", &value))
			say_frame(symbols, 0, "", value, 0);
		if (!*command && (find_register(at, len, "RSP=", &value) ||
				  find_register(at, len, "ESP=", &value)))
			snprintf(command, size, "x /%u%cx 0x%llx", STACK_WORDS,
				 memmem(at, len, "RSP=", 4) ? 'g' : 'w',
				 (unsigned long long)value);
	}
	return *command;
}

/* Of "ffff0000: 0x0011223344556677 0x...", line by line. */
void where_stack(const struct run_symbols *symbols, const char *reply)
{
	unsigned number = 1;
	size_t len;

	for (const char *at = reply; (at = next_line(at, &len)); at += len) {
		const char *word = at;

		while ((word = memmem(word, (size_t)(at + len - word), " 0x", 3))) {
			uint64_t pc = strtoull(word + 3, NULL, 16);

			word += 3;
			if (number < FRAMES_MAX && symbols_is_behind_call(symbols, pc))
				say_frame(symbols, number++, " ?", pc, 1);
		}
	}
}
