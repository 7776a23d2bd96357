/*
 * trace - what the interposer `trace` writes down: table "trace.calls/1", a row per CPU.
 */
#pragma once

#include <stdint.h>

#define TRACE_OPS_MAX 32u

struct trace_calls {
	uint64_t count[TRACE_OPS_MAX]; /* calls that were committed, by operation */
};
