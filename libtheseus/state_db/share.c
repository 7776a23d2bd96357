/*
 * share - who owns a joint row.
 *
 * A row of a joint table belongs to clients (tasks). Beside each such row lies a hidden one
 * of the same number, its *title*: who owns it, and where that share stands on the list of
 * its client's shares. A row mostly has one owner, and then that is all. Each further one
 * has a row in the table "state_db.share", found by client and row, and chained to the
 * title:
 *
 *	title of a row: [ client | next | prev | more ] -> share [ … | more ] -> share
 *	holder of a client: [ first ] -> title or share <-> title or share <-> …
 *
 * So a client's death needs no module's help: its list is walked, a share an interaction,
 * and a row whose last owner leaves is removed.
 *
 * A row may have more owners than an interaction has writes. Who removes it takes the chain
 * of its further owners off the title and hangs it up in the table "state_db.orphan"; the
 * shares in it name a life of the row that is over, and go one by one at depth 0, soon.
 *
 * Invariants
 *   O1  A live joint row has at least one owner.
 *   O2  Titles, shares, their lists and the rows they are of change in one commit.
 *   O3  A title whose own place is empty while it has more owners stays so until they are
 *       gone: nobody is looked for in two places.
 *   O4  A share says which life of the row it is of; of another one than the row has, it is
 *       no title to anything, and makes no owner.
 *   O5  A client is charged (quota.c) for as many rows as there are titles and shares on its
 *       list.
 *
 * Cost: each operation O(1), however many owners a row and shares a client has, removal
 * included; the death of a client O(its shares).
 */
#include "state_db/names.h" /* first */
#include <theseus/iface/module.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/share_impl.h"

#define SHARES_MAX  8192u /* beyond the first of each row */
#define ORPHANS_MAX 256u  /* chains that wait to be reaped */

struct link {
	place_t next, prev; /* on the client's list */
	uint32_t client;    /* 1 + slot; 0: a title whose place is empty, or an orphan */
	uint32_t more;      /* 1 + the next share in the same row; 0: none */
};
struct share {
	uint64_t key;
	struct link link;
	place_t before; /* who has our number in `more` */
	place_t row;    /* the joint row ... */
	uint32_t generation; /* ... in this life of it */
	uint32_t unused;
};

_Static_assert(sizeof(struct link) <= 32, "a title is one version of pool 1");
enum { TITLE_POOL = 1 };

static const struct link no_title;

/* State has numbers, and no pointers. */
#define shares  (&ths_core.table[ths_state_state_db.share_table])
#define holders (&ths_core.table[ths_state_state_db.holder_table])
#define orphans (&ths_core.table[ths_state_state_db.orphan_table])

enum ths_err ths_share_init(void)
{
	static const struct ths_table_decl share_decl = {
		.schema = "state_db.share/1", .row_size = sizeof(struct share),
		.rows = SHARES_MAX, .flags = THS_KEYED};
	static const struct ths_table_decl holder_decl = {
		.schema = "state_db.holder/1", .row_size = sizeof(struct holder),
		.rows = CONTEXTS_MAX + 1, .flags = THS_FIXED};
	static const struct ths_table_decl orphan_decl = {
		.schema = "state_db.orphan/1", .row_size = sizeof(struct link),
		.rows = ORPHANS_MAX};
	struct ths_table *table = NULL;
	bool made;

	THS_TRY(ths_table_open(&share_decl, "", &table, &made));
	ths_state_state_db.share_table = table->id;
	THS_TRY(ths_table_open(&orphan_decl, "", &table, &made));
	ths_state_state_db.orphan_table = table->id;
	THS_TRY(ths_table_open(&holder_decl, "", &table, &made));
	ths_state_state_db.holder_table = table->id;
	return THS_OK;
}

static place_t place_of(const struct ths_table *table, uint32_t row)
{
	return ((uint64_t)table->id + 1) << 32 | row;
}

static struct ths_table *table_of(place_t place)
{
	return &ths_core.table[(place >> 32) - 1];
}

static uint32_t row_of(place_t place)
{
	return (uint32_t)place;
}

static bool is_title(place_t place)
{
	return table_of(place) != shares && table_of(place) != orphans;
}

