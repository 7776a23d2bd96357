/*
 * insn - see insn.h.
 *
 * The list is of what compilers make of C with -mgeneral-regs-only, and nothing else;
 * that an instruction is missing here is reason enough to refuse it. capstone 4 is
 * lenient with prefixes: it takes umonitor for mfence, and knows one length of a jump
 * with an operand-size prefix where processors know two. Hence prefixes are checked by
 * hand.
 */
#include "insn.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/attr.h>

static const uint16_t allowed[] = {
	X86_INS_ADC,    X86_INS_ADD,    X86_INS_AND,     X86_INS_BSF,
	X86_INS_BSR,    X86_INS_BSWAP,  X86_INS_BT,      X86_INS_BTC,
	X86_INS_BTR,    X86_INS_BTS,    X86_INS_CALL,    X86_INS_CBW,
	X86_INS_CDQ,    X86_INS_CDQE,   X86_INS_CLC,     X86_INS_CLD,
	X86_INS_CMC,    X86_INS_CMP,    X86_INS_CMPSB,   X86_INS_CMPSD,
	X86_INS_CMPSQ,  X86_INS_CMPSW,  X86_INS_CMPXCHG, X86_INS_CMPXCHG16B,
	X86_INS_CQO,    X86_INS_CWD,    X86_INS_CWDE,    X86_INS_DEC,
	X86_INS_DIV,    X86_INS_IDIV,   X86_INS_IMUL,    X86_INS_INC,
	X86_INS_JMP,    X86_INS_LEA,    X86_INS_LEAVE,   X86_INS_LFENCE,
	X86_INS_LODSB,  X86_INS_LODSD,  X86_INS_LODSQ,   X86_INS_LODSW,
	X86_INS_MFENCE, X86_INS_MOV,    X86_INS_MOVABS,  X86_INS_MOVSB,
	X86_INS_MOVSD,  X86_INS_MOVSQ,  X86_INS_MOVSW,   X86_INS_MOVSX,
	X86_INS_MOVSXD, X86_INS_MOVZX,  X86_INS_MUL,     X86_INS_NEG,
	X86_INS_NOP,    X86_INS_NOT,    X86_INS_OR,      X86_INS_PAUSE,
	X86_INS_POP,    X86_INS_PUSH,   X86_INS_RCL,     X86_INS_RCR,
	X86_INS_RET,    X86_INS_ROL,    X86_INS_ROR,     X86_INS_SAL,
	X86_INS_SAR,    X86_INS_SBB,    X86_INS_SCASB,   X86_INS_SCASD,
	X86_INS_SCASQ,  X86_INS_SCASW,  X86_INS_SFENCE,  X86_INS_SHL,
	X86_INS_SHLD,   X86_INS_SHR,    X86_INS_SHRD,    X86_INS_STC,
	X86_INS_STOSB,  X86_INS_STOSD,  X86_INS_STOSQ,   X86_INS_STOSW,
	X86_INS_SUB,    X86_INS_TEST,   X86_INS_TZCNT,   X86_INS_UD2,
	X86_INS_XADD,   X86_INS_XCHG,   X86_INS_XOR,     X86_INS_JA,
	X86_INS_JAE,    X86_INS_JB,     X86_INS_JBE,     X86_INS_JE,
	X86_INS_JG,     X86_INS_JGE,    X86_INS_JL,      X86_INS_JLE,
	X86_INS_JNE,    X86_INS_JNO,    X86_INS_JNP,     X86_INS_JNS,
	X86_INS_JO,     X86_INS_JP,     X86_INS_JS,      X86_INS_CMOVA,
	X86_INS_CMOVAE, X86_INS_CMOVB,  X86_INS_CMOVBE,  X86_INS_CMOVE,
	X86_INS_CMOVG,  X86_INS_CMOVGE, X86_INS_CMOVL,   X86_INS_CMOVLE,
	X86_INS_CMOVNE, X86_INS_CMOVNO, X86_INS_CMOVNP,  X86_INS_CMOVNS,
	X86_INS_CMOVO,  X86_INS_CMOVP,  X86_INS_CMOVS,   X86_INS_SETA,
	X86_INS_SETAE,  X86_INS_SETB,   X86_INS_SETBE,   X86_INS_SETE,
	X86_INS_SETG,   X86_INS_SETGE,  X86_INS_SETL,    X86_INS_SETLE,
	X86_INS_SETNE,  X86_INS_SETNO,  X86_INS_SETNP,   X86_INS_SETNS,
	X86_INS_SETO,   X86_INS_SETP,   X86_INS_SETS,
};

