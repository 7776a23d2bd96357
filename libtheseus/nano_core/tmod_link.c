/*
 * tmod_link - relocations: which are taken, what they are worth, and symbols by name.
 *
 * Invariants E2 and E3 of <theseus/tmod.h>. ths_tmod_relocations_check() proves, before
 * any byte is placed, that each relocation changes bytes of a loaded section and is worth
 * the address of something loaded or imported; ths_tmod_link() then only has to ask
 * whether the value fits its field.
 *
 * Names are looked up once per use, a few of them remembered: a module calls the same
 * dozen functions over and over. The table of published names, and its hashing, is the
 * resolver's.
 */
#include "nano_core/tmod_impl.h"

#define REMEMBERED 16u /* imported symbols whose value is kept while linking */

static const char *const reloc_names[] = {
	"R_X86_64_NONE",
	"R_X86_64_64",
	"R_X86_64_PC32",
	"R_X86_64_GOT32",
	"R_X86_64_PLT32",
	"R_X86_64_COPY",
	"R_X86_64_GLOB_DAT",
	"R_X86_64_JUMP_SLOT",
	"R_X86_64_RELATIVE",
	"R_X86_64_GOTPCREL",
	"R_X86_64_32",
	"R_X86_64_32S",
	"R_X86_64_16",
	"R_X86_64_PC16",
	"R_X86_64_8",
	"R_X86_64_PC8",
	"R_X86_64_DTPMOD64",
	"R_X86_64_DTPOFF64",
	"R_X86_64_TPOFF64",
	"R_X86_64_TLSGD",
	"R_X86_64_TLSLD",
	"R_X86_64_DTPOFF32",
	"R_X86_64_GOTTPOFF",
	"R_X86_64_TPOFF32",
	"R_X86_64_PC64",
	"R_X86_64_GOTOFF64",
	"R_X86_64_GOTPC32",
	"R_X86_64_GOT64",
	"R_X86_64_GOTPCREL64",
	"R_X86_64_GOTPC64",
	"R_X86_64_GOTPLT64",
	"R_X86_64_PLTOFF64",
	"R_X86_64_SIZE32",
	"R_X86_64_SIZE64",
	"R_X86_64_GOTPC32_TLSDESC",
	"R_X86_64_TLSDESC_CALL",
	"R_X86_64_TLSDESC",
	"R_X86_64_IRELATIVE",
	"R_X86_64_RELATIVE64",
	"?",
	"?",
	"R_X86_64_GOTPCRELX",
	"R_X86_64_REX_GOTPCRELX",
};

const char *ths_tmod_reloc_name(uint32_t kind)
{
	return kind < THS_ARRAY_SIZE(reloc_names) ? reloc_names[kind] : "?";
}

static enum ths_err rela_check(const struct ths_tmod *tmod, const Elf64_Shdr *target,
			       const char *where, const Elf64_Rela *rela,
			       const Elf64_Shdr *symtab, struct ths_reason *reason)
{
	uint32_t kind = ELF64_R_TYPE(rela->r_info);
	uint64_t index = ELF64_R_SYM(rela->r_info);
	unsigned width = tmod_reloc_width(kind);
	uint64_t at = rela->r_offset;
	Elf64_Sym symbol;

	if (width == 0 && ths_tmod_reloc_name(kind)[0] != '?')
		return ths_tmod_refuse(reason, THS_E_RELOC,
				       "relocation %s at %s+0x%lx is refused",
				       ths_tmod_reloc_name(kind), where, at);
	if (width == 0)
		return ths_tmod_refuse(reason, THS_E_RELOC,
				       "relocation of kind %u at %s+0x%lx is refused",
				       kind, where, at);
	if (!tmod_within(rela->r_offset, width, target->sh_size))
		return ths_tmod_refuse(
			reason, THS_E_RELOC,
			"relocation %s at %s+0x%lx lies outside its section",
			ths_tmod_reloc_name(kind), where, at);
	if (index == 0 || index >= symtab->sh_size / sizeof(symbol))
		return ths_tmod_refuse(reason, THS_E_RELOC,
				       "relocation %s at %s+0x%lx names no symbol",
				       ths_tmod_reloc_name(kind), where, at);
	symbol = tmod_symbol(tmod, symtab, index);
	if (ELF64_ST_TYPE(symbol.st_info) == STT_FILE ||
	    (symbol.st_shndx != SHN_UNDEF &&
	     (tmod_section(tmod, symbol.st_shndx).sh_flags & SHF_ALLOC) == 0))
		return ths_tmod_refuse(reason, THS_E_RELOC,
				       "relocation %s at %s+0x%lx: %s is not loaded",
				       ths_tmod_reloc_name(kind), where, at,
				       tmod_symbol_name(tmod, &symbol));
	return THS_OK;
}

