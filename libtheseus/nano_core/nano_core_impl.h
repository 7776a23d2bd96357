/*
 * nano_core_impl - what nano_core's files may call of each other, file by file; their records
 * are in records_impl.h, and what they do when modules come, go and take each other's place is
 * in swap_impl.h.
 */
#pragma once

#include "nano_core/records_impl.h"

/* checks.c */
#ifdef THS_CHECKS
void ths_spin_check(void);
void ths_poison(void *at, size_t size);
void ths_poison_check(const void *at, size_t size, const char *what);
#else
THS_INLINE void ths_spin_check(void)
{
}
THS_INLINE void ths_poison(void *at, size_t size)
{
	(void)at;
	(void)size;
}
THS_INLINE void ths_poison_check(const void *at, size_t size, const char *what)
{
	(void)at;
	(void)size;
	(void)what;
}
#endif

/* Spin locks, for a few instructions each. Interrupts must not need them; who takes one is
 * inside an interaction, in a section, at work, or has interrupts off: else a tick would do
 * work in the midst, and wait for it. */
THS_INLINE void ths_spin_lock(_Atomic(uint32_t) *lock)
{
	ths_spin_check();
	while (atomic_exchange_explicit(lock, 1, memory_order_acquire))
		ths_arch_relax();
}
THS_INLINE void ths_spin_unlock(_Atomic(uint32_t) *lock)
{
	atomic_store_explicit(lock, 0, memory_order_release);
}

/* gate.c */
THS_MUST_CHECK enum ths_err ths_gate_portable(struct ths_ref *ref, uint32_t op, void *args,
					      struct ths_blob *blob);
enum ths_err ths_gate_conclude(struct ths_cpu *cpu, int64_t outcome);
int64_t ths_gate_commit(struct ths_cpu *cpu);
enum ths_err ths_gate_pending(void);
THS_MUST_CHECK enum ths_err ths_gate_pass_on(struct ths_cpu *cpu, struct ths_ref *ref,
					     uint32_t op);
THS_MUST_CHECK enum ths_err ths_invoke(const struct ths_invoke *invoke);
void ths_section_enter(struct ths_cpu *cpu);
void ths_section_leave(struct ths_cpu *cpu);
void *ths_arena_take(struct ths_cpu *cpu, size_t size);
/* blob_copy.c */
THS_MUST_CHECK enum ths_err ths_gate_blob_enter(struct ths_call *call);
void ths_gate_blob_leave(struct ths_call *call, bool commit);
void ths_gate_blob_commit(struct ths_cpu *cpu); /* gate.S's call succeeded */
/* For gate.S: what it has no more of than the condition. */
THS_MUST_CHECK enum ths_err ths_blob_body_tagged(struct ths_call *token, unsigned slot,
						 void **body, bool *fresh);
void ths_gate_blob_pass_up(struct ths_cpu *cpu, struct ths_call *call);
/* sleep.c */
void ths_sleep_init(void);
bool ths_sleep_possible(const struct ths_cpu *cpu);
bool ths_sleep_prepare(struct ths_cpu *cpu);
void ths_wake_committed(struct ths_cpu *cpu);
void ths_gate_wake(struct ths_cpu *cpu);
void ths_wake_everybody(struct ths_cpu *cpu);
/* Inside an interaction, before it ends: whoever waits for @slot, or for any commit, but the
 * current task. */