/* Why the better known of the others are not on the list. */
static const struct {
	uint16_t id;
	const char *why;
} reasons[] = {
	{X86_INS_POPF, "sets the interrupt flag"},
	{X86_INS_POPFQ, "sets the interrupt flag"},
	{X86_INS_STD, "reverses the direction of string instructions"},
	{X86_INS_WRFSBASE, "changes a segment base"},
	{X86_INS_WRGSBASE, "changes a segment base"},
	{X86_INS_RDFSBASE, "reads a segment base"},
	{X86_INS_RDGSBASE, "reads a segment base"},
	{X86_INS_RETF, "far return"},
	{X86_INS_RETFQ, "far return"},
	{X86_INS_LCALL, "far call"},
	{X86_INS_LJMP, "far jump"},
	{X86_INS_IN, "port access"},
	{X86_INS_OUT, "port access"},
	{X86_INS_INSB, "port access"},
	{X86_INS_INSW, "port access"},
	{X86_INS_INSD, "port access"},
	{X86_INS_OUTSB, "port access"},
	{X86_INS_OUTSW, "port access"},
	{X86_INS_OUTSD, "port access"},
	{X86_INS_INT, "software interrupt"},
	{X86_INS_INT1, "software interrupt"},
	{X86_INS_INT3, "software interrupt"},
	{X86_INS_SYSCALL, "system call"},
	{X86_INS_SYSENTER, "system call"},
	{X86_INS_XRSTOR, "changes the processor's state"},
	{X86_INS_XRSTOR64, "changes the processor's state"},
	{X86_INS_FXRSTOR, "changes the processor's state"},
	{X86_INS_FXRSTOR64, "changes the processor's state"},
	{X86_INS_LDMXCSR, "changes the processor's state"},
	{X86_INS_RDMSR, "privileged"},
	{X86_INS_CLTS, "privileged"},
	{X86_INS_LSS, "loads a segment register"},
	{X86_INS_LFS, "loads a segment register"},
	{X86_INS_LGS, "loads a segment register"},
};

/* What capstone 4 cannot decode, so that the refusal can name it all the same. */
static const struct {
	const char *name;
	uint8_t size, bytes[4];
} undecodable[] = {
	{"wrpkru", 3, {0x0f, 0x01, 0xef}},     {"rdpkru", 3, {0x0f, 0x01, 0xee}},
	{"serialize", 3, {0x0f, 0x01, 0xe8}},  {"setssbsy", 4, {0xf3, 0x0f, 0x01, 0xe8}},
	{"clui", 4, {0xf3, 0x0f, 0x01, 0xee}}, {"stui", 4, {0xf3, 0x0f, 0x01, 0xef}},
};

struct sweep {
	csh handle;
	const struct object *object;
	struct findings *findings;
	bool privileged;  /* it may know the CPU's record */
	uint8_t **starts; /* per section, per byte: 1 where an instruction begins */
	unsigned count;   /* of instructions */
	size_t index;     /* of the section being read */
	const struct object_section *section;
};

static bool is_allowed(unsigned id)
{
	for (size_t i = 0; i < THS_ARRAY_SIZE(allowed); i++)
		if (allowed[i] == id)
			return true;
	return false;
}

