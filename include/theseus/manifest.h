/*
 * manifest - the text that says which modules make an OS and what is bound to what.
 *
 * A dozen lines, read by theseus-image on the host and by nano_core at boot, with this
 * one reader. A word a directive, a directive a line; theseus-manifest(5) has the
 * grammar. Nothing is allocated: the reader is an iterator over the lines, and looks at
 * earlier lines again to find what is said twice.
 *
 * Invariants
 *   N1  Whatever the bytes are, none outside the text is read.
 *   N2  An item returned is well-formed: names are terminated, not empty and within
 *       their limits, numbers in range.
 *   N3  Every error has the line and a sentence; reading can go on behind it.
 *   N4  Nothing is said twice: a binding, an instance, a domain, the os, the command
 *       line; the second one is THS_E_EXIST and names the line of the first.
 *
 * Use: ths_manifest_check() first, for the whole; then ths_manifest_init() and
 * ths_manifest_next() until THS_E_NOENT.
 * See theseus-manifest(5); tests/unit/base/manifest_test.c shows N1-N4.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

#define THS_MANIFEST_NAME_MAX 31    /* characters of a name */
#define THS_MANIFEST_FILE_MAX 63    /* characters of a file name in the archive */
#define THS_MANIFEST_TEXT_MAX 255   /* characters of the command line */
#define THS_MANIFEST_MAX      65536 /* bytes of a manifest */

enum ths_manifest_kind {
	THS_MANIFEST_OS,      /* os NAME VERSION */
	THS_MANIFEST_MODULE,  /* module ID [from FILE] [as NAME] */
	THS_MANIFEST_BIND,    /* bind IFACE[/VERSION] [NAME] = INSTANCE */
	THS_MANIFEST_VITAL,   /* vital IFACE */
	THS_MANIFEST_PROGRAM, /* program NAME */
	THS_MANIFEST_CMDLINE, /* cmdline TEXT */
	THS_MANIFEST_DOMAIN,  /* domain NAME: INSTANCE... */
};

/* One directive. What a kind does not have is empty or 0. */
struct ths_manifest_item {
	enum ths_manifest_kind kind;
	uint32_t line; /* from 1 */
	/* os, program, domain: the name. module: the instance, as it is bound. bind,
	 * vital: the interface. */
	char name[THS_MANIFEST_NAME_MAX + 1];
	char id[THS_MANIFEST_NAME_MAX + 1]; /* module: its id. bind: the instance */
	char as[THS_MANIFEST_NAME_MAX + 1]; /* bind: the instance name, "" by default */
	char release[THS_MANIFEST_NAME_MAX + 1]; /* os: its version */
	char file[THS_MANIFEST_FILE_MAX + 1];    /* module: in the archive; ID.tmod */
	uint32_t version;                        /* bind: of the interface; 0: any */
	uint32_t text_len;
	const char *text; /* cmdline: the text. domain: the members; see word() */
};

struct ths_manifest {
	const char *text;
	size_t size;
	size_t at;      /* offset of the next line */
	uint32_t line;  /* of the item or the error last returned, from 1 */
	char what[160]; /* after an error: a sentence without a full stop; else "" */
};

/**
 * ths_manifest_init() - stand before the first line
 * @text: need not be terminated; may be NULL when @size is 0
 *
 * Context: any.
 */
void ths_manifest_init(struct ths_manifest *manifest, const void *text, size_t size);

/**
 * ths_manifest_next() - the next directive
 * @item: out; undefined after an error
 *
 * Context: any; the n-th directive costs n steps (N4).
 * Return:  THS_OK;
 *          THS_E_NOENT   there was none;
 *          THS_E_FORMAT  line @manifest->line is malformed: @manifest->what; the next
 *                        call goes on behind it;
 *          THS_E_EXIST   it says again what an earlier line said; likewise;
 *          THS_E_SIZE    the text is longer than THS_MANIFEST_MAX.
 */
THS_MUST_CHECK enum ths_err ths_manifest_next(struct ths_manifest *manifest,
					      struct ths_manifest_item *item);

/**
 * ths_manifest_word() - the members of a domain, one by one
 * @item: of kind THS_MANIFEST_DOMAIN
 * @at:   in and out: 0 for the first
 * @word: out
 *
 * Context: any.
 * Return:  THS_OK;
 *          THS_E_NOENT  there was none.
 */
THS_MUST_CHECK enum ths_err ths_manifest_word(const struct ths_manifest_item *item,
					      uint32_t *at,
					      char word[THS_MANIFEST_NAME_MAX + 1]);

/**
 * ths_manifest_check() - the whole manifest, and whether its lines fit each other
 * @manifest: out: where and what, after an error
 *
 * Beyond what each line must hold: there is an `os` line; bindings and domains name
 * instances that a `module` line makes, no instance is in two domains, and what is vital
 * is bound.
 *
 * Context: any.
 * Return:  THS_OK;
 *          THS_E_NOENT  a line names what no line makes, or there is no `os` line;
 *          the first error ths_manifest_next() has, otherwise.
 */
THS_MUST_CHECK enum ths_err ths_manifest_check(struct ths_manifest *manifest,
					       const void *text, size_t size);
