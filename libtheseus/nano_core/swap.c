/*
 * swap - one module takes another's place while both may be in use.
 *
 * Nothing is asked to be quiet. Publishing is a commit over the bindings; an interaction
 * in flight on the old module commits before it or finds its binding changed and is run
 * again on the new one. The old one is kept while its successor is on probation
 * (probation.c); its text goes when every CPU has passed depth 0. Only device
 * operations are waited for: they are never run twice, so the conflict token, then the
 * hardware lock are taken first (at most CPUs times an operation's budget).
 *
 * A change of schema begins at the same moment, with commits held off by the conflict token;
 * its rows are converted afterwards, when somebody meets them: migrate.c.
 *
 * Invariants
 *   V1  After an error the old module serves on, and every row is as before.
 *   V2  No interaction commits that ran partly on one module and partly on the other.
 *   V3  Text is unmapped after quiescence, never before.
 *
 * Cost: publish O(bindings), whatever the rows; retire O(pages), and O(rows) where the
 * retired module brought functions that are needed for the rest of them.
 */
#include <theseus/fmt.h>
#include <theseus/iface/module.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

struct swap {
	struct ths_instance *old, *new; /* @new NULL: nobody */
	uint32_t bindings; /* changed by the commit */
	struct ths_reason *reason;
};

/* Interposers before @old that now have more operations to pass on. */
static enum ths_err extend_interposers(struct ths_cpu *cpu, const struct swap *swap)
{
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_binding *binding = &ths_core.binding[i];
		struct ths_instance *here = ths_binding_instance(binding);

		if (here && here != swap->old && ths_is_interposing(here) &&
		    ths_interpose_extends(swap->old, swap->new, binding))
			THS_TRY(ths_provider_write(cpu, binding, here));
	}
	return THS_OK;
}

/* With commits held off (ths_swap_hold()): what is bound to whom needs no validation. */
static enum ths_err change_bindings(struct ths_cpu *cpu, void *arg)
{
	struct swap *swap = arg;

	struct ths_binding *binding = NULL;

	swap->bindings = 0;
	while ((binding = ths_serves_next(swap->old, binding))) {
		THS_TRY(ths_provider_write(cpu, binding, swap->new));
		swap->bindings++;
	}
	if (swap->new && atomic_load(&ths_core.interposed))
		THS_TRY(extend_interposers(cpu, swap));
	return swap->bindings ? THS_OK : THS_E_NOENT;
}

static enum ths_err check_swap(const struct swap *swap)
{
	if (swap->old->state != THS_INSTANCE_BOUND ||
	    swap->new->state != THS_INSTANCE_LOADED)
		return THS_E_NOENT;
	return ths_iface_extends(swap->new->module->provides.iface,
				 swap->old->module->provides.iface)
		       ? THS_OK
		       : THS_E_VERSION;
}

static uint64_t interactions_elsewhere(unsigned self)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < ths_core.cpus; i++)
		if (i != self)
			count += atomic_load(&ths_core.cpu[i]->activity) % 2;
	return count;
}

void ths_quiesce(void)
{
	struct quiet_mark mark;
	unsigned self = ths_cpu()->number;

	ths_quiet_mark(&mark);
	while (!ths_quiet_passed(&mark, self))
		ths_arch_relax();
}

/* What was asked of the old one and not done yet is now the new one's to do; so is what
 * another CPU asks of it from now on, having committed before us. And so is putting the
 * device right, if that could not be done yet. */
void ths_swap_hand_over(struct ths_instance *old, struct ths_instance *new)
{
	uint32_t tries;

	THS_POINT("swap/before-hand-over");
	atomic_store(&new->heir, NULL); /* it may have been superseded before */
	atomic_store(&old->heir, new);
	ths_kick_pass_on(old, new, atomic_exchange(&old->kicked, 0));
	tries = atomic_exchange(&old->unrecovered, 0);
	if (tries && new->module->recover) {
		new->journal = old->journal;
		atomic_store(&new->unrecovered, tries);
	}
}

void ths_swap_count(const struct ths_instance *instance)
{
	struct ths_binding *binding = NULL;

	while ((binding = ths_serves_next(instance, binding)))
		binding->published++;
}

void ths_token_take(struct ths_cpu *cpu)
{
	uint32_t nobody = 0;

	while (!atomic_compare_exchange_weak(&ths_core.token, &nobody, cpu->number + 1)) {
		nobody = 0;
		ths_arch_relax();
	}
	cpu->token = true;
	for (unsigned i = 0; i < ths_core.cpus; i++)
		while (atomic_load(&ths_core.cpu[i]->committing))
			ths_arch_relax();
}

