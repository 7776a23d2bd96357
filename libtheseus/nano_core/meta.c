/*
 * meta - modules that hold state (metamodule.h): where that lies, whom it is linked to, and
 * how it goes from one to the next.
 *
 * A state lies in a *block* of nano_core's. A module is linked to one when it is loaded: to
 * that of who serves, if both have the same layout, else to a new one. So to publish a
 * successor is what it is for any module, where the block is the same; and where it is not,
 * all other CPUs are gathered at depth 0, the old block's members are written into the new
 * one (state_move.c), and then it is published. The old block is left as it is: if anything
 * fails, who served goes on with it.
 *
 * State_db is one of them, and the one that is called otherwise than by bindings. A CPU
 * changes to another copy at its own depth 0, by work that is pending there, so that it
 * never changes within an interaction; and nobody is in the old copy's code when all have.
 *
 * Invariants
 *   M1  A block is linked to by name of its schema and by its whole layout.
 *   M2  Nobody but the one who gathered runs an interaction while a state is moved.
 *   M3  A state that could not be moved wholly is not served from (U1 of a swap).
 *
 * Two that gather at once would wait for each other: the loader's turn keeps them apart,
 * and who waits for that turn answers (tests/model/rendezvous.pml).
 */
#include <theseus/fmt.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"
#include "nano_core/tmod_impl.h"

/* ---- blocks --------------------------------------------------------------------------- */

/* The block that is served from; NULL: the state is nobody's so far. */
static struct ths_state_block *served(const char *schema, size_t length)
{
	for (unsigned i = 0; i < ths_instances(); i++) {
		const struct ths_instance *instance = &ths_core.instance[i];

		if (instance->state == THS_INSTANCE_BOUND && instance->block &&
		    ths_strlen(instance->block->schema) == length &&
		    memcmp(instance->block->schema, schema, length) == 0)
			return instance->block;
	}
	return NULL;
}

static struct ths_state_block *free_block(void)
{
	for (unsigned i = THS_FAIL("alloc/state") ? STATES_MAX : 0; i < STATES_MAX; i++)
		if (!ths_core.state[i].at)
			return &ths_core.state[i];
	return NULL;
}

static enum ths_err make_block(const struct ths_schema_record *record,
			       struct ths_state_block **out)
{
	struct ths_state_block *block = free_block();

	if (!block || record->name_length >= THS_NAME_MAX)
		return THS_E_FULL;
	*block = (struct ths_state_block){.layout = record->layout, .ours = true};
	memcpy(block->schema, record->name, record->name_length);
	block->at = ths_loader_room(block->layout.size);
	if (!block->at)
		return THS_E_NOMEM;
	*out = block;
	return THS_OK;
}

static void let_go(struct ths_state_block *block)
{
	if (block->used > 0)
		return;
	if (block->ours)
		ths_loader_give_room(block->at, block->layout.size);
	memset(block, 0, sizeof(*block));
}

/* ---- linking -------------------------------------------------------------------------- */

static bool find_state(const struct ths_tmod *tmod, struct ths_schema_record *record)
{
	struct ths_schema_cursor cursor;

	ths_schema_rewind(&cursor, &tmod->schema);
	while (ths_schema_next(&cursor, record) == THS_OK)
		if (record->kind == THS_SCHEMA_STATE)
			return true;
	return false;
}

enum ths_err ths_meta_link(struct ths_meta_link *link, const struct ths_tmod *tmod,
			   struct ths_reason *reason)
{
	struct ths_state_block *present;
	struct ths_schema_record record;
	enum ths_err err;

	*link = (struct ths_meta_link){.tmod = tmod};
	if (!find_state(tmod, &record))
		return THS_OK;
	present = served(record.name, record.name_length);
	if (present && present->layout.size == record.layout.size &&
	    ths_layout_same(&present->layout, &record.layout)) {
		link->block = present;
		return THS_OK;
	}
	if (present)
		THS_TRY(ths_state_movable(&present->layout, &record.layout, present->schema,
					  reason));
	err = make_block(&record, &link->block);
	return err ? ths_tmod_refuse(reason, err, "%.*s: no room for the state",
				     (int)record.name_length, record.name)
		   : THS_OK;
}

/* The instance could not be made after all. */
void ths_meta_unlink(struct ths_meta_link *link)
{
	if (link->block)
		let_go(link->block);
}

/* "ths_state_TOKEN", TOKEN being the module's id with '_' for its '.' (A2). */
static bool is_own_state(const struct ths_tmod *tmod, const char *name)
{
	size_t length, at = sizeof("ths_state_") - 1;
	const char *id = ths_schema_module(&tmod->schema, &length);

	if (!ths_str_starts(name, "ths_state_") || ths_strlen(name) != at + length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[at + i] != (id[i] == '.' ? '_' : id[i]))
			return false;
	return true;
}

static bool is_state_db(const struct ths_tmod *tmod)
{
	size_t length;
	const char *id = ths_schema_module(&tmod->schema, &length);

	return length == sizeof("state_db") - 1 && memcmp(id, "state_db", length) == 0;
}