enum ths_err ths_tmod_relocations_check(const struct ths_tmod *tmod,
					struct ths_reason *reason)
{
	Elf64_Shdr symtab = tmod_section(tmod, tmod->symtab);

	for (uint32_t i = 1; i < tmod->sections; i++) {
		Elf64_Shdr table = tmod_section(tmod, i), target;
		const char *where;

		if (table.sh_type != SHT_RELA || table.sh_size == 0)
			continue;
		if (table.sh_link != tmod->symtab || table.sh_info >= tmod->sections ||
		    tmod->place[table.sh_info] == TMOD_NO_PLACE)
			return ths_tmod_refuse(
				reason, THS_E_RELOC,
				"%s: relocates section %u, which is not loaded",
				tmod_section_name(tmod, i), table.sh_info);
		target = tmod_section(tmod, table.sh_info);
		where = tmod_section_name(tmod, table.sh_info);
		for (uint64_t k = 0; k < table.sh_size / sizeof(Elf64_Rela); k++) {
			Elf64_Rela rela = tmod_rela(tmod, &table, k);

			THS_TRY(rela_check(tmod, &target, where, &rela, &symtab, reason));
			tmod_work(120);
		}
	}
	return THS_OK;
}

/* ---- linking -------------------------------------------------------------------- */

struct link {
	const struct ths_tmod *tmod;
	uint8_t *text, *rodata;
	uint64_t text_at, rodata_at;
	ths_resolve_fn *resolve;
	void *ctx;
	struct ths_reason *reason;
	Elf64_Shdr symtab;
	struct {
		uint64_t index; /* of the symbol; 0: none */
		uint64_t value;
	} remembered[REMEMBERED];
};

static bool is_text(const Elf64_Shdr *section)
{
	return (section->sh_flags & SHF_EXECINSTR) != 0;
}

/* Sections ascend in both parts, so what lies before one is a gap not filled yet. */
static void sections_copy(const struct link *link)
{
	const struct ths_tmod *tmod = link->tmod;

	memset(link->text, 0xcc, tmod->text_size); /* int3: nothing falls into a gap */
	memset(link->rodata, 0, tmod->rodata_size);
	for (uint32_t i = 0; i < tmod->sections; i++) {
		Elf64_Shdr section;

		if (tmod->place[i] == TMOD_NO_PLACE)
			continue;
		section = tmod_section(tmod, i);
		if (section.sh_type == SHT_NOBITS)
			continue;
		memcpy((is_text(&section) ? link->text : link->rodata) + tmod->place[i],
		       tmod->image + section.sh_offset, section.sh_size);
		tmod_work(section.sh_size / 4);
	}
}

static enum ths_err symbol_value(struct link *link, uint64_t index, uint64_t *value)
{
	Elf64_Sym symbol = tmod_symbol(link->tmod, &link->symtab, index);
	unsigned slot = index % REMEMBERED;

	if (symbol.st_shndx != SHN_UNDEF) {
		Elf64_Shdr home = tmod_section(link->tmod, symbol.st_shndx);

		*value = (is_text(&home) ? link->text_at : link->rodata_at) +
			 link->tmod->place[symbol.st_shndx] + symbol.st_value;
		return THS_OK;
	}
	if (link->remembered[slot].index != index) {
		uint64_t found =
			link->resolve(link->ctx, tmod_symbol_name(link->tmod, &symbol));

		if (found == 0)
			return THS_E_SYMBOL;
		link->remembered[slot].index = index;
		link->remembered[slot].value = found;
	}
	*value = link->remembered[slot].value;
	return THS_OK;
}

/* Whether a value is the same again after having been cut to its field. */
static bool fits(uint32_t kind, uint64_t value)
{
	switch (kind) {
	case R_X86_64_64:
		return true;
	case R_X86_64_32:
		return value == (uint32_t)value;
	default:
		return value == (uint64_t)(int64_t)(int32_t)(uint32_t)value;
	}
}

