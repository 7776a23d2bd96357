/*
 * published - the names a module may import (I8): nano_core's list, as the loader has it.
 */
#pragma once

#include <stdbool.h>

bool published_has(const char *name);
/* Whether module @id may import it beside: its own state; what state_db alone may. */
bool privileged_has(const char *id, const char *name);
