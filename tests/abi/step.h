/*
 * step - whether what changed between two listings of signatures.c took the version step
 * that theseus-abi(7) asks for, each thing having one version of its own.
 *
 * Invariants
 *   V1  What was there is there still, as it was, or its version is higher: THS_ABI for
 *       what has no version in its name; else the version in the name.
 *   V2  What is new needs no step. A table, a blob or an interface may go.
 */
#pragma once

#include "check/tool.h"

/**
 * step_compare() - say what took no step, a line each, with the step it needs
 * @old_path, @new_path: two listings
 *
 * Return: TOOL_OK there is nothing to say; TOOL_REFUSED; TOOL_UNREADABLE.
 */
THS_MUST_CHECK enum tool_status step_compare(const char *old_path, const char *new_path);
