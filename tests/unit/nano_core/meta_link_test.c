/*
 * meta_link_test - a metamodule's file is linked to the state that is served from, if its
 * layout is the same, else to one of its own; what cannot be linked leaves nothing behind.
 */
#include "accounts.h"
#include "archive.h"
#include "harness.h"
#include "keeper.h"
#include "rig.h"
#include "suite.h"
#include "tmod_image.h"

#include <theseus/host.h>
#include <theseus/metamodule.h>
#include "nano_core/swap_impl.h"

/* What a kernel's layout says of the copy of state_db that is linked in: where its code lies,
 * and what its state is. Two hundred bytes here, which nobody runs. */
__asm__(".pushsection .data\n"
	".globl ths_state_db_start, ths_state_db_text, ths_state_db_text_end, ths_state_db_end\n"
	".globl ths_state_db_schema, ths_state_db_schema_end\n"
	"ths_state_db_start: .skip 80\n"
	"ths_state_db_text: .skip 120\n"
	"ths_state_db_text_end:\n"
	"ths_state_db_end:\n"
	"ths_state_db_schema:\n"
	".ascii \"theseus-schema 1 state_db\\nstate state_db.state/1 8\\n gone u64 0\\n\"\n"
	"ths_state_db_schema_end:\n"
	".popsection\n");
extern uint8_t ths_state_db_text[];
extern char ths_state_db_schema[];

static uint8_t space[1 << 18];
static size_t end;
static struct ths_ref ref;

static void pack(const char *name, const struct image *file)
{
	end = archive_add(space, end, name, file->data, file->size);
}

/* What was packed is the archive. */
static void bring(void)
{
	size_t all = archive_add(space, end, ARCHIVE_TRAILER, "", 0);

	ck_assert_int_eq(ths_archive_init(space, all), THS_OK);
}

/* This one is in it, too. */
static void bring_also(const char *name, struct image *file)
{
	ck_assert_int_eq(ths_tmod_seal(file->data, file->size, &reason), THS_OK);
	accounts_keep(ths_archive_pages()); /* the table of the one before */
	pack(name, file);
	bring();
}

/* As keeper.1, keeper.2, keeper.3. */
static void setup(void)
{
	rig_start();
	ths_probation_set((struct ths_probation){0, 0});
	end = 0;
	for (unsigned i = 1; i <= 3; i++) {
		char folder[24], name[16];
		struct image file;

		(void)snprintf(folder, sizeof(folder), "fixtures/keeper.%u", i);
		(void)snprintf(name, sizeof(name), "keeper.%u", i);
		file = image_from(folder, "keeper");
		pack(name, &file);
		free(file.data);
	}
	bring();
	ref = (struct ths_ref)THS_REF(keeper);
}

static struct ths_instance *load(const char *file, const char *name)
{
	uint32_t slot = 0;
	enum ths_err err = ths_module_load(file, name, &slot, &reason);

	ck_assert_msg(err == THS_OK, "%s: %s: %s", file, ths_err_name(err), reason.text);
	return &ths_core.instance[slot];
}

static struct ths_instance *serve(const char *file)
{
	struct ths_instance *instance = load(file, NULL);

	ck_assert_int_eq(ths_bind(instance->slot, ""), THS_OK);
	return instance;
}

static struct keeper_add add(uint64_t amount)
{
	struct keeper_add args = {.amount = amount};

	ck_assert_int_eq(keeper_add(&ref, &args), THS_OK);
	return args;
}

static unsigned blocks(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < STATES_MAX; i++)
		count += ths_core.state[i].at != NULL;
	return count;
}

static void nothing_is_lost(void)
{
	const char *lost = accounts_lost();

	ck_assert_msg(!lost, "%s", lost);
}

/* ---- whom it is linked to ---------------------------------------------------------------- */

