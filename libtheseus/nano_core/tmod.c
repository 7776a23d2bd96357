/*
 * tmod - reads a module file and refuses whatever is not exactly one (tmod.h: E1-E7).
 *
 * The file comes from an archive, an upload, a fuzzer. So it is read in steps, and each
 * step relies only on what the steps before it proved:
 *
 *	header → section headers → bounds, no overlaps → symbols → no writable byte
 *	→ digest → relocations → descriptor → layouts
 *
 * Whatever gets through can be placed and linked (tmod_link.c) without another check of
 * an offset. Sums are never formed before it is known that they cannot wrap:
 *`tmod_within()` is the one way to ask whether a piece lies in a whole.
 *
 * The digest comes late on purpose: it would refuse every damaged file, but say of none
 * what is wrong with it.
 *
 * Cost: one pass over sections, symbols, relocations each, the pairs of sections (a
 * module has about ten) and the digest, which is nine tenths of it.
 */
#include "nano_core/tmod_impl.h"

#include <stdarg.h>
#include <theseus/bits.h>
#include <theseus/digest.h>
#include <theseus/fmt.h>

#define PAGE      4096u
#define SPILL_MAX (1u << 20) /* bytes without contents that the control may have */

enum ths_err ths_tmod_refuse(struct ths_reason *reason, enum ths_err err, const char *fmt,
			     ...)
{
	va_list args;

	if (reason == NULL)
		return err;
	va_start(args, fmt);
	ths_vformat(reason->text, sizeof(reason->text), fmt, args);
	va_end(args);
	return err;
}

/* ---- header and section headers ------------------------------------------------- */

static enum ths_err header_check(struct ths_tmod *tmod, struct ths_reason *reason)
{
	static const uint8_t ident[EI_VERSION + 1] = {
		ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
	Elf64_Ehdr header;

	if (tmod->size < sizeof(header))
		return ths_tmod_refuse(
			reason, THS_E_FORMAT,
			"truncated: the ELF header ends at 0x40, file at 0x%zx",
			tmod->size);
	memcpy(&header, tmod->image, sizeof(header));
	if (memcmp(header.e_ident, ident, sizeof(ident)) != 0)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "not a little-endian ELF64 file");
	if (header.e_type != ET_REL || header.e_machine != EM_X86_64)
		return ths_tmod_refuse(
			reason, THS_E_FORMAT,
			"not a relocatable file for x86_64 (type %u, machine %u)",
			header.e_type, header.e_machine);
	if (header.e_ehsize != sizeof(header) || header.e_phnum != 0 ||
	    header.e_shentsize != sizeof(Elf64_Shdr))
		return ths_tmod_refuse(
			reason, THS_E_FORMAT,
			"malformed ELF header: header %u, section header %u bytes, "
			"%u program headers",
			header.e_ehsize, header.e_shentsize, header.e_phnum);
	if (header.e_shnum > THS_TMOD_SECTIONS_MAX)
		return ths_tmod_refuse(reason, THS_E_SIZE,
				       "%u sections, at most %u are taken",
				       header.e_shnum, THS_TMOD_SECTIONS_MAX);
	if (header.e_shnum < 2 || header.e_shstrndx == 0 ||
	    header.e_shstrndx >= header.e_shnum)
		return ths_tmod_refuse(
			reason, THS_E_FORMAT,
			"malformed ELF header: %u sections, names in section %u",
			header.e_shnum, header.e_shstrndx);
	if (!tmod_within(header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr),
			 tmod->size) ||
	    header.e_shoff < sizeof(header))
		return ths_tmod_refuse(
			reason, THS_E_FORMAT,
			"truncated: %u section headers at 0x%lx, file ends at 0x%zx",
			header.e_shnum, header.e_shoff, tmod->size);
	tmod->sections = header.e_shnum;
	return THS_OK;
}

static enum ths_err bounds_check(const struct ths_tmod *tmod, uint32_t i,
				 struct ths_reason *reason)
{
	Elf64_Shdr section = tmod_section(tmod, i);

	if (section.sh_type == SHT_NULL || section.sh_type == SHT_NOBITS)
		return THS_OK;
	if (section.sh_size > UINT64_MAX - section.sh_offset)
		return ths_tmod_refuse(
			reason, THS_E_FORMAT,
			"section header %u: 0x%lx bytes at 0x%lx wrap around", i,
			section.sh_size, section.sh_offset);
	if (!tmod_within(section.sh_offset, section.sh_size, tmod->size))
		return ths_tmod_refuse(
			reason, THS_E_FORMAT,
			"truncated: section header %u ends at 0x%lx, file at 0x%zx", i,
			(section.sh_offset + section.sh_size), tmod->size);
	return THS_OK;
}