static bool has_group(const cs_insn *insn, unsigned group)
{
	for (size_t i = 0; i < insn->detail->groups_count; i++)
		if (insn->detail->groups[i] == group)
			return true;
	return false;
}

static bool is_branch(const cs_insn *insn)
{
	return has_group(insn, X86_GRP_JUMP) || has_group(insn, X86_GRP_CALL) ||
	       has_group(insn, X86_GRP_RET);
}

/* Neither a number nor a vector register, nor one that rules the processor. */
static const char *register_reason(unsigned reg)
{
	switch (reg) {
	case X86_REG_CS:
	case X86_REG_DS:
	case X86_REG_ES:
	case X86_REG_FS:
	case X86_REG_GS:
	case X86_REG_SS:
		return "segment register";
	default:
		break;
	}
	if ((reg >= X86_REG_CR0 && reg <= X86_REG_CR15) ||
	    (reg >= X86_REG_DR0 && reg <= X86_REG_DR15))
		return "privileged";
	if ((reg >= X86_REG_FP0 && reg <= X86_REG_K7) ||
	    (reg >= X86_REG_MM0 && reg <= X86_REG_MM7) ||
	    (reg >= X86_REG_ST0 && reg <= X86_REG_ZMM31))
		return "floating point or vector register";
	return NULL;
}

static const char *operand_reason(const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;

	for (size_t i = 0; i < x86->op_count; i++) {
		const cs_x86_op *operand = &x86->operands[i];
		const char *why = NULL;

		if (operand->type == X86_OP_REG)
			why = register_reason(operand->reg);
		else if (operand->type == X86_OP_MEM &&
			 (operand->mem.segment == X86_REG_FS ||
			  operand->mem.segment == X86_REG_GS))
			why = "memory through fs or gs";
		if (why != NULL)
			return why;
	}
	return NULL;
}

static bool takes_repeat(const cs_insn *insn)
{
	switch (insn->detail->x86.opcode[0]) {
	case 0xa4: /* movs, cmps, stos, lods, scas: each as bytes and as words */
	case 0xa5:
	case 0xa6:
	case 0xa7:
	case 0xaa:
	case 0xab:
	case 0xac:
	case 0xad:
	case 0xae:
	case 0xaf:
		return true;
	default: /* `rep ret` is older processors' idiom, still made */
		return insn->id == X86_INS_RET || insn->id == X86_INS_PAUSE ||
		       insn->id == X86_INS_TZCNT;
	}
}

static const char *prefix_reason(const cs_insn *insn)
{
	for (size_t i = 0; i < insn->size; i++) {
		switch (insn->bytes[i]) {
		case 0x64:
		case 0x65:
			return "fs or gs prefix";
		case 0x67:
			return "address-size prefix";
		case 0xf2:
		case 0xf3:
			if (!takes_repeat(insn))
				return "repeat prefix";
			break;
		case 0x66:
			if (is_branch(insn))
				return "operand-size prefix on a branch";
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
			break;
		default:
			return NULL; /* the opcode, or its REX prefix */
		}
	}
	return NULL;
}

/* NULL: it is plain integer code. */
static const char *refusal(const cs_insn *insn)
{
	static const uint8_t vector[] = {X86_GRP_SSE1,  X86_GRP_SSE2,  X86_GRP_SSE3,
					 X86_GRP_SSE41, X86_GRP_SSE42, X86_GRP_SSSE3,
					 X86_GRP_SSE4A, X86_GRP_MMX,   X86_GRP_FPU,
					 X86_GRP_AVX,   X86_GRP_AVX2,  X86_GRP_AVX512};
	bool fence = insn->id == X86_INS_PAUSE || insn->id == X86_INS_LFENCE ||
		     insn->id == X86_INS_SFENCE || insn->id == X86_INS_MFENCE;
	const char *why;

	for (size_t i = 0; i < THS_ARRAY_SIZE(reasons); i++)
		if (reasons[i].id == insn->id)
			return reasons[i].why;
	why = operand_reason(insn);
	if (why != NULL)
		return why;
	if (has_group(insn, X86_GRP_PRIVILEGE))
		return "privileged";
	for (size_t i = 0; i < THS_ARRAY_SIZE(vector) && !fence; i++)
		if (has_group(insn, vector[i]))
			return "floating point or vector";
	if (!is_allowed(insn->id))
		return "not on the list of plain integer code";
	return prefix_reason(insn);
}

