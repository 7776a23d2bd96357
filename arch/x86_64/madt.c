/*
 * madt - which processors there are, by ACPI's Multiple APIC Description Table.
 *
 * A list of records, each with its type and length (ACPI Specification 6.4, 5.2.12). Two
 * types say that there is a processor, a third where the local APICs are if not where the
 * table's head says. As they are driven through memory (xAPIC), processors are numbered
 * by 8 bits; others are counted and left alone. A table in which one record cannot be is
 * not believed at all: the machine goes on with the processor it has.
 */
#include "boot_info.h"

#define HEAD         44u /* with address and flags; from there on records */
#define HEAD_ADDRESS 36u
#define ENABLED      1u
#define APIC_ID_NONE 0xffu /* means all of them */

enum { RECORD_LAPIC = 0, RECORD_ADDRESS = 5, RECORD_X2APIC = 9 };

static uint32_t length_of(uint8_t type)
{
	return type == RECORD_LAPIC     ? 8
	       : type == RECORD_ADDRESS ? 12
	       : type == RECORD_X2APIC  ? 16
					: 2;
}

static bool has(const struct ths_x86_cpus *cpus, uint32_t apic_id)
{
	for (unsigned i = 0; i < cpus->count; i++)
		if (cpus->apic_id[i] == apic_id)
			return true;
	return false;
}

/* The first place is kept for @self, whenever it comes. */
static const char *add(struct ths_x86_cpus *cpus, uint32_t apic_id, uint32_t self,
		       bool *self_seen)
{
	if (apic_id >= APIC_ID_NONE) {
		cpus->more++;
	} else if (apic_id == self) {
		if (*self_seen)
			return "a processor stands there twice";
		*self_seen = true;
	} else if (has(cpus, apic_id)) {
		return "a processor stands there twice";
	} else if (cpus->count == THS_CPU_MAX) {
		cpus->more++;
	} else {
		cpus->apic_id[cpus->count++] = apic_id;
	}
	return NULL;
}

static const char *take(struct ths_x86_cpus *cpus, const uint8_t *record, uint32_t self,
			bool *self_seen)
{
	switch (record[0]) {
	case RECORD_LAPIC:
		return ths_x86_acpi_number(record + 4, 4) & ENABLED
			       ? add(cpus, record[3], self, self_seen)
			       : NULL;
	case RECORD_X2APIC:
		return ths_x86_acpi_number(record + 8, 4) & ENABLED
			       ? add(cpus, (uint32_t)ths_x86_acpi_number(record + 4, 4),
				     self, self_seen)
			       : NULL;
	case RECORD_ADDRESS:
		cpus->lapic = ths_x86_acpi_number(record + 4, 8);
		return NULL;
	default:
		return NULL;
	}
}

static const char *take_all(struct ths_x86_cpus *cpus, const uint8_t *madt,
			    uint32_t length, uint32_t self)
{
	bool self_seen = false;

	cpus->lapic = ths_x86_acpi_number(madt + HEAD_ADDRESS, 4);
	for (uint32_t at = HEAD; at < length; at += madt[at + 1]) {
		const char *wrong;

		if (length - at < 2 || madt[at + 1] < length_of(madt[at]) ||
		    madt[at + 1] > length - at)
			return "a record is of an impossible length";
		wrong = take(cpus, madt + at, self, &self_seen);
		if (wrong)
			return wrong;
	}
	if (!self_seen)
		return "the processor that runs does not stand there";
	if (cpus->lapic == 0 || cpus->lapic % THS_PAGE_SIZE)
		return "the local APIC's address is impossible";
	return NULL;
}

const char *ths_x86_madt_parse(const struct ths_x86_window *window, uint64_t rsdp,
			       uint32_t self, struct ths_x86_cpus *cpus)
{
	const struct ths_x86_cpus alone = {.count = 1, .apic_id = {self}};
	const uint8_t *madt;
	uint32_t length;
	const char *wrong;

	*cpus = alone;
	wrong = ths_x86_acpi_find(window, rsdp, "APIC", HEAD, &madt, &length);
	if (wrong)
		return wrong;
	wrong = take_all(cpus, madt, length, self);
	if (wrong)
		*cpus = alone;
	return wrong;
}