/* One relocation, in section @i, whose bytes are @field and will run at @at. */
static enum ths_err relocate(struct link *link, uint32_t i, const Elf64_Rela *rela,
			     uint8_t *field, uint64_t at)
{
	uint32_t kind = ELF64_R_TYPE(rela->r_info);
	uint64_t index = ELF64_R_SYM(rela->r_info);
	Elf64_Sym symbol;
	uint64_t value;

	if (symbol_value(link, index, &value) != THS_OK) {
		symbol = tmod_symbol(link->tmod, &link->symtab, index);
		return ths_tmod_refuse(link->reason, THS_E_SYMBOL,
				       "symbol %s (used at %s+0x%lx) is not published",
				       tmod_symbol_name(link->tmod, &symbol),
				       tmod_section_name(link->tmod, i), rela->r_offset);
	}
	value += (uint64_t)rela->r_addend;
	if (kind == R_X86_64_PC32 || kind == R_X86_64_PLT32)
		value -= at;
	if (!fits(kind, value)) {
		symbol = tmod_symbol(link->tmod, &link->symtab, index);
		return ths_tmod_refuse(
			link->reason, THS_E_RELOC,
			"relocation %s at %s+0x%lx: 0x%lx (%s) does not fit",
			ths_tmod_reloc_name(kind), tmod_section_name(link->tmod, i),
			rela->r_offset, value, tmod_symbol_name(link->tmod, &symbol));
	}
	memcpy(field, &value, tmod_reloc_width(kind)); /* little-endian, like the file */
	return THS_OK;
}

enum ths_err ths_tmod_link(const struct ths_tmod *tmod, uint8_t *text, uint64_t text_at,
			   uint8_t *rodata, uint64_t rodata_at, ths_resolve_fn *resolve,
			   void *ctx, struct ths_reason *reason)
{
	struct link link = {.tmod = tmod,
			    .text = text,
			    .rodata = rodata,
			    .text_at = text_at,
			    .rodata_at = rodata_at,
			    .resolve = resolve,
			    .ctx = ctx,
			    .reason = reason,
			    .symtab = tmod_section(tmod, tmod->symtab)};

	sections_copy(&link);
	for (uint32_t i = 1; i < tmod->sections; i++) {
		Elf64_Shdr table = tmod_section(tmod, i), target;
		uint64_t place;

		if (table.sh_type != SHT_RELA || table.sh_size == 0)
			continue;
		target = tmod_section(tmod, table.sh_info);
		place = tmod->place[table.sh_info];
		for (uint64_t k = 0; k < table.sh_size / sizeof(Elf64_Rela); k++) {
			Elf64_Rela rela = tmod_rela(tmod, &table, k);
			uint64_t offset = place + rela.r_offset;

			THS_TRY(relocate(&link, table.sh_info, &rela,
					 (is_text(&target) ? text : rodata) + offset,
					 (is_text(&target) ? text_at : rodata_at) +
						 offset));
			tmod_work(150);
		}
	}
	return THS_OK;
}

/* ---- names ---------------------------------------------------------------------- */

const char *ths_tmod_symbol(const struct ths_tmod *tmod, uint64_t text_offset,
			    uint64_t *offset)
{
	Elf64_Shdr table = tmod_section(tmod, tmod->symtab);

	for (uint64_t i = 1; i < table.sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol = tmod_symbol(tmod, &table, i);
		Elf64_Shdr home;
		uint64_t start;

		if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC ||
		    symbol.st_shndx == SHN_UNDEF ||
		    tmod->place[symbol.st_shndx] == TMOD_NO_PLACE)
			continue;
		home = tmod_section(tmod, symbol.st_shndx);
		start = tmod->place[symbol.st_shndx] + symbol.st_value;
		if (!is_text(&home) || text_offset < start ||
		    text_offset - start >= symbol.st_size)
			continue;
		*offset = text_offset - start;
		return tmod_symbol_name(tmod, &symbol);
	}
	return NULL;
}

enum ths_err ths_tmod_imports(const struct ths_tmod *tmod,
			      enum ths_err (*visit)(void *ctx, const char *name),
			      void *ctx)
{
	Elf64_Shdr table = tmod_section(tmod, tmod->symtab);

	for (uint64_t i = 1; i < table.sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol = tmod_symbol(tmod, &table, i);

		if (symbol.st_shndx == SHN_UNDEF &&
		    ELF64_ST_TYPE(symbol.st_info) != STT_FILE)
			THS_TRY(visit(ctx, tmod_symbol_name(tmod, &symbol)));
	}
	return THS_OK;
}