void ths_wake_others(struct ths_cpu *cpu, const struct ths_slot *slot);
/* context.c */
void ths_context_init(struct ths_cpu *cpu);
THS_MUST_CHECK enum ths_err ths_context_spare(uint32_t needed);
uint32_t ths_context_reserve(void);
void ths_context_unreserve(uint32_t slot);
void ths_context_start(struct ths_cpu *cpu, uint32_t slot);
void ths_context_kill(struct ths_cpu *cpu, uint32_t slot, uint32_t generation);
THS_MUST_CHECK bool ths_context_shield(const struct ths_cpu *cpu);
void ths_context_unshield(struct ths_cpu *cpu);
void ths_context_wake(struct ths_cpu *cpu, uint32_t slot, uint32_t sleep_number);
void ths_context_block(struct ths_cpu *cpu);
void ths_context_admit_posted(struct ths_cpu *cpu);
void ths_context_reschedule(struct ths_cpu *cpu);
void ths_context_reap(struct ths_cpu *cpu);
THS_NORETURN void ths_context_idle(struct ths_cpu *cpu);
/* effect.c */
void ths_effects_perform(struct ths_cpu *cpu);
THS_MUST_CHECK enum ths_err ths_effect_rollback(struct ths_cpu *cpu, uint32_t slot);
void ths_effects_drop(struct ths_cpu *cpu, unsigned from);
/* work.c */
void ths_kick_now(struct ths_cpu *cpu, struct ths_instance *instance, uint32_t ops);
/* What @old was asked for is @new's to do, as far as it has such operations. */
void ths_kick_pass_on(struct ths_instance *old, struct ths_instance *new, uint32_t ops);
void ths_pending(struct ths_cpu *cpu, uint32_t what);
/* db.c */
THS_MUST_CHECK enum ths_err ths_db_start(void);
void ths_db_attach(struct ths_cpu *cpu);
/* memory.c */
THS_MUST_CHECK enum ths_err ths_memory_init(const struct ths_boot_info *info);
void *ths_pages_take(unsigned order); /* zeroed; NULL: none. Depth 0 asks mem.frames */
void ths_pages_give(void *pages, unsigned order);
void ths_pages_adopt(void *page);
THS_INLINE unsigned ths_order_of(size_t bytes)
{
	unsigned order = 0;

	while (((size_t)THS_PAGE_SIZE << order) < bytes)
		order++;
	return order;
}
uint64_t ths_memory_tables(void);  /* pages arch has for its page tables */
uint64_t ths_memory_reserve(void); /* pages that are in nobody's use but ours to give */
uint64_t ths_pages_out(void); /* taken and not given back */
THS_MUST_CHECK enum ths_err ths_memory_donate(void);
THS_MUST_CHECK enum ths_err ths_refill(struct ths_cpu *cpu);
/* Deeper than here only with some stack left; else the interaction ends: THS_E_STACK. */
void ths_stack_check(struct ths_cpu *cpu);
/* instance.c */
THS_MUST_CHECK enum ths_err ths_instance_make(const struct ths_module *module,
					      const struct ths_tmod *tmod,
					      const char *name, struct ths_instance **out,
					      struct ths_reason *reason);
THS_MUST_CHECK enum ths_err ths_instance_new(const struct ths_module *module,
					     const struct ths_tmod *tmod,
					     const char *name, struct ths_instance **out,
					     struct ths_reason *reason);
/* Before anybody is served by it: the tables made for it are as they were then. */
void ths_instance_wipe(struct ths_instance *instance);
/* Whether what a user calls is what the provider has; all of @as, and perhaps more. */
bool ths_iface_agrees(const struct ths_iface *user, const struct ths_iface *provider);
bool ths_iface_extends(const struct ths_iface *iface, const struct ths_iface *as);
/* The one so named in that version, or a new one; NULL: no room. */
struct ths_binding *ths_binding_for(const struct ths_iface *iface, const char *name);
void ths_op_choose_path(struct instance_op *op);
/* lines.c. *@attached: bit by bit, the lines that were not attached before; on error, too. */
THS_MUST_CHECK enum ths_err ths_lines_attach(struct ths_instance *instance,
					     struct ths_binding *binding, uint32_t *attached);
void ths_lines_detach(struct ths_instance *instance, struct ths_binding *binding,
		      uint32_t attached);
THS_MUST_CHECK enum ths_err ths_lines_take_over(const struct ths_instance *old,
						struct ths_instance *new);
