/*
 * place - see place.h.
 *
 * An address is "0x" with hexadecimal digits, or 16 of these alone, as registers are
 * printed. Whether it is anybody's is asked later; numbers that are none cost nothing.
 */
#include "place.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789abcdef"

/* How many bytes of @from are an address; 0: none begins here. */
static size_t address_length(const char *from, uint64_t *address)
{
	size_t prefix = strncmp(from, "0x", 2) == 0 ? 2 : 0;
	size_t digits = strspn(from + prefix, DIGITS);

	if (digits == 0 || digits > 16 || (prefix == 0 && digits != 16) ||
	    isalnum((unsigned char)from[prefix + digits]))
		return 0;
	*address = strtoull(from + prefix, NULL, 16);
	return prefix + digits;
}

/* "  #1 ? 0x…": each but #0, which is where the trap came, is a return address. */
static bool is_call_of_backtrace(const char *line)
{
	unsigned number;

	return sscanf(line, " #%u", &number) == 1 && number > 0;
}

bool place_next(const char *line, size_t *at, struct place *place)
{
	size_t length = 0;
	int used = 0;

	memset(place, 0, sizeof(*place));
	for (; line[*at] != '\0'; (*at)++) {
		bool starts = *at == 0 || (!isalnum((unsigned char)line[*at - 1]) &&
					   strchr("+_.", line[*at - 1]) == NULL);

		if (starts && (length = address_length(line + *at, &place->address)) != 0)
			break;
	}
	if (length == 0)
		return false;
	*at += length;
	place->returns = is_call_of_backtrace(line);
	if (sscanf(line + *at, " %63[^ +\r\n]+0x%lx%n", place->function, &place->offset, &used) < 2) {
		place->function[0] = '\0';
		return true;
	}
	*at += (size_t)used;
	used = 0;
	if (sscanf(line + *at, " [%31[^] +]+0x%lx %8[" DIGITS "]]%n", place->module, &place->text,
		   place->digest, &used) == 3 && used > 0)
		*at += (size_t)used;
	else
		place->module[0] = '\0';
	return true;
}
