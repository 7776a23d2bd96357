/*
 * refusal - what a running OS refuses, and says why; afterwards everything is as before.
 */
#include "test.h"

#include <theseus/blob.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/module.h>
#include <theseus/iface/sched.h>
#include <theseus/iface/testsrv.h>
#include <theseus/string.h>

static struct ths_ref testsrv = THS_REF(testsrv), frames = THS_REF(frames);
static struct ths_ref module = THS_REF(module);

static uint64_t free_frames(void)
{
	struct frames_stat stat = {0};

	return frames_stat(&frames, &stat) == THS_OK ? stat.free : 0;
}

static void load_refused(const char *file, enum ths_err expected, const char *reason_has)
{
	struct ths_reason reason = {{0}};
	uint64_t before = free_frames();
	uint32_t slot;
	enum ths_err err = ths_module_load(file, "refused", &slot, &reason);
	size_t at = 0;

	while (reason.text[at] && !ths_str_starts(reason.text + at, reason_has))
		at++;
	test_ok(err == expected && reason.text[at], "%s: %s (%s)", file, ths_err_name(err),
		reason.text);
	test_ok(free_frames() == before && ths_module_find("refused", &slot) == THS_E_NOENT,
		"and nothing of it is left");
}

static void swap_refused(const char *from, const char *file, enum ths_err expected)
{
	struct ths_reason reason = {{0}};
	struct testsrv_null args = {{0}};
	enum ths_err err = ths_swap_file(from, file, NULL, &reason);

	test_ok(err == expected, "swap %s %s: %s (%s)", from, file, ths_err_name(err),
		reason.text);
	test_ok(testsrv_null(&testsrv, &args) == THS_OK, "who was bound serves on");
}

static void second_binding(void)
{
	struct ths_reason reason = {{0}};
	uint32_t slot;
	enum ths_err err = ths_module_load("testsrv", "second", &slot, &reason);

	test_ok(err == THS_OK, "a second instance is loaded: %s", reason.text);
	test_ok(ths_bind(slot, "") == THS_E_EXIST, "a binding has one provider");
	test_ok(ths_bind(slot, "other") == THS_OK, "under another name it is bound");
	test_ok(ths_module_unload(slot) == THS_E_BUSY, "and cannot be unloaded then");
	test_ok(ths_unbind(&testsrv_iface, "other") == THS_OK &&
			ths_module_unload(slot) == THS_OK,
		"unbound it can");
}

static void references(void)
{
	static const struct ths_iface other = {"testsrv", 2, testsrv_ops_count,
					       testsrv_ops_info};
	static const struct ths_iface unknown = {"nosuch", 1, 0, NULL};
	struct ths_ref ref = {&other, "", 0, 1, 0};
	struct ths_ref nobody = {&unknown, "", 0, 1, 0};
	struct testsrv_null args = {{0}};

	test_ok(ths_gate(&ref, testsrv_op_null, &args, NULL) == THS_E_VERSION,
		"another version of an interface");
	test_ok(ths_gate(&nobody, 0, &args, NULL) == THS_E_UNAVAIL,
		"an interface nobody provides");
	test_ok(ths_gate(&testsrv, 31, &args, NULL) == THS_E_NOSYS,
		"an operation it does not have");
}

/* A blob of another type, and one in which a covered byte was changed. */
static void blobs(void)
{
	THS_BLOB_STORAGE(memory, 64);
	THS_BLOB_STORAGE(small, 0);
	struct ths_blob *blob = ths_blob_init(memory, 64);
	struct testsrv_count args = {0};
	unsigned refused = 0, kept = 0;

	test_ok(testsrv_count_with(&testsrv, &args, ths_blob_init(small, 0)) == THS_E_BLOB,
		"a blob that is too small");
	test_ok(testsrv_count(&testsrv, &args) == THS_E_INVAL, "no blob at all");
	test_ok(testsrv_count_with(&testsrv, &args, blob) == THS_OK, "a proper one passes");
	for (unsigned byte = 16; byte < 28; byte++) { /* type and schema: blob_impl.h */
		memory[byte] ^= 1;
		refused += testsrv_count_with(&testsrv, &args, blob) == THS_E_BLOB;
		memory[byte] ^= 1;
		kept += testsrv_count_with(&testsrv, &args, blob) == THS_OK;
	}
	test_ok(refused == 12 && kept == 12,
		"of 12 changed bytes of its type %u were refused, and %u times it went on",
		refused, kept);
	test_ok(args.value == 13, "it counted what passed, %lu", (unsigned long)args.value);
}