void ths_lines_give_back(const struct ths_instance *old, struct ths_instance *new);
THS_MUST_CHECK enum ths_err ths_lines_attach_all(void); /* there is a controller now */
void ths_irqs_attach(struct ths_instance *instance, struct ths_binding *binding);
void ths_instance_drop(struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_binding_find(const struct ths_iface *iface,
					     const char *name, struct ths_binding **out);
struct ths_binding *ths_binding_make(const char *iface, uint32_t version,
				     const char *name, bool behind); /* NULL: no room */
THS_MUST_CHECK enum ths_err ths_ref_resolve(struct ths_ref *ref);
THS_MUST_CHECK enum ths_err ths_invoke_recover(struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_invoke_reread(struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_invoke_start(struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_invoke_adopt(struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_invoke_selftest(struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_invoke_op(struct ths_instance *instance, uint32_t op);
/* Changes bindings in one commit; @change writes provider rows by ths_provider_write. */
THS_MUST_CHECK enum ths_err ths_publish(enum ths_err (*change)(struct ths_cpu *, void *),
					void *arg);
THS_MUST_CHECK enum ths_err ths_provider_write(struct ths_cpu *cpu,
					       struct ths_binding *binding,
					       struct ths_instance *instance);
/* A binding's place, as references keep it. */
THS_INLINE uint32_t ths_binding_at(const struct ths_binding *binding)
{
	return (uint32_t)((uintptr_t)binding - (uintptr_t)ths_core.binding);
}
/* Calls are counted by each CPU for itself, and added up by whoever asks. */
THS_INLINE void ths_instance_count(struct ths_instance *instance, unsigned cpu)
{
	uint64_t *calls = &instance->calls[cpu];

	__atomic_store_n(calls, __atomic_load_n(calls, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELAXED);
}
uint64_t ths_instance_calls(const struct ths_instance *instance);
/* As no other instance is called, whoever has its slot later. */
THS_INLINE uint64_t ths_instance_life(const struct ths_instance *instance)
{
	return (uint64_t)instance->generation << 32 | instance->slot;
}
/* swap.c: the conflict token, exclusively; all commits of others wait */
void ths_token_take(struct ths_cpu *cpu);
void ths_token_give(struct ths_cpu *cpu);
/* boot.c */
THS_MUST_CHECK enum ths_err ths_core_start(const struct ths_boot_info *info);
THS_MUST_CHECK enum ths_err ths_cpu_make(struct ths_cpu *cpu, unsigned number);
THS_MUST_CHECK enum ths_err ths_cpu_start(struct ths_cpu *cpu);
void ths_cmdline_obey(void); /* core.c */
void ths_quota_boot(void); /* quota.c */
/* grow.c */
bool ths_grow_begin(struct ths_table *table);
THS_MUST_CHECK enum ths_err ths_grow(struct ths_table *table, uint32_t rows);
void ths_grow_end(struct ths_table *table);
/* tables.c */
THS_MUST_CHECK enum ths_err ths_table_empty(struct ths_table *table);
/* The first row from @row on goes, or row @row of a fixed table is zeroed. */
THS_MUST_CHECK enum ths_err ths_table_empty_one(struct ths_table *table, uint32_t row);
/* Some rows from *@row on go, which is then where to go on. THS_E_NOENT: there are none, or
 * with @cache its rows are not soft, or all are there always. */
THS_MUST_CHECK enum ths_err ths_table_empty_some(struct ths_table *table, bool cache,
						 uint32_t *row, uint32_t *gone);
void ths_instance_close(struct ths_instance *instance); /* lets its tables go */
/* soft.c */
void ths_soft_boot(void);
void ths_soft_vanish(void); /* depth 0 */
/* At most so many rows go, now, because memory is short; how many did. Depth 0. */
uint32_t ths_soft_drop(uint32_t most);
THS_INLINE bool ths_soft_is_stressed(void)
{
	return atomic_load_explicit(&ths_core.soft_dice, memory_order_relaxed) != 0;
}
THS_INLINE void ths_soft_touched(struct ths_cpu *cpu)
{
	if (ths_soft_is_stressed())
		atomic_fetch_or(&cpu->pending, PENDING_SOFT);
}
/* module_iface.c */
const struct ths_module *ths_nano_core_module(void);
/* published.c */
uint64_t ths_published_find(void *unused, const char *name);
uint64_t ths_privileged_find(const char *name); /* state_db alone may */
/* log.c */
void ths_log_quiet(bool quiet);
/* canary.c; the compiler's names */
void ths_canary_init(void);
#ifdef THS_HOST
#define __stack_chk_fail ths_canary_gone /* the C library has the name */
#else
extern uint64_t __stack_chk_guard[1];
#endif
THS_NORETURN void __stack_chk_fail(void);
/* device.c. Enter: THS_E_STALE the binding has changed while it waited for the lock, which
 * it holds; THS_E_NOMEM `recover` is due. */
THS_MUST_CHECK enum ths_err ths_device_enter(struct ths_cpu *cpu, struct ths_call *call);
void ths_device_leave(struct ths_cpu *cpu, struct ths_call *call, enum ths_err err);
/* As what a device operation ends that is to be run again. */
enum ths_err ths_device_cut_short(const struct ths_call *call);
/* Runs `recover` of the drivers whose operation faulted, and lets them go. Depth 0. */
void ths_recover_devices(struct ths_cpu *cpu);
/* The same for those whose `recover` has run out of something. At ticks. */
void ths_recover_again(void);
/* fault.c */
bool ths_is_module_code(uint64_t pc);
void ths_fault_note(struct ths_cpu *cpu, enum ths_err err, uint64_t pc, uint64_t addr);
void ths_fault_note_of(struct ths_cpu *cpu, struct ths_instance *instance, enum ths_err err,
		       uint64_t pc, uint64_t addr);
void ths_fault_record(struct ths_cpu *cpu, struct ths_instance *instance,
		      const struct ths_call *call, enum ths_err err, uint64_t pc,
		      uint64_t addr);
/* meta_fault.c. The metamodule on probation whose text that is; NULL: nobody's. Any depth. */
struct ths_instance *ths_meta_on_probation(uint64_t pc);
/* Ends the interaction by a fault of @meta, if that can be taken back; else returns. */
void ths_meta_fault(struct ths_cpu *cpu, struct ths_instance *meta, enum ths_err err,
		    uint64_t pc, uint64_t addr);
const char *ths_meta_why_not(const struct ths_cpu *cpu); /* ... with this reason */
THS_INLINE bool ths_err_is_fault(enum ths_err err)
{
	return (err <= THS_E_FAULT && err >= THS_E_DEADLINE) || err == THS_E_INTERNAL;
}
/* Of memory or of room: later there may be some. */
THS_INLINE bool ths_err_is_shortage(enum ths_err err)
{
	return err == THS_E_NOMEM || err == THS_E_FULL;
}
/* Whether the fault is of this very interaction, and the cascade may have a step for it. */
bool ths_fault_may_be_mended(const struct ths_cpu *cpu);
/* cascade.c. Depth 0: takes a step against the fault. True: the interaction may be run
 * again. */
bool ths_cascade(struct ths_cpu *cpu, struct fault *fault);
void ths_fault_log(struct fault *fault);
/* Who is bound to the interface is vital. THS_E_NOENT: no second provider is loaded;
 * THS_E_UNAVAIL: it is not bound; THS_E_BUSY: ths_loader_enter(). */
THS_MUST_CHECK enum ths_err ths_vital(const char *iface);
enum { NANO_CORE_FAULTS }; /* table of nano_core's own: module_iface.c */
THS_NORETURN void ths_panic(const char *fmt, ...) THS_PRINTF(1, 2);
