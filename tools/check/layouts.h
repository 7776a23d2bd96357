/*
 * layouts - whether a module's .ths.schema describes the module, and nothing else.
 *
 * The loader has a reader of its own (nano_core/layout.c over base/schema.c), which goes
 * record by record. Here the text is read once more and line by line: the lines that ought
 * to be there are written down from the descriptor, and compared.
 */
#pragma once

#include "descriptor.h"
#include "object.h"
#include "tool.h"

/* Findings are of rule "schema". The descriptor must be sound. */
void layouts_check(const struct object *object, const struct placed *placed,
		   struct findings *findings);