/* M1 */
START_TEST(who_has_the_same_layout_is_linked_to_the_same_state)
{
	struct ths_instance *first = serve("keeper.1"), *same = load("keeper.1", "same"),
			    *other = load("keeper.2", "other");

	ck_assert_ptr_eq(same->block, first->block);
	ck_assert_ptr_ne(other->block, first->block);
	ck_assert_uint_eq(first->block->used, 2);
	ck_assert_uint_eq(other->block->used, 1);
	ck_assert_uint_eq(blocks(), 3); /* state_db has one */
	ck_assert_int_eq(ths_module_unload(other->slot), THS_OK);
	ck_assert_uint_eq(blocks(), 2);
	add(5);
	ck_assert_int_eq(ths_swap(first->slot, same->slot, NULL), THS_OK);
	ck_assert_uint_eq(add(6).total, 11);
	ck_assert_int_eq(ths_unbind(&keeper_iface, ""), THS_OK);
	ck_assert_int_eq(ths_module_unload(same->slot), THS_OK);
	ck_assert_uint_eq(blocks(), 1);
	nothing_is_lost();
}
END_TEST

START_TEST(a_state_goes_from_file_to_file)
{
	struct ths_swap_times times = {0};
	struct keeper_add told;

	(void)serve("keeper.1");
	add(7);
	for (unsigned i = 0; i < 6; i++) {
		const char *file = i % 2 ? "keeper.1" : "keeper.2";

		ck_assert_msg(ths_swap_file("keeper", file, i % 3 ? &times : NULL, &reason) ==
				      THS_OK, "%s", reason.text);
		told = add(1);
		ck_assert_uint_eq(told.version, 2 - i % 2);
		ck_assert_uint_eq(told.total, 8 + i);
		ck_assert_uint_eq(told.last[0], i ? 1 : 7);
		ck_assert_uint_eq(blocks(), 2);
	}
	ck_assert_uint_gt(times.load, 0);
	nothing_is_lost();
}
END_TEST

START_TEST(a_member_of_another_kind_is_refused_by_name)
{
	(void)serve("keeper.1");
	ck_assert_int_eq(ths_swap_file("keeper", "keeper.3", NULL, &reason), THS_E_SCHEMA);
	ck_assert_str_eq(reason.text, "keeper.state/1: member total is u32 here, u64 in the "
				      "state that is there");
	ck_assert_int_eq(ths_swap_file("keeper", "keeper.3", NULL, NULL), THS_E_SCHEMA);
	ck_assert_uint_eq(add(3).version, 1);
	ck_assert_uint_eq(blocks(), 2);
	nothing_is_lost();
}
END_TEST

START_TEST(who_has_another_interface_is_refused_by_both_names)
{
	struct image file = image_read("fixture.plain");

	bring_also("fixture.plain", &file);
	(void)serve("keeper.1");
	ck_assert_int_eq(ths_swap_file("keeper", "fixture.plain", NULL, &reason), THS_E_VERSION);
	ck_assert_str_eq(reason.text, "fixture.plain cannot replace keeper: it provides serial/1, "
				      "not keeper/1");
	ck_assert_uint_eq(add(3).version, 1);
	nothing_is_lost();
	free(file.data);
}
END_TEST

/* A block that somebody shares with who was served from it before is not written to. */
START_TEST(who_shares_a_state_that_is_not_served_cannot_take_over)
{
	struct ths_instance *two = serve("keeper.2"), *also = load("keeper.2", "also"),
			    *third = load("keeper.2", "third"), *one = load("keeper.1", "one");

	add(9);
	ck_assert_int_eq(ths_swap(two->slot, one->slot, NULL), THS_OK);
	ck_assert_uint_eq(also->block->used, 2);
	ck_assert_int_eq(ths_swap(one->slot, also->slot, NULL), THS_E_SCHEMA);
	ck_assert_uint_eq(add(1).version, 1);
	ck_assert_int_eq(ths_module_unload(third->slot), THS_OK);
	ck_assert_int_eq(ths_swap(one->slot, also->slot, NULL), THS_OK);
	ck_assert_uint_eq(add(1).total, 11);
	nothing_is_lost();
}
END_TEST

