/*
 * echo.plain - a module written away from the source tree, of an interface of its own.
 *
 * It holds what a first module of a user would: one operation, one table, a call into
 * the base library, a constant table that must not become writable.
 */
#include <theseus/interface.h>
#include <theseus/module.h>

struct echo_say {
	uint64_t number; /* in: 0..3; out: its word's length */
};

#define ECHO_OPS(OP) OP(echo, say, struct echo_say, 0)
THS_INTERFACE(echo, 1, ECHO_OPS)

enum { COUNT };
struct echo_count {
	uint64_t said;
};

static const char *const words[] = {"one", "two", "three", "four"};

static enum ths_err plain_say(struct ths_call *call, struct echo_say *arg)
{
	struct echo_count *count;
	uint64_t length = 0;

	if (arg->number >= THS_ARRAY_SIZE(words))
		return THS_E_INVAL;
	THS_TRY(ths_row_write(call, COUNT, 0, &count));
	while (words[arg->number][length] != '\0')
		length++;
	count->said++;
	arg->number = length;
	return THS_OK;
}

THS_MODULE(echo_plain, "echo.plain", 1, 0, THS_PROVIDES(echo, .say = plain_say),
	   THS_TABLE(COUNT, "echo.count/1", struct echo_count));
