/*
 * swap_impl - what the files share that load modules and let one take another's place: the
 * loader and its room, what a metamodule is linked to, the swap and its way back, interposers,
 * and the rows that change their schema with it. The records they work on are records_impl.h's.
 *
 * Invariants
 *   W1  One at a time does any of it, at depth 0: who holds the loader's turn
 *       (ths_loader_enter()).
 *   W2  What others see changes in one commit (ths_publish()); what may fail comes before it.
 *   W3  Text, rodata and rows' functions stay until every CPU has passed depth 0 after nobody
 *       led to them any more (ths_quiesce()).
 */
#pragma once

#include <theseus/evolve.h>
#include "nano_core/nano_core_impl.h"

/* loader.c */
void ths_loader_init(void);
void *ths_loader_room(size_t size); /* NULL: none */
void ths_loader_give_room(void *room, size_t size);
void ths_loader_retire(struct ths_instance *instance);
/* One at a time loads, binds, swaps and retires. A program waits for its turn; who cannot
 * wait, or has the turn already, gets THS_E_BUSY. */
THS_MUST_CHECK enum ths_err ths_loader_enter(void);
void ths_loader_leave(void);
THS_MUST_CHECK enum ths_err ths_loader_load(const char *file, const char *name,
					    struct ths_instance **out,
					    struct ths_reason *reason);
/* Once more from its file, under its own name, which its own tables go by. */
THS_MUST_CHECK enum ths_err ths_loader_again(const struct ths_instance *of,
					     struct ths_instance **out);
void ths_loader_unload(struct ths_instance *instance);

/* archive.c. Find: THS_E_NOENT; THS_E_FORMAT the archive is damaged. Context: any. */
THS_MUST_CHECK enum ths_err ths_archive_init(const void *data, size_t size);
uint64_t ths_archive_pages(void); /* that its table of files has */
THS_MUST_CHECK enum ths_err ths_archive_find(const char *name, const void **data,
					     size_t *size);

/* slots.c */
uint64_t ths_slots_size(void); /* bytes at the end of the module area */
THS_MUST_CHECK enum ths_err ths_slots_init(void);
struct ths_instance *ths_slot_find_free(void);
void ths_serves_note(struct ths_instance *instance, const struct ths_binding *binding);
struct ths_binding *ths_serves_next(const struct ths_instance *instance,
				    const struct ths_binding *after);

/* layout.c. THS_E_ABI, in words. */
THS_MUST_CHECK enum ths_err ths_abi_check(uint32_t abi, uint32_t size, const char *id,
					  struct ths_reason *reason);
/* THS_E_VERSION, in words. */
THS_MUST_CHECK enum ths_err ths_use_refuse(const char *id, const struct ths_use *use,
					   struct ths_reason *reason);
THS_MUST_CHECK enum ths_err ths_layouts_check(struct ths_instance *instance,
					      struct ths_reason *reason);

/* meta.c: modules that hold state */
struct ths_meta_link { /* what a module's undefined symbols are to be resolved by */
	const struct ths_tmod *tmod;
	struct ths_state_block *block; /* NULL: it is no metamodule */
};
THS_MUST_CHECK enum ths_err ths_meta_link(struct ths_meta_link *link,
					  const struct ths_tmod *tmod,
					  struct ths_reason *reason);
void ths_meta_unlink(struct ths_meta_link *link);
uint64_t ths_meta_resolve(void *ctx, const char *name);
THS_MUST_CHECK enum ths_err ths_meta_attach(struct ths_instance *instance,
					    struct ths_state_block *block,
					    struct ths_reason *reason);
THS_MUST_CHECK enum ths_err ths_meta_attach_linked(struct ths_instance *instance);
void ths_meta_detach(struct ths_instance *instance);
/* One who holds state comes in another's place. */
struct ths_meta_change {
	struct ths_instance *old, *new;
	enum ths_err err; /* out: what its `adopt` returned */
};
/* Whether the one may take the other's state; so, too, if neither has any. */
bool ths_meta_agrees(const struct ths_instance *old, const struct ths_instance *new);
/* @publish(@arg), with it the states of those in @change; an error leaves all as before.
 * THS_E_SCHEMA: the one cannot become the other; what `adopt` or @publish returned. */
THS_MUST_CHECK enum ths_err ths_meta_publish(struct ths_meta_change *change, unsigned count,
					     struct ths_reason *reason,
					     enum ths_err (*publish)(void *), void *arg);
/* State_db is neither unbound nor removed, and none is bound beside it. */
bool ths_meta_must_stay(const struct ths_instance *instance);
bool ths_meta_may_be_bound(const struct ths_instance *instance);
void ths_meet(struct ths_cpu *cpu);
bool ths_is_meta_code(uint64_t pc);