/* A string table is one if it ends in a NUL: then every string in it does. */
static enum ths_err strings_check(const struct ths_tmod *tmod, uint32_t i,
				  struct ths_reason *reason)
{
	Elf64_Shdr table = tmod_section(tmod, i);

	if (table.sh_type != SHT_STRTAB || table.sh_size == 0 ||
	    tmod->image[table.sh_offset + table.sh_size - 1] != '\0')
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "section header %u is not a string table", i);
	return THS_OK;
}

static enum ths_err kind_check(struct ths_tmod *tmod, uint32_t i,
			       struct ths_reason *reason)
{
	const uint64_t known = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR | SHF_MERGE |
			       SHF_STRINGS | SHF_INFO_LINK;
	Elf64_Shdr section = tmod_section(tmod, i);
	const char *name = tmod_section_name(tmod, i);
	bool allocated = (section.sh_flags & SHF_ALLOC) != 0;

	if ((section.sh_flags & ~known) != 0)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "%s: section flags 0x%lx are refused", name,
				       section.sh_flags);
	switch (section.sh_type) {
	case SHT_PROGBITS:
	case SHT_NOBITS:
	case SHT_NOTE:
		break;
	case SHT_SYMTAB:
	case SHT_RELA:
		if (allocated || section.sh_entsize == 0 ||
		    section.sh_size % section.sh_entsize != 0 ||
		    section.sh_entsize != (section.sh_type == SHT_RELA
						   ? sizeof(Elf64_Rela)
						   : sizeof(Elf64_Sym)))
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "%s: malformed table of %lu-byte entries",
					       name, section.sh_entsize);
		break;
	case SHT_NULL:
	case SHT_STRTAB:
		if (allocated)
			return ths_tmod_refuse(reason, THS_E_FORMAT, "%s: allocated",
					       name);
		break;
	default:
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "%s: section type 0x%x is refused", name,
				       section.sh_type);
	}
	if (section.sh_type == SHT_SYMTAB) {
		if (tmod->symtab != 0)
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "%s: a second symbol table", name);
		tmod->symtab = i;
	}
	if (allocated && (section.sh_addralign & (section.sh_addralign - 1)) != 0)
		return ths_tmod_refuse(reason, THS_E_FORMAT, "%s: alignment 0x%lx", name,
				       section.sh_addralign);
	if (allocated && section.sh_addralign > PAGE)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "%s: alignment 0x%lx, more than a page", name,
				       section.sh_addralign);
	return THS_OK;
}

/* The bytes of the file that section @i takes up; section 0 stands for the table of
 * section headers, which has no header of its own. */
static uint64_t extent(const struct ths_tmod *tmod, uint32_t i, uint64_t *from)
{
	Elf64_Shdr section = tmod_section(tmod, i);
	Elf64_Off table;

	if (i == 0) {
		memcpy(&table, tmod->image + offsetof(Elf64_Ehdr, e_shoff),
		       sizeof(table));
		*from = table;
		return (uint64_t)tmod->sections * sizeof(section);
	}
	*from = section.sh_offset;
	return section.sh_type == SHT_NULL || section.sh_type == SHT_NOBITS
		       ? 0
		       : section.sh_size;
}

/* No byte of the file has two meanings: sections lie apart from each other, from the
 * header and from the section headers. */
static enum ths_err overlap_check(const struct ths_tmod *tmod, struct ths_reason *reason)
{
	for (uint32_t i = 1; i < tmod->sections; i++) {
		uint64_t from, size = extent(tmod, i, &from);

		if (size == 0)
			continue;
		if (from < sizeof(Elf64_Ehdr))
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "%s overlaps the ELF header",
					       tmod_section_name(tmod, i));
		for (uint32_t k = 0; k < i; k++) {
			uint64_t other, length = extent(tmod, k, &other);

			if (length == 0 || from >= other + length || other >= from + size)
				continue;
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "%s overlaps %s at 0x%lx",
					       tmod_section_name(tmod, i),
					       k == 0 ? "the section headers"
						      : tmod_section_name(tmod, k),
					       from > other ? from : other);
		}
		tmod_work(50 * (uint64_t)i);
	}
	return THS_OK;
}

static enum ths_err sections_check(struct ths_tmod *tmod, struct ths_reason *reason)
{
	Elf64_Half names;

