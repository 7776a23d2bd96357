/*
 * migrate - the rows of a table change their layout as a module is published.
 *
 * See swap.c for the order of things. Here, with commits held off: make the new versions
 * (the incoming module's function, run as an interaction, so that its fault is an error);
 * lock the rows; let the bindings be published; install, or put everything back.
 *
 * Invariants
 *   J1  Between lock and install no row of the table can be read or written.
 *   J2  An error, of the function or of the publication, leaves each row as it was.
 *
 * Left out on purpose: lazy conversion row by row, forward and back (the core issue). Cost:
 * O(rows), during which other CPUs' commits wait.
 */
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"

struct step { /* one row */
	struct ths_slot *slot;
	struct ths_version *old, *new;
};

struct migration {
	struct ths_table *table;
	const struct ths_table_decl *decl;
	const struct ths_migrate_decl *with;
	struct ths_instance *instance, *old;
	struct step *step;
	uint32_t made;  /* new versions taken */
	uint32_t steps; /* rows found; no more than that */
	uint32_t pool;
	unsigned order;
};

static unsigned order_for(size_t bytes)
{
	unsigned order = 0;

	while (((size_t)THS_PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

/* Room for a step per live row, and a free version for each. Depth 0. */
static enum ths_err prepare(struct ths_cpu *cpu, struct migration *m)
{
	uint32_t rows = atomic_load(&m->table->live);

	m->pool = ths_pool_of(m->decl->row_size);
	if (m->pool < m->table->pool)
		m->pool = m->table->pool; /* T5 */
	m->order = order_for(rows * sizeof(struct step));
	m->step = ths_pages_take(m->order);
	if (!m->step)
		return THS_E_NOMEM;
	for (; m->made < rows; m->made++) {
		if (!cpu->pool[m->pool])
			THS_TRY(ths_pool_refill(cpu, m->pool));
		m->step[m->made].new = ths_pool_take(cpu, m->pool);
	}
	return THS_OK;
}

/*
 * Which rows there are. With commits held off: what a slot leads to cannot be superseded
 * now, so it cannot be given back and used again while it is read, either.
 */
static enum ths_err collect(struct migration *m)
{
	uint32_t fresh = atomic_load(&m->table->fresh);

	for (uint32_t i = 0; i < fresh; i++) {
		struct ths_slot *slot = table_slot(m->table, i);
		struct ths_version *old = slot_version(atomic_load(&slot->word));

		if (!ths_version_is_live(old))
			continue;
		if (m->steps == m->made)
			return THS_E_BUSY; /* a row appeared since prepare() */
		m->step[m->steps].slot = slot;
		m->step[m->steps].old = old;
		m->steps++;
	}
	return THS_OK;
}

static enum ths_err convert_one(const struct migration *m, struct step *step)
{
	bool keyed = m->table->flags & THS_KEYED;
	enum ths_err err;

	memset(step->new->data, 0, (m->decl->row_size + 7u) & ~7u);
	step->new->generation = step->old->generation;
	step->new->flags = 0;
	ths_arch_core_leave();
	err = m->with->fn(step->old->data, step->new->data);
	ths_arch_core_enter();
	if (err)
		return err > 0 || err < THS_ERR_LAST ? THS_E_INTERNAL : err;
	if (keyed && memcmp(step->old->data, step->new->data, 8) != 0)
		return THS_E_SCHEMA; /* keys do not change (P18) */
	return THS_OK;
}

static enum ths_err convert(struct ths_cpu *cpu, void *arg)
{
	struct migration *m = arg;

	cpu->call->instance = cpu->serving = m->instance; /* whose fault it would be */
	for (uint32_t i = 0; i < m->steps; i++)
		THS_TRY(convert_one(m, &m->step[i]));
	return THS_OK;
}

/* Commits are held off, so nobody else has locked them or changes them. */
static void lock_rows(struct migration *m)
{
	for (uint32_t i = 0; i < m->steps; i++)
		atomic_fetch_or(&m->step[i].slot->word, SLOT_LOCKED);
}

static void unlock_rows(struct migration *m)
{
	for (uint32_t i = 0; i < m->steps; i++)
		atomic_fetch_and(&m->step[i].slot->word, ~(uintptr_t)SLOT_LOCKED);
}

static void install_rows(struct migration *m)
{
	uint64_t version = atomic_fetch_add(&ths_core.clock, 1) + 1;

	for (uint32_t i = 0; i < m->steps; i++) {
		struct step *step = &m->step[i];

		step->new->commit = m->table->flags & THS_PER_CPU ? 0 : version;
		step->new->older = NULL; /* nobody may read it in the old layout */
		step->new->schema = m->table->schema_version;
		/* sleepers stay marked: the publication woke who slept on the binding */
		(void)atomic_exchange(&step->slot->word, (uintptr_t)step->new);
	}
}

struct layout {
	char schema[THS_NAME_MAX];
	uint32_t row_size;
	uint16_t version;
	struct ths_layout members;
};

static void save_layout(const struct ths_table *table, struct layout *layout)
{
	memcpy(layout->schema, table->schema, sizeof(layout->schema));
	layout->row_size = table->row_size;
	layout->version = table->schema_version;
	layout->members = table->layout;
}

static void set_layout(struct ths_table *table, const struct layout *layout)
{
	memcpy(table->schema, layout->schema, sizeof(table->schema));
	ths_table_set_size(table, layout->row_size);
	table->schema_version = layout->version;
	table->layout = layout->members;
}

static void new_layout(const struct migration *m, struct layout *layout)
{
	uint64_t number = 0;
	size_t slash = 0;

	while (m->decl->schema[slash] != '/')
		slash++;
	(void)!ths_str_parse_u64(m->decl->schema + slash + 1,
				 ths_strlen(m->decl->schema + slash + 1), &number);
	memset(layout->schema, 0, sizeof(layout->schema));
	(void)!ths_str_copy(layout->schema, sizeof(layout->schema), m->decl->schema);
	layout->row_size = m->decl->row_size;
	layout->version = (uint16_t)number;
	layout->members = m->instance->layout[m->decl - m->instance->module->tables];
}

/* Gives back the versions of the side that is not needed any more. */
static void finish(struct ths_cpu *cpu, struct migration *m, bool done)
{
	ths_quiesce();
	for (uint32_t i = done ? m->steps : 0; i < m->made; i++)
		ths_pool_give(cpu, m->step[i].new);
	for (uint32_t i = 0; done && i < m->steps; i++)
		if (m->step[i].old != m->table->zero)
			ths_pool_give(cpu, m->step[i].old);
	if (done && m->table->zero) { /* every row has a version of its own now */
		ths_pool_give(cpu, m->table->zero);
		m->table->zero = NULL;
	}
	ths_pages_give(m->step, m->order);
}

static enum ths_err switch_over(struct migration *m,
				enum ths_err (*change)(struct ths_cpu *, void *), void *arg)
{
	struct layout before, after;
	enum ths_err err;

	lock_rows(m);
	save_layout(m->table, &before);
	new_layout(m, &after);
	set_layout(m->table, &after);
	err = ths_swap_bindings(m->old, m->instance, change, arg);
	if (err == THS_OK) {
		install_rows(m);
	} else {
		set_layout(m->table, &before);
		unlock_rows(m);
	}
	return err;
}

static enum ths_err migrate_once(struct ths_cpu *cpu, struct migration *m,
				 enum ths_err (*change)(struct ths_cpu *, void *), void *arg)
{
	enum ths_err err = prepare(cpu, m);

	if (err == THS_OK) {
		ths_swap_hold(cpu, m->old);
		err = collect(m);
		if (err == THS_OK)
			err = ths_publish(convert, m);
		if (err == THS_OK)
			err = switch_over(m, change, arg);
		ths_swap_let_go(cpu, m->old);
	}
	if (m->step)
		finish(cpu, m, err == THS_OK);
	return err;
}

/* The first table of @instance that stands in another schema than it declares. */
static bool find_step(struct ths_instance *instance, struct migration *m)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		struct ths_table *table = instance->table[i];
		const struct ths_table_decl *decl = &instance->module->tables[i];

		if (!decl->schema || ths_streq(table->schema, decl->schema))
			continue;
		*m = (struct migration){.table = table, .decl = decl, .instance = instance};
		m->with = ths_migration_for(instance->module, table->schema, decl->schema);
		return true;
	}
	return false;
}

bool ths_migrate_needed(struct ths_instance *instance)
{
	struct migration unused;

	return find_step(instance, &unused);
}

static bool declares(const struct ths_instance *instance, const struct ths_table *table)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		if (instance->table[i] == table)
			return true;
	return false;
}

/* Whether somebody else is bound who reads the table in the old schema. */
static bool others_use(const struct ths_table *table, const struct ths_instance *old)
{
	for (unsigned i = 0; i < INSTANCES_MAX; i++) {
		const struct ths_instance *other = &ths_core.instance[i];

		if (other != old && other->state == THS_INSTANCE_BOUND &&
		    declares(other, table))
			return true;
	}
	return false;
}

/* Tables of @new stand in another schema; nobody but @old may be using them. */
enum ths_err ths_migrate(struct ths_instance *old, struct ths_instance *new,
			 enum ths_err (*change)(struct ths_cpu *, void *), void *arg)
{
	struct ths_cpu *cpu = ths_cpu();
	struct migration m;
	enum ths_err err = THS_E_BUSY;

	for (unsigned tries = 0; err == THS_E_BUSY && tries < 8; tries++) {
		if (!find_step(new, &m))
			return THS_E_INTERNAL;
		m.old = old;
		if (!m.with || others_use(m.table, old))
			return THS_E_SCHEMA;
		cpu->section++;
		err = migrate_once(cpu, &m, change, arg);
		cpu->section--;
	}
	return err;
}
