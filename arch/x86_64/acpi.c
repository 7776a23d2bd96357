/*
 * acpi - as much of ACPI's tables as it takes to switch off and to reset, and the way to
 * others (madt.c).
 *
 *   root pointer -> RSDT or XSDT -> FADT -> DSDT, in which \_S5_ says what to write
 *
 * (ACPI Specification 6.4, 5.2.5-5.2.11, 7.4.2.) Read once at boot, while low memory is
 * still mapped as a whole. No table is trusted: each lies in the window with the length
 * it claims, or is taken not to be there. AML is not interpreted: the package that
 * follows the name _S5_ holds constants in every firmware, and what does not look so is
 * passed over.
 */
#include "boot_info.h"

#define TABLE_MAX      (4u << 20)
#define BIOS_EBDA      0x40eu /* the segment of the extended data area */
#define BIOS_AREA      0xe0000u
#define BIOS_AREA_SIZE 0x20000u

struct header {
	char signature[4];
	uint32_t length;
	uint8_t rest[28];
};

/* Offsets in the FADT. */
enum {
	FADT_DSDT = 40,
	FADT_SMI = 48,
	FADT_ENABLE = 52,
	FADT_PM1A = 64,
	FADT_PM1B = 68,
	FADT_FLAGS = 112,
	FADT_RESET = 116,
	FADT_RESET_VALUE = 128,
	FADT_X_DSDT = 140,
};

#define FLAG_RESET (1u << 10)
#define IN_PORTS   1

uint64_t ths_x86_acpi_number(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

static bool sums_to_zero(const uint8_t *at, uint32_t length)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + at[i]);
	return sum == 0;
}

static bool same(const void *at, const char *text, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		if (((const char *)at)[i] != text[i])
			return false;
	return true;
}

/* The table at @paddr; NULL: it is another, or, and then *@wrong says so, it is damaged. */
static const uint8_t *table(const struct ths_x86_window *window, uint64_t paddr,
			    const char *signature, uint32_t *length, const char **wrong)
{
	const struct header *header = ths_x86_window_at(window, paddr, sizeof(*header));
	const uint8_t *bytes = (const uint8_t *)header;

	if (!header || paddr == 0 || !same(header, signature, 4))
		return NULL;
	*length = (uint32_t)ths_x86_acpi_number(bytes + 4, 4);
	if (*length < sizeof(*header) || *length > TABLE_MAX ||
	    !ths_x86_window_at(window, paddr, *length))
		*wrong = "a table is of an impossible length";
	else if (!sums_to_zero(bytes, *length))
		*wrong = "a table's checksum is wrong";
	else
		return bytes;
	return NULL;
}

static bool is_root(const uint8_t *root)
{
	return root && same(root, "RSD PTR ", 8) && sums_to_zero(root, 20);
}

/* From @from on, at every 16th byte. NULL: there is none. */
static const uint8_t *search_root(const struct ths_x86_window *window, uint64_t from,
				  uint64_t size)
{
	for (uint64_t at = 0; at + 20 <= size; at += 16) {
		const uint8_t *root = ths_x86_window_at(window, from + at, 20);

		if (is_root(root))
			return root;
	}
	return NULL;
}

/* Where a loader says, else where a BIOS leaves it (ACPI 6.4, 5.2.5.1): in the first KiB of
 * its extended data area, or in its own memory. */
static const uint8_t *find_root(const struct ths_x86_window *window, uint64_t rsdp)
{
	const uint8_t *segment, *root;

	if (rsdp != 0) {
		root = ths_x86_window_at(window, rsdp, 20);
		return is_root(root) ? root : NULL;
	}
	segment = ths_x86_window_at(window, BIOS_EBDA, 2);
	root = segment ? search_root(window, ths_x86_acpi_number(segment, 2) << 4, 1024)
		       : NULL;
	return root ? root : search_root(window, BIOS_AREA, BIOS_AREA_SIZE);
}

/* The list of tables: XSDT or, without a sound one, RSDT. *@size: bytes of an entry. */
static const uint8_t *find_list(const struct ths_x86_window *window, const uint8_t *root,
				uint32_t *length, unsigned *size, const char **wrong)
{
	const uint64_t at = (uint64_t)(root - window->base);
	const uint8_t *list = NULL;

	if (root[15] >= 2 && ths_x86_window_at(window, at, 36) && sums_to_zero(root, 36))
		list = table(window, ths_x86_acpi_number(root + 24, 8), "XSDT", length, wrong);
	*size = list ? 8 : 4;
	return list ? list
		    : table(window, ths_x86_acpi_number(root + 16, 4), "RSDT", length, wrong);
}

