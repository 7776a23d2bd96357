/*
 * tmod_image - the module files that the build made, in memory, for the tests of tmod.
 *
 * What is damaged is sealed anew where a check other than the digest is meant, and lies
 * in memory of exactly its size, so that the address sanitizer sees each byte too many.
 */
#pragma once

#include "suite.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/module.h>
#include <theseus/tmod.h>

struct image {
	uint8_t *data;
	size_t size;
};

/* Of the file last opened. */
static struct ths_reason reason;
static struct ths_tmod tmod;

/* @top: "top_builddir" or "top_srcdir", by which the environment names it. */
static struct image image_in(const char *top, const char *folder, const char *name)
{
	const char *there = getenv(top);
	struct image image = {malloc(1u << 20), 0};
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s.tmod", there == NULL ? "." : there, folder,
		 name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s cannot be read", path);
	image.size = fread(image.data, 1, 1u << 20, file);
	fclose(file);
	image.data = realloc(image.data, image.size);
	ck_assert_ptr_nonnull(image.data);
	return image;
}

THS_UNUSED static struct image image_from(const char *folder, const char *name)
{
	return image_in("top_builddir", folder, name);
}

THS_UNUSED static struct image image_read(const char *name)
{
	return image_from("fixtures", name);
}

THS_UNUSED static struct image image_copy(const struct image *from, size_t size)
{
	struct image image = {malloc(size == 0 ? 1 : size), size};

	memcpy(image.data, from->data, size < from->size ? size : from->size);
	return image;
}

static Elf64_Ehdr *header_of(struct image *image)
{
	return (Elf64_Ehdr *)(void *)image->data;
}

static Elf64_Shdr *section_of(struct image *image, size_t i)
{
	return (Elf64_Shdr *)(void *)(image->data + header_of(image)->e_shoff) + i;
}

static const char *name_of(struct image *image, size_t i)
{
	Elf64_Shdr *names = section_of(image, header_of(image)->e_shstrndx);

	return (const char *)image->data + names->sh_offset +
	       section_of(image, i)->sh_name;
}

THS_UNUSED static size_t section_named(struct image *image, const char *name)
{
	for (size_t i = 1; i < header_of(image)->e_shnum; i++)
		if (strcmp(name_of(image, i), name) == 0)
			return i;
	ck_abort_msg("no section %s", name);
	return 0;
}

/* Seals what was changed, so that the digest is not what refuses it, and opens it. */
THS_UNUSED static enum ths_err reopen(struct image *image)
{
	enum ths_err err;

	memset(&reason, 0, sizeof(reason));
	err = ths_tmod_seal(image->data, image->size, &reason);
	return err != THS_OK ? err
			     : ths_tmod_open(&tmod, image->data, image->size, &reason);
}