uint64_t ths_meta_resolve(void *ctx, const char *name)
{
	const struct ths_meta_link *link = ctx;

	if (link->block && is_own_state(link->tmod, name))
		return (uint64_t)(uintptr_t)link->block->at;
	if (link->block && is_state_db(link->tmod)) {
		uint64_t found = ths_privileged_find(name);

		if (found)
			return found;
	}
	return ths_published_find(NULL, name);
}

/* What was linked says of itself what its file says of it. */
enum ths_err ths_meta_attach(struct ths_instance *instance, struct ths_state_block *block,
			     struct ths_reason *reason)
{
	const struct ths_state_decl *decl = &instance->module->state;

	if (!block && !decl->schema)
		return THS_OK;
	if (!block || !decl->schema || decl->at != block->at ||
	    !ths_streq(decl->schema, block->schema) || decl->size != block->layout.size ||
	    (decl->entries && !ths_streq(instance->module->id, "state_db")))
		return ths_tmod_refuse(reason, THS_E_SCHEMA,
				       "%s: .ths.schema does not describe its state",
				       instance->module->id);
	instance->block = block;
	block->used++;
	THS_POINT("meta/attached");
	return THS_OK;
}

/* A metamodule that is linked into the image brings its block. */
enum ths_err ths_meta_attach_linked(struct ths_instance *instance)
{
	const struct ths_state_decl *decl = &instance->module->state;
	struct ths_state_block *block = NULL;

	for (unsigned i = 0; i < STATES_MAX && !block; i++)
		if (ths_core.state[i].at == decl->at)
			block = &ths_core.state[i];
	if (!block) {
		block = free_block();
		if (!block)
			return THS_E_FULL;
		*block = (struct ths_state_block){.at = decl->at,
						  .layout = {.size = decl->size}};
		(void)!ths_str_copy(block->schema, sizeof(block->schema), decl->schema);
	}
	instance->block = block;
	block->used++;
	THS_POINT("meta/linked-attached");
	return THS_OK;
}

void ths_meta_detach(struct ths_instance *instance)
{
	if (!instance->block)
		return;
	instance->block->used--;
	THS_POINT("meta/before-detach");
	let_go(instance->block);
	instance->block = NULL;
}

/* ---- the meeting ---------------------------------------------------------------------- */

/* Work of this CPU's, at its depth 0: stays for as long as somebody has gathered us, and
 * goes on with the state_db that is there then. */
void ths_meet(struct ths_cpu *cpu)
{
	uint32_t meeting = atomic_load(&ths_core.meeting);

	while (meeting && atomic_load(&ths_core.meeting) == meeting) {
		atomic_store(&cpu->met, meeting);
		ths_arch_relax();
	}
	atomic_store(&cpu->db, atomic_load(&ths_core.db));
}

/* Also those that sleep for want of work: only arch reaches them. */
static void call_others(const struct ths_cpu *cpu)
{
	for (unsigned i = 0; i < ths_core.cpus; i++) {
		if (ths_core.cpu[i] == cpu)
			continue;
		ths_pending(ths_core.cpu[i], PENDING_MEET);
		ths_arch_kick_cpu(i);
	}
}

/* In the loader's turn, in a section: of those only one can wait for the others (M2). */
static void gather(const struct ths_cpu *cpu)
{
	uint32_t meeting = ++ths_core.meetings;

	THS_POINT("meta/before-meeting");
	atomic_store(&ths_core.meeting, meeting);
	call_others(cpu);
	for (unsigned i = 0; i < ths_core.cpus; i++)
		while (ths_core.cpu[i] != cpu && atomic_load(&ths_core.cpu[i]->met) != meeting)
			ths_arch_relax();
}

static void part(void)
{
	THS_POINT("meta/before-part");
	atomic_store(&ths_core.meeting, 0);
}

/* From here on @db serves; when this returns nobody is in the code of who did. */
static void change_db(struct ths_cpu *cpu, const struct ths_db_ops *db)
{
	THS_POINT("meta/before-change");
	atomic_store(&ths_core.db, db);
	atomic_store(&cpu->db, db);
	THS_POINT("meta/changed-here");
	call_others(cpu);
	for (unsigned i = 0; i < ths_core.cpus; i++)
		while (atomic_load(&ths_core.cpu[i]->db) != db)
			ths_arch_relax();
}

/* ---- publishing ------------------------------------------------------------------------ */

bool ths_meta_agrees(const struct ths_instance *old, const struct ths_instance *new)
{
	if (!old->block || !new->block)
		return old->block == new->block;
	return ths_streq(old->block->schema, new->block->schema) &&
	       !old->module->state.entries == !new->module->state.entries;
}

static bool is_moved(const struct ths_meta_change *change)
{
	return change->old->block != change->new->block;
}

static bool any_is_moved(const struct ths_meta_change *change, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (is_moved(&change[i]))
			return true;
	return false;
}

