/*
 * symbols - which function, of which module, an address lies in.
 *
 * Modules bring their symbol tables; the kernel's own are the archive's file `kernel.sym`,
 * lines "ADDRESS NAME" in ascending order, written by theseus-image.
 */
#include <theseus/fmt.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

static struct {
	char name[64];
} found; /* one answer at a time: for a machine that prints where it died */

static uint64_t parse_hex(const char **at, const char *end)
{
	uint64_t value = 0;

	for (; *at < end; (*at)++) {
		char c = **at;
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 16;

		if (digit == 16)
			break;
		value = value << 4 | digit;
	}
	return value;
}

/* Of a line that another follows. */
static void keep_name(const char *at)
{
	size_t i = 0;

	for (; *at != '\n' && i + 1 < sizeof(found.name); at++)
		found.name[i++] = *at;
	found.name[i] = 0;
}

static bool find_in_kernel(uint64_t pc, const char **function, uint64_t *offset)
{
	const void *data;
	size_t size;
	const char *at, *end, *best = NULL;
	uint64_t best_address = 0;

	if (ths_archive_find("kernel.sym", &data, &size))
		return false;
	at = data;
	for (end = at + size; at < end; at++) {
		uint64_t address = parse_hex(&at, end);

		if (address > pc)
			break;
		if (at < end && *at == ' ') {
			best = at + 1;
			best_address = address;
		}
		while (at < end && *at != '\n')
			at++;
	}
	if (!best || at >= end) /* beyond the last symbol: nobody's */
		return false;
	keep_name(best);
	*function = found.name;
	*offset = pc - best_address;
	return true;
}

/* Which of the modules that are loaded. NULL: none. */
static const struct ths_instance *find_instance(uint64_t pc)
{
	for (unsigned i = 0; i < ths_instances(); i++) {
		const struct ths_instance *instance = &ths_core.instance[i];

		if (instance->state != THS_INSTANCE_FREE && instance->tmod.image &&
		    pc >= instance->text && pc - instance->text < instance->text_size)
			return instance;
	}
	return NULL;
}

bool ths_symbolize(uint64_t pc, const char **function, uint64_t *offset, const char **module)
{
	const struct ths_instance *instance = find_instance(pc);

	*module = instance ? instance->name : NULL;
	if (!instance)
		return find_in_kernel(pc, function, offset);
	*function = ths_tmod_symbol(&instance->tmod, pc - instance->text, offset);
	if (!*function)
		*function = "?";
	return true;
}

size_t ths_place_format(char *buf, size_t size, uint64_t pc, unsigned back)
{
	const struct ths_instance *instance = find_instance(pc - back);
	static const uint8_t unknown[4];
	const char *function, *module;
	const uint8_t *digest = instance ? instance->module->digest : NULL;
	uint64_t offset = 0;

	if (!ths_symbolize(pc - back, &function, &offset, &module))
		return ths_format(buf, size, "0x%016lx", pc);
	if (!instance)
		return ths_format(buf, size, "0x%016lx %s+0x%lx", pc, function, offset + back);
	if (!digest)
		digest = unknown;
	return ths_format(buf, size, "0x%016lx %s+0x%lx [%s+0x%lx %02x%02x%02x%02x]", pc, function,
			  offset + back, instance->name, pc - instance->text, digest[0],
			  digest[1], digest[2], digest[3]);
}