	for (uint32_t i = 0; i < tmod->sections; i++)
		THS_TRY(bounds_check(tmod, i, reason));
	memcpy(&names, tmod->image + offsetof(Elf64_Ehdr, e_shstrndx), sizeof(names));
	THS_TRY(strings_check(tmod, names, reason));
	for (uint32_t i = 0; i < tmod->sections; i++) {
		THS_TRY(kind_check(tmod, i, reason));
		tmod_work(400);
	}
	return overlap_check(tmod, reason);
}

/* ---- symbols -------------------------------------------------------------------- */

static enum ths_err symbol_check(const struct ths_tmod *tmod, const Elf64_Sym *symbol,
				 struct ths_reason *reason)
{
	const char *name = tmod_symbol_name(tmod, symbol);
	Elf64_Shdr home;

	switch (ELF64_ST_TYPE(symbol->st_info)) {
	case STT_FILE:
		return THS_OK;
	case STT_NOTYPE:
	case STT_OBJECT:
	case STT_FUNC:
	case STT_SECTION:
		break;
	case STT_COMMON:
		return ths_tmod_refuse(reason, THS_E_SPILL,
				       "COMMON: %lu writable bytes (%s)", symbol->st_size,
				       name);
	default:
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "symbol %s: type %u is refused", name,
				       ELF64_ST_TYPE(symbol->st_info));
	}
	if (symbol->st_shndx == SHN_UNDEF)
		return THS_OK;
	if (symbol->st_shndx == SHN_COMMON)
		return ths_tmod_refuse(reason, THS_E_SPILL,
				       "COMMON: %lu writable bytes (%s)", symbol->st_size,
				       name);
	if (symbol->st_shndx >= tmod->sections)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "symbol %s: section %u is refused", name,
				       symbol->st_shndx);
	home = tmod_section(tmod, symbol->st_shndx);
	if (!tmod_within(symbol->st_value, symbol->st_size, home.sh_size))
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "symbol %s: 0x%lx bytes at 0x%lx, beyond %s", name,
				       symbol->st_size, symbol->st_value,
				       tmod_section_name(tmod, symbol->st_shndx));
	return THS_OK;
}

static enum ths_err symbols_check(struct ths_tmod *tmod, struct ths_reason *reason)
{
	Elf64_Shdr table, names;

	if (tmod->symtab == 0)
		return ths_tmod_refuse(reason, THS_E_FORMAT, "no symbol table");
	table = tmod_section(tmod, tmod->symtab);
	if (table.sh_link == 0 || table.sh_link >= tmod->sections)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "symbol table: names in section %u",
				       table.sh_link);
	THS_TRY(strings_check(tmod, table.sh_link, reason));
	tmod->strtab = table.sh_link;
	names = tmod_section(tmod, tmod->strtab);
	for (uint64_t i = 0; i < table.sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol = tmod_symbol(tmod, &table, i);

		if (symbol.st_name >= names.sh_size)
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "symbol %lu: its name lies outside %s", i,
					       tmod_section_name(tmod, tmod->strtab));
		THS_TRY(symbol_check(tmod, &symbol, reason));
		tmod_work(150);
	}
	return THS_OK;
}

/* ---- placing, and E1 ------------------------------------------------------------ */

/* Names who lives in writable section @i: `.data: 24 writable bytes (a, b)`. */
static enum ths_err spill_refuse(const struct ths_tmod *tmod, uint32_t i,
				 struct ths_reason *reason)
{
	Elf64_Shdr section = tmod_section(tmod, i),
		   table = tmod_section(tmod, tmod->symtab);
	char who[96] = "";

	for (uint64_t k = 0; k < table.sh_size / sizeof(Elf64_Sym); k++) {
		Elf64_Sym symbol = tmod_symbol(tmod, &table, k);
		size_t len = ths_strlen(who);

		if (symbol.st_shndx == i && symbol.st_size != 0)
			ths_format(who + len, sizeof(who) - len, "%s%s",
				   len == 0 ? "" : ", ", tmod_symbol_name(tmod, &symbol));
	}
	return ths_tmod_refuse(reason, THS_E_SPILL, "%s: %lu writable bytes%s%s%s",
			       tmod_section_name(tmod, i), section.sh_size,
			       who[0] == '\0' ? "" : " (", who,
			       who[0] == '\0' ? "" : ")");
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return align <= 1 ? value : (value + align - 1) & ~(align - 1);
}

/* Sums cannot wrap: sections in the file do not overlap, so they are smaller together
 * than the file, those without contents are small, and alignment adds at most a page. */