void ths_token_give(struct ths_cpu *cpu)
{
	THS_POINT("token/before-give");
	cpu->token = false;
	atomic_store(&ths_core.token, 0);
}

/*
 * The conflict token before the hardware lock, as device operations do (P5): once it is
 * ours none of them is under way, save a recovery, which needs no token. In a section: a
 * handler of the old module on this CPU would wait for us. See tests/model/token.pml.
 */
void ths_swap_hold(struct ths_cpu *cpu, struct ths_instance *old)
{
	ths_section_enter(cpu);
	ths_token_take(cpu);
	ths_spin_lock(&old->busy);
}

void ths_swap_let_go(struct ths_cpu *cpu, struct ths_instance *old)
{
	ths_spin_unlock(&old->busy);
	ths_token_give(cpu);
	ths_section_leave(cpu);
}

/* The moment itself; what is bound and whose kicks are whose changes under one hold. */
enum ths_err ths_swap_bindings(struct ths_instance *old, struct ths_instance *new,
			       enum ths_err (*change)(struct ths_cpu *, void *), void *arg)
{
	THS_TRY(ths_publish(change, arg));
	THS_POINT("swap/published");
	old->state = THS_INSTANCE_RETIRED;
	new->state = THS_INSTANCE_BOUND;
	ths_swap_hand_over(old, new);
	return THS_OK;
}

/* Kicks that came late are @new's, too. */
void ths_swap_unserve(struct ths_instance *old, struct ths_instance *new)
{
	ths_quiesce();
	THS_POINT("swap/before-unserve");
	ths_swap_hand_over(old, new);
	atomic_store(&old->heir, NULL);
	old->next = (struct ths_ref){.generation = 0};
	old->state = THS_INSTANCE_LOADED;
}

enum ths_err ths_swap_unbind(struct ths_instance *instance)
{
	struct ths_cpu *cpu = ths_cpu();
	struct swap swap = {instance, NULL, 0, NULL};
	enum ths_err err;

	if (ths_meta_must_stay(instance))
		return THS_E_PERM;
	ths_swap_hold(cpu, instance);
	THS_POINT("swap/before-unbind");
	err = ths_publish(change_bindings, &swap);
	if (err == THS_OK)
		instance->state = THS_INSTANCE_LOADED;
	ths_swap_let_go(cpu, instance);
	ths_migrate_unbound();
	return err;
}

static enum ths_err swap_bindings(void *arg)
{
	struct swap *swap = arg;

	return ths_swap_bindings(swap->old, swap->new, change_bindings, swap);
}

static enum ths_err publish_once(struct swap *swap, struct ths_reason *reason)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err;

	THS_TRY(ths_migrate_check(&swap->new, 1, reason));
	ths_swap_hold(cpu, swap->old);
	err = ths_lines_take_over(swap->old, swap->new);
	if (err == THS_OK)
		err = ths_migrate_publish(&swap->new, 1, swap_bindings, swap);
	if (err)
		ths_lines_give_back(swap->old, swap->new);
	ths_swap_let_go(cpu, swap->old);
	return err;
}

static enum ths_err publish(void *arg)
{
	struct swap *swap = arg;
	enum ths_err err;

	do
		err = publish_once(swap, swap->reason);
	while (err == THS_E_STALE);
	return err;
}

enum ths_err ths_swap_publish(struct ths_instance *old, struct ths_instance *new,
			      struct ths_reason *reason)
{
	struct swap swap = {old, new, 0, reason};
	struct ths_meta_change state = {old, new, THS_OK};
	enum ths_err err;

	ths_interpose_inherit(old, new);
	THS_POINT("swap/before-publish");
	old->leaving = true;
	err = old->block || new->block ? ths_meta_publish(&state, 1, reason, publish, &swap)
				       : publish(&swap);
	old->leaving = false;
	THS_POINT("swap/after-publish");
	return err;
}

static bool has_probation(struct ths_instance *new, struct ths_probation probation)
{
	return (probation.calls || probation.ticks) && ths_migrate_has_back(new);
}

void ths_swap_drop(struct ths_instance *instance)
{
	if (ths_migrate_lets_go(instance))
		ths_loader_retire(instance);
	else
		ths_probation_retire(instance);
}

static void let_go(struct ths_instance *instance)
{
	ths_quiesce();
	ths_swap_drop(instance);
}

/* What there is to do before @new may serve; after an error it is only loaded. */
static enum ths_err replace(const struct swap *swap, struct ths_swap_times *times,
			    struct ths_reason *reason)
{
	struct ths_probation probation = ths_policy_probation(swap->new);
	uint64_t start = ths_arch_counter(), published;
	bool keep = has_probation(swap->new, probation);