START_TEST(its_code_is_as_nano_cores_own)
{
	const struct ths_instance *keeper = serve("keeper.1");

	ck_assert(ths_is_meta_code(keeper->text));
	ck_assert(ths_is_meta_code(keeper->text + keeper->text_size - 1));
	ck_assert(!ths_is_meta_code(keeper->text + keeper->text_size));
	ck_assert(!ths_is_meta_code(keeper->text - 1));
}
END_TEST

START_TEST(the_linked_in_copy_is_told_by_its_kernel)
{
	const struct ths_instance *instance;
	uint32_t slot;

	ck_assert_int_eq(ths_module_find("state_db", &slot), THS_OK);
	instance = &ths_core.instance[slot];
	ck_assert_uint_eq(instance->rodata_size, 80);
	ck_assert(ths_is_meta_code((uintptr_t)ths_state_db_text + 119));
	ck_assert(!ths_is_meta_code((uintptr_t)ths_state_db_text + 120));
	ck_assert_uint_eq(instance->block->layout.size, 8);
	ck_assert_ptr_nonnull(instance->block->layout.text);
	rig_stop();
	ths_state_db_schema[0] = '?';
	rig_start();
	ck_assert_ptr_null(instance->block->layout.text);
}
END_TEST

/* ---- who else has the interface ------------------------------------------------------------ */

static enum ths_err forget(struct ths_call *call, struct keeper_add *arg)
{
	(void)call;
	arg->version = 77;
	return THS_OK;
}

THS_MODULE(stateless, "stateless", 1, 0, THS_PROVIDES(keeper, .add = forget));

struct other_state {
	uint64_t some;
};
THS_STATE(otherwise, struct other_state);
THS_MODULE(otherwise, "otherwise", 1, 0, THS_PROVIDES(keeper, .add = forget),
	   THS_HOLDS("other.state/1", struct other_state, ths_state_otherwise));

START_TEST(a_state_has_no_successor_without_one)
{
	struct ths_instance *keeper = serve("keeper.1");
	uint32_t without = rig_add(&ths_module_stateless, NULL),
		 other = rig_add(&ths_module_otherwise, NULL);

	add(4);
	ck_assert_int_eq(ths_swap(keeper->slot, without, NULL), THS_E_SCHEMA);
	ck_assert_int_eq(ths_swap(keeper->slot, other, NULL), THS_E_SCHEMA);
	ck_assert_uint_eq(add(4).total, 8);
	ck_assert_int_eq(ths_unbind(&keeper_iface, ""), THS_OK);
	ck_assert_int_eq(ths_bind(without, ""), THS_OK);
	ck_assert_int_eq(ths_swap(without, keeper->slot, NULL), THS_E_SCHEMA);
	ck_assert_uint_eq(add(4).version, 77);
	nothing_is_lost();
}
END_TEST

/* ---- what cannot be linked ------------------------------------------------------------------ */

/* The one place in the file where @from stands; @to is as long. */
static void write_over(struct image *file, const char *from, const char *to)
{
	size_t length = strlen(from);

	ck_assert_uint_eq(strlen(to), length);
	for (size_t at = 0; at + length <= file->size; at++)
		if (memcmp(file->data + at, from, length) == 0) {
			memcpy(file->data + at, to, length);
			return;
		}
	ck_abort_msg("no %s", from);
}

static void name_it_shorter(struct image *file)
{
	Elf64_Shdr *names = section_of(file, section_named(file, ".strtab"));
	char *at = (char *)file->data + names->sh_offset;

	while (strcmp(at, "ths_state_keeper") != 0)
		at += strlen(at) + 1;
	at[strlen("ths_state_keepe")] = 0;
}

static void name_anothers(struct image *file)
{
	write_over(file, "ths_state_keeper", "ths_state_kee_er");
}