static enum ths_err section_place(struct ths_tmod *tmod, uint32_t i, bool writable,
				  struct ths_reason *reason)
{
	Elf64_Shdr section = tmod_section(tmod, i);
	uint64_t *end = &tmod->rodata_size;

	if (section.sh_type == SHT_NOBITS && (!writable || section.sh_size > SPILL_MAX))
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "%s: %lu bytes without contents",
				       tmod_section_name(tmod, i), section.sh_size);
	if ((section.sh_flags & SHF_EXECINSTR) != 0)
		end = &tmod->text_size;
	tmod->place[i] = align_up(*end, section.sh_addralign);
	*end = tmod->place[i] + section.sh_size;
	return THS_OK;
}

static enum ths_err place(struct ths_tmod *tmod, bool spilling, struct ths_reason *reason)
{
	for (uint32_t i = 0; i < tmod->sections; i++) {
		Elf64_Shdr section = tmod_section(tmod, i);
		bool writable = (section.sh_flags & SHF_WRITE) != 0;

		tmod->place[i] = TMOD_NO_PLACE;
		if ((section.sh_flags & SHF_ALLOC) == 0 || section.sh_size == 0)
			continue;
		if (writable && (!spilling || (section.sh_flags & SHF_EXECINSTR) != 0))
			return spill_refuse(tmod, i, reason);
		if (!writable)
			THS_TRY(section_place(tmod, i, false, reason));
	}
	for (uint32_t i = 0; spilling && i < tmod->sections; i++) {
		Elf64_Shdr section = tmod_section(tmod, i);

		if ((section.sh_flags & SHF_ALLOC) == 0 ||
		    (section.sh_flags & SHF_WRITE) == 0 || section.sh_size == 0)
			continue;
		if (tmod->spill == 0)
			tmod->spill = tmod->rodata_size =
				align_up(tmod->rodata_size, PAGE);
		THS_TRY(section_place(tmod, i, true, reason));
		tmod->spill_size = tmod->rodata_size - tmod->spill;
	}
	return THS_OK;
}

/* ---- digest and descriptor ------------------------------------------------------ */

#define DIGEST_SLICE 128u /* bytes at one go; 20 instructions each */

static void digest_update(struct ths_digest *state, const uint8_t *at, uint64_t size)
{
	for (; size > DIGEST_SLICE; at += DIGEST_SLICE, size -= DIGEST_SLICE) {
		ths_digest_update(state, at, DIGEST_SLICE);
		tmod_work(20 * DIGEST_SLICE);
	}
	ths_digest_update(state, at, size);
	tmod_work(20 * size);
}

/* E5: what the digest must be, and at which offset of the file it stands. */
static enum ths_err digest_compute(const struct ths_tmod *tmod,
				   uint8_t digest[THS_DIGEST_SIZE], uint64_t *at,
				   struct ths_reason *reason)
{
	static const uint8_t zero[THS_DIGEST_SIZE];
	struct ths_digest state;
	uint64_t offset = 0;

	for (uint32_t i = 1; i < tmod->sections; i++) {
		Elf64_Shdr section = tmod_section(tmod, i);

		if (!ths_streq(tmod_section_name(tmod, i), ".ths.digest"))
			continue;
		if (offset != 0)
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "two sections .ths.digest");
		if (section.sh_type != SHT_PROGBITS || section.sh_size != THS_DIGEST_SIZE)
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       ".ths.digest is not 32 bytes of data");
		offset = section.sh_offset;
	}
	if (offset == 0)
		return ths_tmod_refuse(reason, THS_E_FORMAT, "no section .ths.digest");
	ths_digest_init(&state);
	digest_update(&state, tmod->image, offset);
	digest_update(&state, zero, sizeof(zero));
	digest_update(&state, tmod->image + offset + sizeof(zero),
		      tmod->size - offset - sizeof(zero));
	ths_digest_final(&state, digest);
	*at = offset;
	return THS_OK;
}

static enum ths_err digest_check(const struct ths_tmod *tmod, struct ths_reason *reason)
{
	uint8_t digest[THS_DIGEST_SIZE];
	uint64_t at;

	THS_TRY(digest_compute(tmod, digest, &at, reason));
	if (memcmp(digest, tmod->image + at, sizeof(digest)) != 0)
		return ths_tmod_refuse(
			reason, THS_E_DIGEST,
			"the digest in .ths.digest is not that of the file");
	return THS_OK;
}

/* E4. The first two words, abi and size, are read before all else: the size, to know that
 * the whole of the descriptor lies in rodata; which abi it is is the loader's business. */