static void report(const struct sweep *sweep, const cs_insn *insn, const char *why)
{
	char *place = object_place(sweep->object, sweep->index, insn->address);
	struct tool_text bytes = {0};

	for (size_t i = 0; i < insn->size; i++)
		tool_text_add(&bytes, "%s%02x", i == 0 ? "" : " ", insn->bytes[i]);
	findings_add(sweep->findings, "I7", "%s: %s%s%s [%s]: %s", place, insn->mnemonic,
		     insn->op_str[0] == '\0' ? "" : " ", insn->op_str, bytes.text, why);
	tool_text_free(&bytes);
	free(place);
}

static void report_undecoded(const struct sweep *sweep, uint64_t offset)
{
	const uint8_t *at = sweep->section->data + offset;
	uint64_t left = sweep->section->header.sh_size - offset;
	char *place = object_place(sweep->object, sweep->index, offset);
	const char *name = NULL;
	struct tool_text bytes = {0};

	for (size_t i = 0; i < THS_ARRAY_SIZE(undecodable); i++)
		if (undecodable[i].size <= left &&
		    memcmp(undecodable[i].bytes, at, undecodable[i].size) == 0)
			name = undecodable[i].name;
	for (uint64_t i = 0; i < left && i < 4; i++)
		tool_text_add(&bytes, "%s%02x", i == 0 ? "" : " ", at[i]);
	findings_add(sweep->findings, "I7", "%s: %s%sbytes do not decode [%s]", place,
		     name == NULL ? "" : name, name == NULL ? "" : ": ", bytes.text);
	tool_text_free(&bytes);
	free(place);
}

/* ---- relocations within code ---------------------------------------------------- */

/* The next entry, in any table that relocates section @index, at @from or behind it but
 * before @to. */
static bool relocation_in(const struct object *object, size_t index, uint64_t from,
			  uint64_t to, Elf64_Rela *found)
{
	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *table = &object->sections[i];

		if (table->header.sh_type != SHT_RELA || table->header.sh_info != index ||
		    table->data == NULL)
			continue;
		for (size_t k = 0; k < table->header.sh_size / sizeof(*found); k++) {
			memcpy(found, table->data + k * sizeof(*found), sizeof(*found));
			if (found->r_offset >= from && found->r_offset < to)
				return true;
		}
	}
	return false;
}

/* Where disp or imm begin; what lies before is opcode. */
static size_t operand_offset(const cs_insn *insn)
{
	const cs_x86_encoding *encoding = &insn->detail->x86.encoding;

	if (encoding->disp_offset != 0)
		return encoding->disp_offset;
	return encoding->imm_offset != 0 ? encoding->imm_offset : insn->size;
}

/* `mov reg, gs:[0]`, and no relocation makes another of it: the CPU's record, which state_db
 * knows (privileged.def). */
static bool is_own_cpu(const struct sweep *sweep, const cs_insn *insn)
{
	static const uint8_t tail[] = {0x25, 0, 0, 0, 0};
	const uint8_t *bytes = insn->bytes;
	Elf64_Rela rela;

	return sweep->privileged && insn->size == 9 && bytes[0] == 0x65 &&
	       (bytes[1] & 0xfb) == 0x48 && bytes[2] == 0x8b && (bytes[3] & 0xc7) == 0x04 &&
	       memcmp(bytes + 4, tail, sizeof(tail)) == 0 &&
	       !relocation_in(sweep->object, sweep->index, insn->address,
			      insn->address + insn->size, &rela);
}

