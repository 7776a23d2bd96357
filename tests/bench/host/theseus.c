/*
 * theseus - a keyed table of state_db, read by an operation: each section is an
 * interaction, with its copy of arguments, and with its validation where there are two
 * CPUs. Every look-up becomes part of the read set, which the others have nothing like.
 */
#include "subject.h"

#include <stdlib.h>
#include <theseus/host.h>
#include <theseus/interface.h>
#include <theseus/module.h>
#include "nano_core/nano_core_impl.h"

struct look_args {
	uint64_t keys; /* or numbers */
	uint64_t sum;
};

#define LOOK_OPS(OP)                                                                     \
	OP(look, put, struct look_args, 0)                                               \
	OP(look, keep, struct look_args, 0)                                              \
	OP(look, keys, struct look_args, 0)                                              \
	OP(look, kept, struct look_args, 0)
THS_INTERFACE(look, 1, LOOK_OPS)

enum { OBJECT };
struct row {
	uint64_t key, value;
};

static struct ths_weak_cached kept[KEYS_MAX];
static size_t filled;

static enum ths_err put_op(struct ths_call *call, struct look_args *arg)
{
	struct row *row;
	uint32_t number;

	THS_TRY(ths_row_new_keyed(call, OBJECT, arg->keys, &number, &row));
	row->value = ~arg->keys;
	return THS_OK;
}

static enum ths_err keep_op(struct ths_call *call, struct look_args *arg)
{
	const struct row *row;
	struct ths_weak weak;
	uint32_t number;

	THS_TRY(ths_row_find(call, OBJECT, arg->keys, &number, &row));
	THS_TRY(ths_row_weak(call, OBJECT, number, &weak));
	return ths_weak_cache(call, OBJECT, weak, &kept[arg->sum]);
}

static enum ths_err keys_op(struct ths_call *call, struct look_args *arg)
{
	const uint64_t *keys = (const uint64_t *)(uintptr_t)arg->keys;
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		const struct row *row;
		uint32_t number;

		THS_TRY(ths_row_find(call, OBJECT, keys[i], &number, &row));
		sum += row->value;
	}
	arg->sum = sum;
	return THS_OK;
}

static enum ths_err kept_op(struct ths_call *call, struct look_args *arg)
{
	const uint32_t *numbers = (const uint32_t *)(uintptr_t)arg->keys;
	uint64_t sum = 0;

	(void)call;
	for (unsigned i = 0; i < BATCH; i++) {
		const struct row *row = ths_weak_upgrade(&kept[numbers[i]]);

		if (row)
			sum += row->value;
	}
	arg->sum = sum;
	return THS_OK;
}

THS_MODULE(bench_look, "bench.look", 1, 0,
	   THS_PROVIDES(look, .put = put_op, .keep = keep_op, .keys = keys_op,
			.kept = kept_op),
	   THS_TABLE(OBJECT, "bench.object/1", struct row, .rows = KEYS_MAX,
		     .flags = THS_KEYED));

static struct ths_ref ref[THREADS_MAX];
static _Thread_local struct ths_ref *mine;

static void must(enum ths_err err)
{
	if (err)
		subject_die(ths_err_text(err));
}

extern const struct ths_module ths_module_mem_frames;

static void bind(const struct ths_module *module)
{
	struct ths_reason reason;
	uint32_t slot;

	must(ths_module_add(module, NULL, &slot, &reason));
	must(ths_bind(slot, ""));
}

static void start(unsigned threads)
{
	if (!ths_host_memory(256u << 20))
		subject_die("no memory");
	must(ths_core_start(ths_host_boot_info()));
	ths_cpu()->started = true;
	for (unsigned i = 1; i < threads; i++) {
		must(ths_cpu_make(calloc(1, sizeof(struct ths_cpu)), i));
		must(ths_cpu_start(ths_core.cpu[i]));
	}
	ths_core.cpus = threads;
	bind(&ths_module_mem_frames);
	must(ths_memory_donate());
	bind(&ths_module_bench_look);
}

static void fill(const uint64_t *keys, size_t count, unsigned threads)
{
	start(threads);
	for (unsigned i = 0; i < THREADS_MAX; i++)
		ref[i] = (struct ths_ref)THS_REF(look);
	mine = &ref[0];
	for (filled = 0; filled < count; filled++) {
		struct look_args args = {keys[filled], filled};

		must(look_put(mine, &args));
		must(look_keep(mine, &args));
	}
}

static void enter(unsigned thread)
{
	ths_host_cpu_enter(ths_core.cpu[thread]);
	ths_core.cpu[thread]->started = true;
	mine = &ref[thread];
}

static void leave(unsigned thread)
{
	(void)thread;
	ths_host_cpu_leave();
}

static uint64_t look(const uint64_t *keys)
{
	struct look_args args = {(uint64_t)(uintptr_t)keys, 0};

	must(look_keys(mine, &args));
	return args.sum;
}

static uint64_t use(const uint32_t *numbers)
{
	struct look_args args = {(uint64_t)(uintptr_t)numbers, 0};

	must(look_kept(mine, &args));
	return args.sum;
}

const struct subject subject_theseus = {"theseus", false, true, true, fill,
					enter,     leave, look, use};