static uint64_t share_key(place_t row, uint32_t client)
{
	return (uint64_t)client << 48 | row;
}

static enum ths_err write_as(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			     void *out)
{
	struct ths_version *version;
	enum ths_err err = ths_table_write(cpu, table, row, &version);

	if (err == THS_OK)
		*(void **)out = version->data;
	return err == THS_E_NOENT ? THS_E_INTERNAL : err; /* O2 */
}

static enum ths_err write_share(struct ths_cpu *cpu, place_t place, struct share **out)
{
	return write_as(cpu, shares, row_of(place), out);
}

static enum ths_err write_link(struct ths_cpu *cpu, place_t place, struct link **out)
{
	struct ths_version *version;
	struct share *share;

	if (is_title(place)) {
		THS_TRY(ths_txn_write_hidden(cpu, &table_of(place)->title[row_of(place)],
					     TITLE_POOL, &version));
		*out = (struct link *)(void *)version->data;
		return THS_OK;
	}
	if (table_of(place) == orphans)
		return write_as(cpu, orphans, row_of(place), out);
	THS_TRY(write_share(cpu, place, &share));
	*out = &share->link;
	return THS_OK;
}

static const struct link *link_in(const struct ths_version *version)
{
	return version ? (const struct link *)(const void *)version->data : &no_title;
}

static enum ths_err read_title(struct ths_cpu *cpu, struct ths_table *table,
			       uint32_t row, const struct link **out)
{
	const struct ths_version *version;

	if (row >= atomic_load(&table->fresh)) { /* there never was such a row */
		THS_TRY(ths_txn_count(cpu, &table->population));
		return THS_E_NOENT;
	}
	THS_TRY(ths_txn_read(cpu, &table->title[row], &version));
	*out = link_in(version);
	return THS_OK;
}

/* ---- the list of a client -------------------------------------------------------------- */

enum ths_err ths_holder_write(struct ths_cpu *cpu, uint32_t client, struct holder **out)
{
	return write_as(cpu, holders, client, out);
}

enum ths_err ths_holder_read(struct ths_cpu *cpu, uint32_t client, const struct holder **out)
{
	const struct ths_version *version;

	THS_TRY(ths_table_read(cpu, holders, client, &version));
	*out = (const struct holder *)(const void *)version->data;
	return THS_OK;
}

/* Puts @link, which is at @place, first on the list of the calling client: a title to a row
 * of @table. */
static enum ths_err link_client(struct ths_cpu *cpu, const struct ths_table *table,
				place_t place, struct link *link)
{
	struct holder *holder;
	struct link *next;

	THS_TRY(ths_holder_write(cpu, ths_client(cpu), &holder));
	THS_TRY(ths_quota_charge(cpu, holder, table));
	link->client = ths_client(cpu) + 1;
	link->prev = 0;
	link->next = holder->first;
	holder->first = place;
	if (!link->next)
		return THS_OK;
	THS_TRY(write_link(cpu, link->next, &next));
	next->prev = place;
	return THS_OK;
}

static enum ths_err unlink_client(struct ths_cpu *cpu, const struct link *link)
{
	struct link *other;
	struct holder *holder;

	THS_TRY(ths_holder_write(cpu, link->client - 1, &holder));
	holder->rows--;
	if (link->next) {
		THS_TRY(write_link(cpu, link->next, &other));
		other->prev = link->prev;
	}
	if (link->prev) {
		THS_TRY(write_link(cpu, link->prev, &other));
		other->next = link->next;
		return THS_OK;
	}
	holder->first = link->next;
	return THS_OK;
}

/* ---- the owners of a row --------------------------------------------------------------- */

static bool is_of(const struct ths_version *version, uint32_t generation)
{
	return ((const struct share *)(const void *)version->data)->generation == generation;
}

static enum ths_err remove_share(struct ths_cpu *cpu, place_t place)
{
	struct share *share, *next;
	struct link *before;

	THS_TRY(write_share(cpu, place, &share));
	THS_TRY(unlink_client(cpu, &share->link));
	THS_TRY(write_link(cpu, share->before, &before));
	before->more = share->link.more;
	if (share->link.more) {
		THS_TRY(write_as(cpu, shares, share->link.more - 1, &next));
		next->before = share->before;
	}
	return ths_table_free(cpu, shares, row_of(place));
}