	THS_POINT("swap/before-start");
	if (swap->new->fresh) /* tables its predecessor had not */
		THS_TRY(ths_invoke_start(swap->new));
	swap->new->fresh = false;
	times->in_flight = interactions_elsewhere(ths_cpu()->number);
	THS_TRY(ths_swap_publish(swap->old, swap->new, reason));
	published = ths_arch_counter();
	ths_swap_count(swap->new);
	if (keep)
		THS_TRY(ths_probation_begin(swap->old, swap->new, probation));
	ths_probation_end(swap->old); /* its own, if it had not served it */
	if (!keep)
		let_go(swap->old);
	times->kept = keep;
	times->publish = published - start;
	times->retire = ths_arch_counter() - published;
	return THS_OK;
}

static enum ths_err swap_locked(const struct swap *swap, struct ths_swap_times *times,
				struct ths_reason *reason)
{
	struct ths_swap_times unread;

	THS_TRY(check_swap(swap));
	return replace(swap, times ? times : &unread, reason);
}

enum ths_err ths_swap(uint32_t old, uint32_t new_slot, struct ths_swap_times *times)
{
	struct swap swap;
	enum ths_err err;

	if (old >= ths_instances() || new_slot >= ths_instances())
		return THS_E_NOENT;
	swap.old = &ths_core.instance[old];
	swap.new = &ths_core.instance[new_slot];
	THS_TRY(ths_loader_enter());
	err = swap_locked(&swap, times, NULL);
	ths_loader_leave();
	return err;
}

/* ---- by name ------------------------------------------------------------------------- */

enum ths_err ths_swap_find(const char *from, uint32_t *slot, struct ths_reason *reason)
{
	if (ths_module_find(from, slot) == THS_OK &&
	    ths_core.instance[*slot].state == THS_INSTANCE_BOUND)
		return THS_OK;
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_instance *instance =
			ths_binding_server(&ths_core.binding[i]);

		if (instance && ths_streq(ths_core.binding[i].iface, from)) {
			*slot = instance->slot;
			return THS_OK;
		}
	}
	(void)ths_format(reason->text, sizeof(reason->text),
			 "no bound instance and no bound interface is named %s", from);
	return THS_E_NOENT;
}

void ths_swap_name(const char *file, char name[THS_NAME_MAX])
{
	uint32_t taken;

	(void)!ths_str_copy(name, THS_NAME_MAX, file);
	for (unsigned i = 2; ths_module_find(name, &taken) == THS_OK && i < 100; i++)
		(void)ths_format(name, THS_NAME_MAX, "%.*s#%u", 26, file, i);
}

static void explain(const char *from, const char *file, const struct swap *swap,
		    enum ths_err err, struct ths_reason *reason)
{
	const struct ths_iface *has = swap->new->module->provides.iface;
	const struct ths_iface *due = swap->old->module->provides.iface;

	if (err == THS_E_VERSION && (!ths_streq(has->name, due->name) ||
				     has->version != due->version))
		(void)ths_format(reason->text, sizeof(reason->text),
				 "%s cannot replace %s: it provides %s/%u, not %s/%u", file,
				 from, has->name, has->version, due->name, due->version);
	else
		(void)ths_format(reason->text, sizeof(reason->text),
				 "%s cannot replace %s: %s", file, from, ths_err_text(err));
}

static enum ths_err swap_file_locked(const char *from, const char *file,
				     struct ths_swap_times *times,
				     struct ths_reason *reason)
{
	char name[THS_NAME_MAX];
	struct swap swap;
	uint32_t old;
	uint64_t start = ths_arch_counter();
	enum ths_err err;

	THS_TRY(ths_swap_find(from, &old, reason));
	swap.old = &ths_core.instance[old];
	ths_swap_name(file, name);
	THS_TRY(ths_loader_load(file, name, &swap.new, reason));
	if (times)
		times->load = ths_arch_counter() - start;
	err = swap_locked(&swap, times, reason);
	if (err) {
		if (!reason->text[0])
			explain(from, file, &swap, err, reason);
		let_go(swap.new); /* it may have served */
	}
	return err;
}

enum ths_err ths_swap_file(const char *from, const char *file, struct ths_swap_times *times,
			   struct ths_reason *reason)
{
	struct ths_reason unread;
	enum ths_err err;

	reason = reason ? reason : &unread;
	reason->text[0] = 0;
	THS_TRY(ths_loader_enter());
	err = swap_file_locked(from, file, times, reason);
	ths_loader_leave();
	return err;
}