static enum ths_err descriptor_check(struct ths_tmod *tmod, struct ths_reason *reason)
{
	Elf64_Shdr table = tmod_section(tmod, tmod->symtab), home;
	const char *found = NULL;
	Elf64_Sym descriptor = {0};
	uint32_t words[2];

	for (uint64_t i = 0; i < table.sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol = tmod_symbol(tmod, &table, i);
		const char *name;

		tmod_work(50);
		if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL ||
		    symbol.st_shndx == SHN_UNDEF)
			continue;
		name = tmod_symbol_name(tmod, &symbol);
		if (!ths_str_starts(name, "ths_module_"))
			continue;
		if (found != NULL)
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "two descriptors: %s and %s", found, name);
		found = name;
		descriptor = symbol;
	}
	if (found == NULL)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "no descriptor: no global symbol ths_module_*");
	home = tmod_section(tmod, descriptor.st_shndx);
	if (tmod->place[descriptor.st_shndx] == TMOD_NO_PLACE ||
	    (home.sh_flags & (SHF_EXECINSTR | SHF_WRITE)) != 0 || descriptor.st_size < 8)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "%s is not an object in read-only data", found);
	memcpy(words, tmod->image + home.sh_offset + descriptor.st_value, sizeof(words));
	tmod->abi = words[0];
	tmod->descriptor_size = words[1];
	tmod->descriptor = tmod->place[descriptor.st_shndx] + descriptor.st_value;
	if (words[1] != descriptor.st_size || tmod->descriptor % 8 != 0)
		return ths_tmod_refuse(reason, THS_E_FORMAT,
				       "%s: says it has %u bytes, has %lu at 0x%lx",
				       found, words[1], descriptor.st_size, tmod->descriptor);
	return THS_OK;
}

/* E7. The text is used where it lies. */
static enum ths_err schema_check(struct ths_tmod *tmod, struct ths_reason *reason)
{
	for (uint32_t i = 1; i < tmod->sections; i++) {
		Elf64_Shdr section = tmod_section(tmod, i);

		if (!ths_streq(tmod_section_name(tmod, i), ".ths.schema"))
			continue;
		tmod_work(6 * section.sh_size);
		if (tmod->schema.text != NULL)
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       "two sections .ths.schema");
		if (section.sh_type != SHT_PROGBITS ||
		    (section.sh_flags & SHF_ALLOC) != 0 ||
		    ths_schema_open(&tmod->schema,
				    (const char *)tmod->image + section.sh_offset,
				    section.sh_size) != THS_OK)
			return ths_tmod_refuse(reason, THS_E_FORMAT,
					       ".ths.schema is not a text of layouts");
	}
	return THS_OK;
}

/* ---- what tmod.h declares ------------------------------------------------------- */

static enum ths_err structure_check(struct ths_tmod *tmod, const void *image, size_t size,
				    struct ths_reason *reason)
{
	memset(tmod, 0, sizeof(*tmod));
	tmod->image = image;
	tmod->size = size;
	THS_TRY(header_check(tmod, reason));
	THS_TRY(sections_check(tmod, reason));
	return symbols_check(tmod, reason);
}

static enum ths_err open_as(struct ths_tmod *tmod, const void *image, size_t size,
			    bool spilling, struct ths_reason *reason)
{
	THS_TRY(structure_check(tmod, image, size, reason));
	THS_TRY(place(tmod, spilling, reason));
	THS_TRY(digest_check(tmod, reason));
	THS_TRY(ths_tmod_relocations_check(tmod, reason));
	THS_TRY(descriptor_check(tmod, reason));
	return schema_check(tmod, reason);
}

enum ths_err ths_tmod_open(struct ths_tmod *tmod, const void *image, size_t size,
			   struct ths_reason *reason)
{
	return open_as(tmod, image, size, false, reason);
}

enum ths_err ths_tmod_open_spilling(struct ths_tmod *tmod, const void *image, size_t size,
				    struct ths_reason *reason)
{
	return open_as(tmod, image, size, true, reason);
}

enum ths_err ths_tmod_seal(void *image, size_t size, struct ths_reason *reason)
{
	uint8_t digest[THS_DIGEST_SIZE];
	struct ths_tmod tmod;
	uint64_t at;

	THS_TRY(structure_check(&tmod, image, size, reason));
	THS_TRY(digest_compute(&tmod, digest, &at, reason));
	memcpy((uint8_t *)image + at, digest, sizeof(digest));
	return THS_OK;
}