/* If it is among those that come; else NULL. */
static const struct ths_db_ops *db_of(const struct ths_meta_change *change, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (change[i].new->module->state.entries)
			return change[i].new->module->state.entries;
	return NULL;
}

static void report_lost(const struct ths_meta_change *change)
{
	const struct ths_state_block *old = change->old->block, *new = change->new->block;
	char first[THS_NAME_MAX];
	unsigned lost = is_moved(change) ? ths_state_lost(&old->layout, &new->layout, first) : 0;

	if (lost)
		ths_logf("%s: %u members have no place any more: %s%s", old->schema, lost,
			 first, lost > 1 ? ", ..." : "");
}

/* M3: it may have been loaded when another served, with a state laid out in a third way. */
static enum ths_err check(const struct ths_meta_change *change, struct ths_reason *reason)
{
	const struct ths_state_block *old = change->old->block, *new = change->new->block;

	if (!ths_meta_agrees(change->old, change->new))
		return THS_E_SCHEMA;
	if (!is_moved(change))
		return THS_OK;
	if (new->used > 1)
		return THS_E_SCHEMA; /* somebody else's, and not who serves */
	return ths_state_movable(&old->layout, &new->layout, old->schema, reason);
}

static void move(const struct ths_meta_change *change)
{
	const struct ths_state_block *old = change->old->block, *new = change->new->block;

	if (!is_moved(change))
		return;
	memset(new->at, 0, new->layout.size);
	ths_state_move(&old->layout, old->at, &new->layout, new->at);
	THS_POINT("meta/moved");
}

static enum ths_err adopt(struct ths_meta_change *change)
{
	if (!is_moved(change))
		return THS_OK;
	change->err = ths_invoke_adopt(change->new);
	THS_POINT("meta/adopted");
	return change->err;
}

/* By the state_db that comes, for who goes may be going for a fault. */
static enum ths_err publish_by(struct ths_cpu *cpu, struct ths_meta_change *change,
			       unsigned count, enum ths_err (*publish)(void *), void *arg)
{
	const struct ths_db_ops *before = atomic_load(&cpu->db), *db = db_of(change, count);
	enum ths_err err = THS_OK;

	if (db)
		atomic_store(&cpu->db, db);
	for (unsigned i = 0; i < count && err == THS_OK; i++)
		err = adopt(&change[i]);
	if (err == THS_OK)
		err = publish(arg);
	THS_POINT("meta/published");
	if (err)
		atomic_store(&cpu->db, before);
	return err;
}

/* With all others gathered: they go on by the state_db that is there when we part. */
static enum ths_err move_and_publish(struct ths_cpu *cpu, struct ths_meta_change *change,
				     unsigned count, enum ths_err (*publish)(void *),
				     void *arg)
{
	for (unsigned i = 0; i < count; i++)
		move(&change[i]);
	THS_TRY(publish_by(cpu, change, count, publish, arg));
	THS_POINT("meta/before-parting");
	atomic_store(&ths_core.db, atomic_load(&cpu->db));
	return THS_OK;
}

static enum ths_err meet_and_publish(struct ths_cpu *cpu, struct ths_meta_change *change,
				     unsigned count, enum ths_err (*publish)(void *),
				     void *arg)
{
	enum ths_err err;

	gather(cpu);
	err = move_and_publish(cpu, change, count, publish, arg);
	part();
	THS_TRY(err);
	for (unsigned i = 0; i < count; i++)
		report_lost(&change[i]);
	ths_wake_everybody(cpu);
	return THS_OK;
}

enum ths_err ths_meta_publish(struct ths_meta_change *change, unsigned count,
			      struct ths_reason *reason, enum ths_err (*publish)(void *),
			      void *arg)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err;

	for (unsigned i = 0; i < count; i++)
		THS_TRY(check(&change[i], reason));
	ths_section_enter(cpu);
	if (any_is_moved(change, count)) {
		err = meet_and_publish(cpu, change, count, publish, arg);
	} else {
		err = publish_by(cpu, change, count, publish, arg);
		if (err == THS_OK && db_of(change, count))
			change_db(cpu, db_of(change, count));
	}
	ths_section_leave(cpu);
	return err;
}

/* Everybody's rows go by the one that serves. */
bool ths_meta_must_stay(const struct ths_instance *instance)
{
	return instance->module->state.entries != NULL;
}

bool ths_meta_may_be_bound(const struct ths_instance *instance)
{
	const struct ths_db_ops *db = instance->module->state.entries;

	return !db || db == atomic_load(&ths_core.db);
}

/* ---- code ------------------------------------------------------------------------------ */

/* Whether @pc is in a metamodule's text: then it is as nano_core's own, and not to be cut
 * short half-way. */
bool ths_is_meta_code(uint64_t pc)
{
	for (unsigned i = 0; i < ths_instances(); i++) {
		const struct ths_instance *instance = &ths_core.instance[i];

		if (instance->block && pc - instance->text < instance->text_size)
			return true;
	}
	return false;
}
