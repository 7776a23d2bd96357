/*
 * insn - is all of a module's code plain integer code (I7)?
 *
 * Every executable section is decoded from its first byte to its last. An instruction is
 * accepted if it stands on the allow-list, uses general registers only, reaches memory
 * without fs and gs, and carries no prefix that has no business there; bytes that do not
 * decode are refused. Direct branches must go to the beginning of an instruction that was
 * seen, and relocations may change displacements and immediates, never an opcode: so
 * what was read is what will run.
 *
 * What this does not prove: an indirect jump may go anywhere, also into the middle of an
 * instruction. The compiler does not make such, the page table keeps them within text.
 */
#pragma once

#include "object.h"
#include "tool.h"

/* @privileged: it may read gs:[0]. @count: out: instructions seen. False, with a message,
 * when capstone cannot be used. */
THS_MUST_CHECK bool insn_check(const struct object *object, bool privileged,
			       struct findings *findings, unsigned *count);
