/*
 * dwarf - types, as the compiler left them in the debug information, made into layouts.
 *
 * Invariants
 *   W1  What is written depends on the layout alone: not on the compiler, the version of
 *       DWARF, the names of types, qualifiers, or how a type was put together of others.
 *   W2  What cannot be written so is refused, by the member's name.
 */
#pragma once

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

#include "check/tool.h"

struct dwarf {
	Dwfl *dwfl;
	Dwarf_Die unit; /* the translation unit that has the module's descriptor */
};

/* False, with a message: no such file, or no debug information of a module in it. */
THS_MUST_CHECK bool dwarf_open(struct dwarf *dwarf, const char *path);
void dwarf_close(struct dwarf *dwarf);

/* The type that C calls @name: "struct sched_queue", or that of a typedef. False: none. */
THS_MUST_CHECK bool dwarf_type(const struct dwarf *dwarf, const char *name,
			       Dwarf_Die *type);
/* The type of the arguments of operation @op, number @number of interface @iface, as
 * THS_INTERFACE declared it. False: there is none. */
THS_MUST_CHECK bool dwarf_arguments(const struct dwarf *dwarf, const char *iface,
				    unsigned number, const char *op, Dwarf_Die *type);

/* Appends the members of @type, a line each, to @members; @size: out: its bytes. False,
 * with a message that begins with @what (W2). Pointers are a matter of @pointers. */
THS_MUST_CHECK bool dwarf_layout(Dwarf_Die *type, const char *what, bool pointers,
				 struct tool_text *members, uint64_t *size);