/* state_move.c. THS_E_SCHEMA: a member is of another kind. */
THS_MUST_CHECK enum ths_err ths_state_movable(const struct ths_layout *old,
					      const struct ths_layout *new,
					      const char *name, struct ths_reason *reason);
void ths_state_move(const struct ths_layout *old, const void *from,
		    const struct ths_layout *new, void *to);
unsigned ths_state_lost(const struct ths_layout *old, const struct ths_layout *new,
			char first[THS_NAME_MAX]);

/* swap.c */
void ths_quiesce(void);
void ths_swap_count(const struct ths_instance *instance);
/* @old, whose place @new has taken, is loaded again and nothing more. */
void ths_swap_unserve(struct ths_instance *old, struct ths_instance *new);
/* Nobody is in it or goes back to it: it goes now, or once no row needs its functions. */
void ths_swap_drop(struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_swap_unbind(struct ths_instance *instance);
void ths_swap_hand_over(struct ths_instance *old, struct ths_instance *new);
/* A name that is not taken: the id, or the id and a number. */
void ths_swap_name(const char *id, char name[THS_NAME_MAX]);
THS_MUST_CHECK enum ths_err ths_swap_find(const char *from, uint32_t *slot,
					  struct ths_reason *reason);
/* @old's bindings become @new's, in a commit of its own; tables begin to change their
 * schema. Waits only where another such change is in the way (ths_migrate_check()). */
THS_MUST_CHECK enum ths_err ths_swap_publish(struct ths_instance *old,
					     struct ths_instance *new,
					     struct ths_reason *reason);
void ths_swap_hold(struct ths_cpu *cpu, struct ths_instance *old);
void ths_swap_let_go(struct ths_cpu *cpu, struct ths_instance *old);
THS_MUST_CHECK enum ths_err
ths_swap_bindings(struct ths_instance *old, struct ths_instance *new,
		  enum ths_err (*change)(struct ths_cpu *, void *), void *arg);

/* policy.c: what loader/1 is asked. Depth 0, the loader's turn. */
/* THS_E_PERM: it is not to be loaded. @tmod NULL: it is linked in. */
THS_MUST_CHECK enum ths_err ths_policy_admit(const struct ths_module *module,
					     const struct ths_tmod *tmod, const char *name,
					     struct ths_reason *reason);
/* Who is loaded and could take @instance's place; NULL: nobody. */
struct ths_instance *ths_policy_second(const struct ths_instance *instance);
struct ths_probation ths_policy_probation(const struct ths_instance *successor);

/* set.c: several come and go in one commit */
#define SET_CHANGES_MAX 48u /* bindings, with room to spare */
struct ths_set {
	struct newcomer {
		const struct ths_evolve_item *item;
		struct ths_instance *instance;
		struct ths_instance *old; /* whose place it takes; NULL: nobody's */
		bool loaded;              /* by us */
		bool started;
		struct ths_probation probation;
	} in[THS_EVOLVE_ITEMS];
	struct ths_instance *out[THS_EVOLVE_ITEMS];
	struct set_change {
		struct ths_binding *binding;
		struct ths_instance *instance, *was; /* NULL: nobody */
		const struct ths_binding *was_at; /* whose faults count here; NULL: the same */
	} change[SET_CHANGES_MAX];
	unsigned ins, outs, changes;
	bool has_probation, goes_back;
	const struct newcomer *adopting; /* whose rows did not come: it failed there */
	struct ths_reason *reason;
};
void ths_set_init(void);
struct ths_instance *ths_set_successor(const struct ths_set *set,
				       const struct ths_instance *instance);
bool ths_set_brings(const struct ths_set *set, const struct ths_instance *instance);
struct set_change *ths_set_change(struct ths_set *set, const struct ths_binding *binding);
/* After an error who came is as ths_set_forget() leaves it, and all else as before. */
THS_MUST_CHECK enum ths_err ths_set_publish(struct ths_set *set);
/* Who came is loaded and nothing more, or gone if it was loaded for this. */
void ths_set_forget(const struct ths_set *set);
/* The one on probation. THS_E_NOENT: somebody has changed a binding of its; THS_E_SCHEMA:
 * a table. Then its probation is over. */
THS_MUST_CHECK enum ths_err ths_set_revert(void);
void ths_set_end(void);
bool ths_set_has_served(bool (*has_served)(const struct ths_instance *));

/* probation.c */
THS_INLINE bool ths_is_on_probation(const struct ths_instance *instance)
{
	return instance->before || instance->set;
}
/* From now on. */
void ths_probation_count(struct ths_instance *instance, struct ths_probation probation);
/* Who serves again if it fails; nano_core: nobody in particular. */
struct ths_instance *ths_probation_before(const struct ths_instance *instance);
THS_MUST_CHECK enum ths_err ths_probation_begin(struct ths_instance *old,
						struct ths_instance *new,
						struct ths_probation probation);
void ths_probation_end(struct ths_instance *instance);
/* THS_E_SCHEMA: it cannot be any more, and its probation is over. */
THS_MUST_CHECK enum ths_err ths_probation_revert(struct ths_instance *instance);
/* Superseded just now, and not needed any more. */
void ths_probation_retire(struct ths_instance *instance);
void ths_probation_condemn(struct ths_instance *instance);
void ths_probation_sweep(void);

/* interpose.c */
struct ths_instance *ths_binding_server(const struct ths_binding *binding);
struct ths_binding *ths_binding_end(struct ths_binding *binding);
const struct ths_iface *ths_instance_iface(const struct ths_instance *instance);
THS_INLINE bool ths_is_interposing(const struct ths_instance *instance)
{
	return instance->next.generation != 0;
}
THS_MUST_CHECK enum ths_err ths_interpose_leave(struct ths_instance *interposer);
/* The binding whose chain of interposers it is in, as its end, too; NULL: none. */
struct ths_binding *ths_chain_of(const struct ths_instance *instance);
void ths_chain_tell(const struct ths_binding *front, char *names, size_t size);
/* The binding it is bound to; NULL: none. */
struct ths_binding *ths_interpose_place(const struct ths_instance *interposer);
void ths_interpose_inherit(const struct ths_instance *old, struct ths_instance *new);
bool ths_interpose_extends(const struct ths_instance *old, const struct ths_instance *new,
			   const struct ths_binding *binding);
bool ths_interpose_fits(const struct ths_instance *front,
			const struct ths_instance *server);

/* migrate.c: tables change their schema as instances are published. Depth 0, one loader at
 * a time. Whoever replaces instances sets @leaving in those first and clears it if they
 * stay; @in are those that come. */
/* Whether a table of its stands in another schema than it declares. */
bool ths_migrate_needed(const struct ths_instance *instance);
/* Whether there are functions for it: the module's own, those of one that may leave, or
 * those of the step under way. */
bool ths_migrate_is_possible(const struct ths_instance *in, const struct ths_table *table,
			     const struct ths_table_decl *decl);
/*
 * Before publication: whether @in may be published. Where another step is in the way, it is
 * brought to its end first. THS_E_SCHEMA: no functions, or somebody reads the table who
 * stays and could not go on; THS_E_BUSY: the step in the way does not end.
 */
THS_MUST_CHECK enum ths_err ths_migrate_check(struct ths_instance *const *in,
					      unsigned count, struct ths_reason *reason);
/*
 * Publication: @publish(@arg) with the steps of @in begun, or turned round. With commits
 * held off (ths_swap_hold()). After an error all is as before: @publish's; THS_E_NOMEM,
 * THS_E_FULL for want of a sweeper; THS_E_STALE a way back was barred since the check, which
 * is to be made again. O(tables), whatever their rows.
 */
THS_MUST_CHECK enum ths_err ths_migrate_publish(struct ths_instance *const *in,
						unsigned count,
						enum ths_err (*publish)(void *), void *arg);
/* An instance has ceased to be bound, and nobody took its place: a step that waited for
 * that may end. */
void ths_migrate_unbound(void);
/* Whether @before may be published again in @now's place: false once a row was committed
 * in a schema that has no way back. */
bool ths_migration_can_revert(const struct ths_instance *now,
			      const struct ths_instance *before);
/* Whether publishing @in leaves a way back for all rows. */
bool ths_migrate_has_back(struct ths_instance *in);
/* Whether rows need its functions: its text has to stay. */
bool ths_migrate_bears(const struct ths_instance *instance);
/* The same, once what there is to do with them has been done. Waits. */
bool ths_migrate_lets_go(const struct ths_instance *bearer);
bool ths_step_is_shared(const struct ths_table *table); /* somebody knows the old schema */
void ths_step_end(struct ths_table *table);

/* sweep.c: rows that nobody touches are converted, too */
THS_MUST_CHECK enum ths_err ths_sweep_start(void); /* sees to it that a sweeper runs */
/* At ticks: whether what met a shortage may be tried again; tries it. */
bool ths_sweep_is_due(uint64_t ticks);
void ths_sweep_again(void);
/* Brings the table's step to its end now. THS_E_BUSY: rows cannot be converted, or somebody
 * knows the old schema; THS_E_NOMEM, THS_E_FULL. */
THS_MUST_CHECK enum ths_err ths_sweep_table(struct ths_table *table);
THS_MUST_CHECK enum ths_err ths_sweep_all(uint32_t flags); /* of tables that have these */
