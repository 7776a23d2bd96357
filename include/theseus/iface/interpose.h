/*
 * interpose - a module that stands before another's operations, whichever they are.
 *
 * A tracer, a filter, a fault injector: it provides interpose/1, whose one operation is
 * called in the place of any operation of the binding it is put before
 * (ths_interpose(), nano_core.h), with that operation's arguments. It passes the call on
 * by ths_forward(call, NULL), or answers itself. Neither clients nor the provider notice,
 * and no code is needed per interface.
 *
 * Invariants
 *   P1  Device operations are not interposed: they go by (P19 of the protocol).
 *   P2  What an interposer and those behind it do is one interaction: its rows change iff
 *       the call succeeds.
 *
 * An interposer's own rows should be per-CPU: rows that all calls write make all calls
 * conflict. A call it passed on that returned THS_E_AGAIN should be answered with that
 * before anything is written, or the client sleeps on the interposer's rows too.
 *
 * See theseus-patterns(7); modules/trace is one.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

/* The arguments of whatever was called: as many words as the operation has. */
struct interpose_any {
	uint64_t word[THS_ARGS_MAX / 8];
};

#define INTERPOSE_OPS(OP) OP(interpose, any, struct interpose_any, 0)
THS_INTERFACE(interpose, 1, INTERPOSE_OPS)