static void describe_no_state(struct image *file)
{
	write_over(file, "state keeper.state/1", "table keeper.state/1");
}

static void describe_another(struct image *file)
{
	write_over(file, "state keeper.state/1", "state keepers.tate/1");
}

/* As long as before: two members make place for the name. */
static void name_it_too_long(struct image *file)
{
	write_over(file, "state keeper.state/1 80\n total u64 0\n adds u32 8\n gone u32 12\n",
		   "state keeper.state.of.a.name.without.an.end/1 80\n gone u32 12\n");
}

/* The descriptor's pointer leads into the middle of the state. */
static void point_elsewhere(struct image *file)
{
	size_t symbols = section_named(file, ".symtab"), names = section_named(file, ".strtab");
	const char *text = (const char *)file->data + section_of(file, names)->sh_offset;
	const Elf64_Sym *symbol =
		(const Elf64_Sym *)(void *)(file->data + section_of(file, symbols)->sh_offset);
	unsigned changed = 0;

	for (size_t i = 1; i < header_of(file)->e_shnum; i++) {
		Elf64_Shdr *table = section_of(file, i);
		Elf64_Rela *rela = (Elf64_Rela *)(void *)(file->data + table->sh_offset);

		for (size_t k = 0; table->sh_type == SHT_RELA &&
				   k < table->sh_size / sizeof(*rela); k++)
			if (ELF64_R_TYPE(rela[k].r_info) == R_X86_64_64 &&
			    strcmp(text + symbol[ELF64_R_SYM(rela[k].r_info)].st_name,
				   "ths_state_keeper") == 0) {
				rela[k].r_addend += 8;
				changed++;
			}
	}
	ck_assert_uint_ge(changed, 1);
}

static const struct {
	void (*damage)(struct image *file);
	enum ths_err err;
	const char *words;
} unlinkable[] = {
	{name_it_shorter, THS_E_SYMBOL, "symbol ths_state_keepe "},
	{name_anothers, THS_E_SYMBOL, "symbol ths_state_kee_er "},
	{describe_no_state, THS_E_SYMBOL, "symbol ths_state_keeper "},
	{describe_another, THS_E_SCHEMA, ""},
	{name_it_too_long, THS_E_FULL, "keeper.state.of.a.name.without.an.end/1: no room"},
	{point_elsewhere, THS_E_SCHEMA, "keeper: .ths.schema does not describe its state"},
};

START_TEST(what_cannot_be_linked_leaves_nothing)
{
	struct image file = image_from("fixtures/keeper.1", "keeper");
	uint32_t slot;

	unlinkable[_i].damage(&file);
	bring_also("damaged", &file);
	(void)serve("keeper.2"); /* so that there is one of this name, and one is to be made */
	ck_assert_msg(ths_module_load("damaged", "damaged", &slot, &reason) == unlinkable[_i].err,
		      "%s", reason.text);
	ck_assert_msg(strncmp(reason.text, unlinkable[_i].words,
			      strlen(unlinkable[_i].words)) == 0, "%s", reason.text);
	ck_assert_uint_eq(blocks(), 2);
	ck_assert_uint_eq(add(2).version, 2);
	nothing_is_lost();
	free(file.data);
}
END_TEST

/* A2: a name's dots are bars in its symbol. */
START_TEST(a_name_may_have_dots)
{
	struct image file = image_from("fixtures/keeper.1", "keeper");
	const struct ths_instance *dotted;

	write_over(&file, "keeper", "kee.er"); /* of the descriptor and of its interface */
	write_over(&file, "theseus-schema 1 keeper", "theseus-schema 1 kee.er");
	write_over(&file, "provides keeper/1", "provides kee.er/1");
	name_anothers(&file);
	bring_also("dotted", &file);
	dotted = load("dotted", "dotted");
	ck_assert_ptr_eq(dotted->module->state.at, dotted->block->at);
	nothing_is_lost();
	free(file.data);
}
END_TEST