/* A share under @key; an orphan that bears it, as the client owned the row in a life before,
 * has to go first. */
static enum ths_err new_share(struct ths_cpu *cpu, uint64_t key, uint32_t generation,
			      uint32_t *number, struct ths_version **version)
{
	const struct ths_version *present;
	enum ths_err err = ths_table_new(cpu, shares, key, number, version);

	if (err != THS_E_EXIST)
		return err;
	THS_TRY(ths_index_find(cpu, shares, key, number, &present));
	if (is_of(present, generation))
		return THS_E_EXIST;
	THS_TRY(remove_share(cpu, place_of(shares, *number)));
	return ths_table_new(cpu, shares, key, number, version);
}

/* The calling client becomes one more owner of @row, whose title has its place taken. */
static enum ths_err add_share(struct ths_cpu *cpu, const struct ths_table *table,
			      place_t row, uint32_t generation, struct link *title)
{
	struct ths_version *version;
	struct share *share, *next;
	uint32_t number;

	if (title->client == ths_client(cpu) + 1)
		return THS_E_EXIST;
	THS_TRY(new_share(cpu, share_key(row, ths_client(cpu)), generation, &number, &version));
	share = (struct share *)(void *)version->data;
	share->row = row;
	share->generation = generation;
	share->before = row;
	share->link.more = title->more;
	title->more = number + 1;
	if (share->link.more) {
		THS_TRY(write_as(cpu, shares, share->link.more - 1, &next));
		next->before = place_of(shares, number);
	}
	return link_client(cpu, table, place_of(shares, number), &share->link);
}

enum ths_err ths_share_add(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			   uint32_t generation)
{
	place_t place = place_of(table, row);
	struct link *title;

	THS_TRY(write_link(cpu, place, &title));
	if (title->client || title->more)
		return add_share(cpu, table, place, generation, title); /* O3 */
	return link_client(cpu, table, place, title);
}

static enum ths_err vacate_title(struct ths_cpu *cpu, place_t place)
{
	struct link *title;

	THS_TRY(write_link(cpu, place, &title));
	THS_TRY(unlink_client(cpu, title));
	*title = (struct link){.more = title->more};
	return THS_OK;
}

static enum ths_err remove_owner(struct ths_cpu *cpu, place_t place)
{
	return is_title(place) ? vacate_title(cpu, place) : remove_share(cpu, place);
}

static enum ths_err is_owned(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			     bool *owned)
{
	const struct link *title;

	THS_TRY(read_title(cpu, table, row, &title));
	*owned = title->client || title->more;
	return THS_OK;
}

/* The owner at @place leaves @row, and the last of all owners takes it along (O1). */
static enum ths_err leave(struct ths_cpu *cpu, place_t place, struct ths_table *table,
			  uint32_t row)
{
	bool owned;

	THS_TRY(remove_owner(cpu, place));
	THS_TRY(is_owned(cpu, table, row, &owned));
	return owned ? THS_OK : ths_table_free(cpu, table, row);
}

enum ths_err ths_share_remove(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			      uint32_t client)
{
	place_t place = place_of(table, row);
	const struct ths_version *present, *share;
	const struct link *title;
	uint32_t number;

	THS_TRY(read_title(cpu, table, row, &title));
	if (title->client != client + 1) {
		if (!title->more)
			return THS_E_NOENT;
		THS_TRY(ths_table_read(cpu, table, row, &present));
		THS_TRY(ths_index_find(cpu, shares, share_key(place, client), &number,
				       &share));
		if (!is_of(share, present->generation))
			return THS_E_NOENT;
		place = place_of(shares, number);
	}
	return leave(cpu, place, table, row);
}

/* ---- the removal of a row -------------------------------------------------------------- */

/* @title's chain of shares hangs on a row of its own from now on. */
static enum ths_err orphan(struct ths_cpu *cpu, struct link *title)
{
	struct ths_version *version;
	struct share *first;
	uint32_t number;