/* From a client that is not trusted: each byte that counts is covered, by gate.S's way. */
static void tagged_blobs(void)
{
	THS_BLOB_STORAGE(memory, 64);
	struct ths_ref far = THS_REF(testsrv);
	struct ths_blob *blob = ths_blob_init(memory, 64);
	struct testsrv_count args = {0};
	unsigned refused = 0, kept = 0, tried = 0;

	far.flags = THS_REF_TAGGED;
	test_ok(testsrv_count_with(&far, &args, blob) == THS_OK && args.value == 1,
		"an empty blob needs no tag");
	for (unsigned byte = 0; byte < ths_blob_size(blob); byte++) {
		if (byte >= 8 && byte < 16) /* whether it is in use */
			continue;
		tried++;
		memory[byte] ^= 1u << byte % 8;
		refused += testsrv_count_with(&far, &args, blob) == THS_E_BLOB;
		memory[byte] ^= 1u << byte % 8;
		kept += testsrv_count_with(&far, &args, blob) == THS_OK &&
			args.value == kept + 2;
	}
	test_ok(tried > 32 && refused == tried && kept == tried,
		"of %u changed bytes of a tagged blob %u were refused, and %u times it went on",
		tried, refused, kept);
	test_ok(testsrv_count_with(&testsrv, &args, blob) == THS_OK &&
			testsrv_count_with(&far, &args, blob) == THS_E_BLOB,
		"a tag that was not renewed");
}

/* Records of instances are mapped as slots are first used, and stay. */
static void use_a_slot(void)
{
	uint32_t slot = 0;

	test_ok(ths_module_load("sched.rr", "first", &slot, NULL) == THS_OK &&
			ths_module_unload(slot) == THS_OK,
		"a module that comes and goes");
}

static uint64_t calls_of(uint32_t slot)
{
	struct module_info info = {.slot = slot - 1};

	return module_info(&module, &info) == THS_OK && info.slot == slot ? info.calls : 0;
}

/* Who picks the next task is exchanged for a build of an earlier commit, and back. */
static void earlier_build(void)
{
	struct ths_reason reason = {{0}};
	uint32_t now, earlier, again;
	enum ths_err err = ths_module_load("earlier", "earlier", &earlier, &reason);

	test_ok(err == THS_OK, "a build of an earlier commit is loaded: %s", reason.text);
	test_ok(err == THS_OK && ths_module_find("sched.rr", &now) == THS_OK &&
			ths_swap(now, earlier, NULL) == THS_OK,
		"takes over from today's");
	test_sleep_ms(20);
	test_ok(calls_of(earlier) > 10, "and schedules: %lu calls",
		(unsigned long)calls_of(earlier));
	test_ok(ths_module_load("sched.rr", "again", &again, NULL) == THS_OK &&
			ths_swap(earlier, again, NULL) == THS_OK,
		"until today's takes over again");
	test_sleep_ms(20);
}

void test_refusal(void)
{
	use_a_slot();
	load_refused("nosuch", THS_E_NOENT, "the archive has no module nosuch");
	load_refused("garbage", THS_E_FORMAT, "");
	load_refused("truncated", THS_E_FORMAT, "truncated");
	load_refused("flipped", THS_E_DIGEST, "digest");
	load_refused("spiller", THS_E_SPILL, ".data");
	load_refused("other_abi", THS_E_ABI, "sched.rr: is built for abi 2, this is 3");
	load_refused("foreign", THS_E_SYMBOL, "not published");
	load_refused("unmet", THS_E_USES, "nosuch");
	load_refused("bare", THS_E_FORMAT, "no section .ths.schema");
	load_refused("layout", THS_E_SCHEMA,
		     "testsrv.counter/1: member spare is u32[14] at 8 here, u64[7] at 8 in "
		     "the table");
	load_refused("arguments", THS_E_VERSION,
		     "testsrv/1: operation null: member word is u32[8] at 0 here, u64[4] at "
		     "0 in testsrv");
	swap_refused("testsrv", "sched.rr", THS_E_VERSION);
	swap_refused("testsrv", "nosuch", THS_E_NOENT);
	swap_refused("nobody", "testsrv", THS_E_NOENT);
	second_binding();
	references();
	blobs();
	tagged_blobs();
	earlier_build();
}
