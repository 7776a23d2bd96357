/*
 * archive - a "newc" archive in memory, a file at a time, as a boot loader brings it.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <theseus/attr.h>

#define ARCHIVE_TRAILER "TRAILER!!!"

/* Puts a file at @at, a multiple of 4; returns where the next one goes. */
THS_INLINE size_t archive_add(uint8_t *archive, size_t at, const char *name,
			      const void *data, size_t size)
{
	int length = snprintf((char *)archive + at, 256, "070701%08x%08x%032x%08x%032x%08x%08x%s",
			      1u, 0100644u, 0u, (unsigned)size, 0u,
			      (unsigned)strlen(name) + 1, 0u, name);

	for (at += (size_t)length, archive[at++] = 0; at % 4; at++)
		archive[at] = 0;
	memcpy(archive + at, data, size);
	for (at += size; at % 4; at++)
		archive[at] = 0;
	return at;
}
