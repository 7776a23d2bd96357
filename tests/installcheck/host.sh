#!/bin/sh
# host - a program of one's own links with the hosted library, and tests a module's
# sources there: what libtheseus-host.pc promises.
set -eu
cat >use.c <<'END'
#include <stdio.h>
#include <string.h>
#include <theseus/err.h>
#include <theseus/module.h>
#include <theseus/siphash.h>

extern const struct ths_module ths_module_sched_rr;

int main(void)
{
	printf("%s %s\n", ths_err_name(THS_OK), ths_module_sched_rr.id);
	return strcmp(ths_module_sched_rr.id, "sched.rr") != 0;
}
END
# shellcheck disable=SC2046 # flags are words
"$CC_FOR_BUILD" -Wall -Wextra -Werror -o use use.c $(pkg-config --cflags --libs libtheseus-host)
./use
