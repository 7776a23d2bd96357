/*
 * manifest_impl - what manifest.c and manifest_check.c share.
 */
#pragma once

#include <theseus/manifest.h>

/* Writes the sentence; returns @err. */
enum ths_err ths_manifest_fail(struct ths_manifest *manifest, enum ths_err err,
			       const char *fmt, ...) THS_PRINTF(3, 4);

/* As ths_manifest_next(), but a line is not compared with those before it. */
THS_MUST_CHECK enum ths_err ths_manifest_next_line(struct ths_manifest *manifest,
						   struct ths_manifest_item *item);

/* Whether a line before @item's says the same already (N4). */
THS_MUST_CHECK enum ths_err
ths_manifest_check_again(struct ths_manifest *manifest,
			 const struct ths_manifest_item *item);