static void branch_check(const struct sweep *sweep, const cs_insn *insn)
{
	const struct object_section *home = sweep->section;
	size_t index = sweep->index;
	uint64_t target = (uint64_t)insn->detail->x86.operands[0].imm;
	Elf64_Rela rela;

	if (relocation_in(sweep->object, index, insn->address, insn->address + insn->size,
			  &rela)) {
		size_t number = ELF64_R_SYM(rela.r_info);
		const Elf64_Sym *symbol;

		if (number >= sweep->object->symbol_count)
			return; /* the relocation's own check says so */
		symbol = &sweep->object->symbols[number].elf;
		if (symbol->st_shndx == SHN_UNDEF ||
		    symbol->st_shndx >= sweep->object->section_count)
			return;
		index = symbol->st_shndx;
		home = &sweep->object->sections[index];
		target = symbol->st_value + (uint64_t)rela.r_addend +
			 (insn->address + insn->size - rela.r_offset);
	}
	if (target >= home->header.sh_size || sweep->starts[index] == NULL)
		report(sweep, insn, "branches out of the code");
	else if (!sweep->starts[index][target])
		report(sweep, insn, "branches into the middle of an instruction");
}

/* ---- the sweep ------------------------------------------------------------------ */

/* Calls @visit with each instruction; marks where they begin. */
static void each_insn(struct sweep *sweep,
		      void (*visit)(const struct sweep *sweep, const cs_insn *insn),
		      bool first)
{
	const uint8_t *code = sweep->section->data;
	size_t size = sweep->section->header.sh_size;
	uint64_t address = 0;
	cs_insn *insn = cs_malloc(sweep->handle);

	while (size != 0) {
		if (cs_disasm_iter(sweep->handle, &code, &size, &address, insn)) {
			if (first)
				sweep->count++;
			sweep->starts[sweep->index][insn->address] = 1;
			visit(sweep, insn);
			continue;
		}
		if (first)
			report_undecoded(sweep, address);
		code++;
		size--;
		address++;
	}
	cs_free(insn, 1);
}

static void check_one(const struct sweep *sweep, const cs_insn *insn)
{
	const char *why = is_own_cpu(sweep, insn) ? NULL : refusal(insn);
	uint64_t from = insn->address;
	Elf64_Rela rela;

	if (why != NULL)
		report(sweep, insn, why);
	if (relocation_in(sweep->object, sweep->index, from, from + operand_offset(insn),
			  &rela))
		report(sweep, insn, "a relocation changes its opcode");
}

static void check_branch(const struct sweep *sweep, const cs_insn *insn)
{
	if ((has_group(insn, X86_GRP_JUMP) || has_group(insn, X86_GRP_CALL)) &&
	    insn->detail->x86.op_count == 1 &&
	    insn->detail->x86.operands[0].type == X86_OP_IMM)
		branch_check(sweep, insn);
}

bool insn_check(const struct object *object, bool privileged, struct findings *findings,
		unsigned *count)
{
	struct sweep sweep = {
		.object = object, .findings = findings, .privileged = privileged};

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &sweep.handle) != CS_ERR_OK ||
	    cs_option(sweep.handle, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK) {
		tool_warn("capstone cannot decode x86-64");
		return false;
	}
	sweep.starts = tool_alloc(object->section_count * sizeof(*sweep.starts));
	/* All beginnings must be known before the first branch is judged. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 1; i < object->section_count; i++) {
			sweep.index = i;
			sweep.section = &object->sections[i];
			if (!object_is_code(sweep.section))
				continue;
			if (sweep.starts[i] == NULL)
				sweep.starts[i] =
					tool_alloc(sweep.section->header.sh_size);
			each_insn(&sweep, pass == 0 ? check_one : check_branch,
				  pass == 0);
		}
	for (size_t i = 0; i < object->section_count; i++)
		free(sweep.starts[i]);
	free(sweep.starts);
	*count = sweep.count;
	cs_close(&sweep.handle);
	return true;
}