	THS_TRY(ths_table_new(cpu, orphans, 0, &number, &version));
	((struct link *)(void *)version->data)->more = title->more;
	THS_TRY(write_as(cpu, shares, title->more - 1, &first));
	first->before = place_of(orphans, number);
	title->more = 0;
	atomic_fetch_or(&cpu->pending, PENDING_REAP); /* should this be undone, there are none to be found */
	return THS_OK;
}

/* @row is about to be removed. */
enum ths_err ths_share_remove_all(struct ths_cpu *cpu, struct ths_table *table, uint32_t row)
{
	place_t place = place_of(table, row);
	const struct link *present;
	struct link *title;

	THS_TRY(read_title(cpu, table, row, &present));
	if (present->client)
		THS_TRY(vacate_title(cpu, place));
	if (!present->more)
		return THS_OK;
	THS_TRY(write_link(cpu, place, &title));
	return orphan(cpu, title);
}

bool ths_share_has_orphans(void)
{
	return atomic_load(&orphans->live) != 0;
}

/* One share of a row that was removed goes, or what they hung on when there are no more.
 * THS_E_NOENT: there are none. */
enum ths_err ths_share_reap_orphan(struct ths_cpu *cpu, void *unused)
{
	const struct ths_version *present;
	uint32_t row = THS_ROW_NONE, more;

	(void)unused;
	THS_TRY(ths_table_next(cpu, orphans, &row));
	THS_TRY(ths_table_read(cpu, orphans, row, &present));
	more = link_in(present)->more;
	return more ? remove_share(cpu, place_of(shares, more - 1))
		    : ths_table_free(cpu, orphans, row);
}

/* ---- the death of a client ------------------------------------------------------------- */

/* As it is at this moment, also outside of interactions. */
void ths_holder_look(uint32_t client, struct holder *out)
{
	struct ths_slot *slot = table_slot(holders, client);
	struct ths_cpu *cpu = ths_cpu();
	bool interrupts = ths_quiet_hold(cpu);

	*out = *(const struct holder *)(const void *)slot_version(atomic_load(&slot->word))->data;
	ths_quiet_release(cpu, interrupts);
}

bool ths_share_has_any(uint32_t client)
{
	struct holder holder;

	ths_holder_look(client, &holder);
	return holder.first != 0;
}

static const struct ths_table_decl *declaration(const struct ths_instance *instance,
						const struct ths_table *table)
{
	for (unsigned i = 0; instance && i < THS_TABLES_MAX; i++)
		if (instance->table[i] == table && instance->module->tables[i].released)
			return &instance->module->tables[i];
	return NULL;
}

/* Who is bound and wants to hear of it, at the moment of the transaction. That binding is
 * read: if another module takes over before the commit, it is that one's to hear. */
static enum ths_err find_declarer(struct ths_cpu *cpu, const struct ths_table *table,
				  struct ths_instance **out)
{
	const struct ths_version *version;

	*out = NULL;
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_slot *slot = &ths_core.binding[i].slot;
		struct ths_instance *instance;

		THS_TRY(ths_txn_peek(cpu, slot, &version));
		instance = ((const struct provider *)(const void *)version->data)->instance;
		if (!declaration(instance, table))
			continue;
		*out = instance;
		return ths_txn_read(cpu, slot, &version);
	}
	return THS_OK;
}

/* The module's own code, in its own name and with its own rights. */
static enum ths_err call_released(struct ths_cpu *cpu, struct ths_instance *instance,
				  struct ths_table *table, uint32_t row)
{
	const struct ths_table_decl *decl = declaration(instance, table);
	struct ths_instance *self = cpu->call->instance;
	const struct ths_version *version;
	enum ths_err err;

	THS_TRY(ths_table_read(cpu, table, row, &version));
	cpu->call->instance = cpu->serving = instance;
	cpu->txn.flags &= (uint16_t)~TXN_PUBLISH;
	ths_arch_core_leave();
	err = decl->released(cpu->call, row, version->data);
	ths_arch_core_enter();
	cpu->txn.flags |= TXN_PUBLISH;
	cpu->call->instance = cpu->serving = self;
	if (err)
		ths_logf("%s: released, row %u of %s: %s", instance->name, row,
			 table->schema, ths_err_text(err));
	return err > 0 || err < THS_ERR_LAST ? THS_E_INTERNAL : err;
}

