/*
 * report - how much state does an object file hold, and whose is it?
 *
 * For any ELF64 object or archive: ours, a kernel module, a library. It judges nothing.
 */
#pragma once

#include "tool.h"

/* Writes the report on @path to standard output: as text, or as one JSON object with
 * @json. @total: out: the writable bytes. False, with a message: not such a file. */
THS_MUST_CHECK bool report_file(const char *path, const struct tool_file *file, bool json,
				uint64_t *total);