const char *ths_x86_acpi_find(const struct ths_x86_window *window, uint64_t rsdp,
			      const char *signature, uint32_t min, const uint8_t **found,
			      uint32_t *length)
{
	const uint8_t *root = find_root(window, rsdp), *list;
	const char *wrong = NULL;
	uint32_t list_length;
	unsigned size;

	if (!root)
		return "there is no root pointer, or it is damaged";
	list = find_list(window, root, &list_length, &size, &wrong);
	if (!list)
		return wrong ? wrong : "there is no list of tables";
	for (uint32_t at = sizeof(struct header); list_length - at >= size; at += size) {
		*found = table(window, ths_x86_acpi_number(list + at, size), signature, length,
			       &wrong);
		if (*found && *length >= min)
			return NULL;
	}
	return wrong ? wrong : "the table is not there, or too short";
}

/* One small constant of a package: its length in bytes, 0 if it is something else. */
static unsigned constant(const uint8_t *at, uint32_t left, uint8_t *value)
{
	if (left >= 1 && at[0] <= 1) {
		*value = at[0];
		return 1;
	}
	if (left >= 2 && at[0] == 0x0a) {
		*value = at[1];
		return 2;
	}
	return 0;
}

/* _S5_, package op, its length (1..4 bytes), number of elements, elements. */
static bool find_off(const uint8_t *dsdt, uint32_t length, uint8_t *a, uint8_t *b)
{
	for (uint32_t at = sizeof(struct header); length - at >= 8; at++) {
		const uint8_t *package = dsdt + at + 4;
		uint32_t skip, left;
		unsigned used;

		if (!same(dsdt + at, "_S5_", 4) || package[0] != 0x12)
			continue;
		skip = 1 + 1 + (package[1] >> 6u) + 1;
		left = length - at - 4;
		if (left <= skip)
			continue;
		used = constant(package + skip, left - skip, a);
		if (used && constant(package + skip + used, left - skip - used, b))
			return true;
	}
	return false;
}

void ths_x86_acpi_parse(const struct ths_x86_window *window, uint64_t rsdp,
			struct ths_x86_acpi *acpi)
{
	const uint8_t *fadt, *dsdt = NULL;
	const char *wrong;
	uint32_t length, dsdt_length;
	uint8_t a, b;

	*acpi = (struct ths_x86_acpi){0};
	if (ths_x86_acpi_find(window, rsdp, "FACP", FADT_FLAGS + 4, &fadt, &length))
		return;
	acpi->pm1a = (uint16_t)ths_x86_acpi_number(fadt + FADT_PM1A, 4);
	acpi->pm1b = (uint16_t)ths_x86_acpi_number(fadt + FADT_PM1B, 4);
	acpi->smi_port = (uint16_t)ths_x86_acpi_number(fadt + FADT_SMI, 4);
	acpi->smi_enable = fadt[FADT_ENABLE];
	if (length > FADT_RESET_VALUE && ths_x86_acpi_number(fadt + FADT_FLAGS, 4) & FLAG_RESET &&
	    fadt[FADT_RESET] == IN_PORTS) {
		acpi->reset_port = (uint16_t)ths_x86_acpi_number(fadt + FADT_RESET + 4, 8);
		acpi->reset_value = fadt[FADT_RESET_VALUE];
	}
	if (length >= FADT_X_DSDT + 8)
		dsdt = table(window, ths_x86_acpi_number(fadt + FADT_X_DSDT, 8), "DSDT",
			     &dsdt_length, &wrong);
	if (!dsdt)
		dsdt = table(window, ths_x86_acpi_number(fadt + FADT_DSDT, 4), "DSDT",
			     &dsdt_length, &wrong);
	if (dsdt && find_off(dsdt, dsdt_length, &a, &b)) {
		acpi->off_a = (uint16_t)((a & 7) << 10);
		acpi->off_b = (uint16_t)((b & 7) << 10);
		acpi->off_known = true;
	}
}