/* Nobody owns the row any more. It may have been freed, or found an owner, when the module
 * has heard of it. */
static enum ths_err release(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			    bool *asked)
{
	struct ths_instance *instance = NULL;
	enum ths_err err;
	bool owned;

	if (asked)
		THS_TRY(find_declarer(cpu, table, &instance));
	if (instance) {
		*asked = true; /* stays so when there is no way back from there */
		THS_TRY(call_released(cpu, instance, table, row));
		*asked = false;
	}
	THS_TRY(is_owned(cpu, table, row, &owned));
	err = owned ? THS_OK : ths_table_free(cpu, table, row);
	return err == THS_E_NOENT ? THS_OK : err;
}

/* Whether the share @present, of a row of @row's number, is an orphan. */
static enum ths_err is_orphan(struct ths_cpu *cpu, const struct ths_version *share, place_t row,
			      bool *orphaned)
{
	const struct ths_version *present;
	enum ths_err err = ths_table_read(cpu, table_of(row), row_of(row), &present);

	*orphaned = err || !is_of(share, present->generation);
	return err == THS_E_NOENT ? THS_OK : err;
}

/* *@asked: it was `released` that failed; @asked NULL: nobody is asked. */
enum ths_err ths_share_reap_one(struct ths_cpu *cpu, uint32_t client, bool *asked)
{
	const struct ths_version *present;
	const struct holder *holder;
	bool owned = false, orphaned = false;
	place_t place, row;

	THS_TRY(ths_holder_read(cpu, client, &holder));
	place = row = holder->first;
	if (!place)
		return THS_E_NOENT;
	if (!is_title(place)) {
		THS_TRY(ths_table_read(cpu, shares, row_of(place), &present));
		row = ((const struct share *)(const void *)present->data)->row;
		THS_TRY(is_orphan(cpu, present, row, &orphaned));
	}
	THS_TRY(remove_owner(cpu, place));
	if (!orphaned)
		THS_TRY(is_owned(cpu, table_of(row), row_of(row), &owned));
	return owned || orphaned ? THS_OK : release(cpu, table_of(row), row_of(row), asked);
}

/* ---- looking at it --------------------------------------------------------------------- */

static const struct ths_version *live_version(struct ths_slot *slot)
{
	const struct ths_version *version = slot_version(atomic_load(&slot->word));

	return ths_version_is_live(version) ? version : NULL;
}

/* @generation: of the row's life; 0: whichever it is. */
static bool tell(struct module_share *out, uint32_t number, place_t row, uint32_t generation,
		 uint32_t client)
{
	struct ths_table *table = table_of(row);
	const struct ths_version *version = live_version(table_slot(table, row_of(row)));

	if (!version || !client || (generation && generation != version->generation))
		return false;
	*out = (struct module_share){.share = number,
				     .client = client - 1,
				     .table = table->id,
				     .row = row_of(row),
				     .generation = version->generation};
	return true;
}

static bool tell_share(struct module_share *out, uint32_t number)
{
	const struct ths_version *version = live_version(table_slot(shares, number));
	const struct share *share;

	if (!version)
		return false;
	share = (const struct share *)(const void *)version->data;
	return tell(out, number, share->row, share->generation, share->link.client);
}

static bool tell_title(struct module_share *out, uint32_t number, struct ths_table *table,
		       uint32_t row)
{
	const struct link *title =
		link_in(slot_version(atomic_load(&table->title[row].word)));

	return tell(out, number, place_of(table, row), 0, title->client);
}

/* Numbers are: the rows of the table of shares, then all titles, table by table. Where a
 * table comes or goes meanwhile they are others. */
bool ths_share_next(struct module_share *out)
{
	uint32_t number = out->share + 1, base = SHARES_MAX;

	for (; number < atomic_load(&shares->fresh); number++)
		if (tell_share(out, number))
			return true;
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++) {
		struct ths_table *table = &ths_core.table[i];

		if (atomic_load(&table->commits) == 0 || !table->title)
			continue;
		number = number > base ? number : base;
		for (; number < base + atomic_load(&table->fresh); number++)
			if (tell_title(out, number, table, number - base))
				return true;
		base += table->rows;
	}
	return false;
}