/* State_db's own file calls nano_core straight, which hosted is out of its reach. */
START_TEST(state_db_is_linked_to_what_nobody_else_is)
{
	static const char *const ids[] = {"state_db", "state_dc"};
	struct image file = image_from("modules", "state_db");
	char from[32], to[32];
	uint32_t slot;

	(void)snprintf(from, sizeof(from), "theseus-schema 1 %s", ids[0]);
	(void)snprintf(to, sizeof(to), "theseus-schema 1 %s", ids[_i]);
	write_over(&file, from, to);
	bring_also("damaged", &file);
	ck_assert_int_eq(ths_module_load("damaged", "damaged", &slot, &reason),
			 _i ? THS_E_SYMBOL : THS_E_RELOC);
	ck_assert_uint_eq(blocks(), 1);
	nothing_is_lost();
	free(file.data);
}
END_TEST

/* ---- what runs out -------------------------------------------------------------------------- */

/* Each of what a swap to another layout needs fails once, or it and all after it. */
START_TEST(when_something_runs_out_who_served_serves_on)
{
	bool persistently = _i;
	uint64_t n = 0;
	enum ths_err err;

	(void)serve("keeper.1");
	do {
		ths_host_fail_nth("", ++n, persistently);
		err = ths_swap_file("keeper", "keeper.2", NULL, NULL);
		ck_assert(err == THS_OK || ths_host_fail_failed() > 0);
		ths_host_fail_nth("", 0, false);
		ck_assert_uint_eq(blocks(), 2);
		ck_assert_uint_eq(add(1).version, err == THS_OK ? 2 : 1);
		ck_assert_uint_eq(add(1).total, 2 * n);
		nothing_is_lost();
	} while (err);
	ck_assert_uint_gt(n, 8);
}
END_TEST

START_TEST(there_are_so_many_states_and_no_more)
{
	char name[THS_NAME_MAX];
	uint32_t slot;

	(void)serve("keeper.1");
	for (unsigned i = 2; i < STATES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "other.%u", i);
		(void)load("keeper.2", name);
	}
	ck_assert_uint_eq(blocks(), STATES_MAX);
	ck_assert_int_eq(ths_module_load("keeper.2", "more", &slot, &reason), THS_E_FULL);
	ck_assert_str_eq(reason.text, "keeper.state/1: no room for the state");
	ck_assert_int_eq(ths_module_add(&ths_module_otherwise, NULL, &slot, NULL), THS_E_FULL);
	ck_assert_int_eq(ths_module_load("keeper.1", "same", &slot, NULL), THS_OK);
	nothing_is_lost();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("meta_link");

	harness_case(suite, "M1", setup, who_has_the_same_layout_is_linked_to_the_same_state);
	harness_case(suite, "files", setup, a_state_goes_from_file_to_file);
	harness_case(suite, "kinds", setup, a_member_of_another_kind_is_refused_by_name);
	harness_case(suite, "interfaces", setup,
		     who_has_another_interface_is_refused_by_both_names);
	harness_case(suite, "shared", setup,
		     who_shares_a_state_that_is_not_served_cannot_take_over);
	harness_case(suite, "code", setup, its_code_is_as_nano_cores_own);
	harness_case(suite, "image", setup, the_linked_in_copy_is_told_by_its_kernel);
	harness_case(suite, "stateless", setup, a_state_has_no_successor_without_one);
	harness_loop(suite, "damaged", setup, what_cannot_be_linked_leaves_nothing, 0,
		     (int)THS_ARRAY_SIZE(unlinkable));
	harness_case(suite, "A2", setup, a_name_may_have_dots);
	harness_loop(suite, "state_db", setup, state_db_is_linked_to_what_nobody_else_is, 0, 2);
	harness_loop(suite, "runs out", setup, when_something_runs_out_who_served_serves_on, 0,
		     2);
	harness_case(suite, "all", setup, there_are_so_many_states_and_no_more);
	return suite;
}
