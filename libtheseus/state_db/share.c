/*
 * share - who owns a joint row.
 *
 * A row of a joint table belongs to clients (tasks). Each share is a row of state_db's
 * own, found by (table, client, row), and threaded on two lists: the client's shares and
 * the row's owners. So a client's death needs no module's help: its list is walked, a
 * share an interaction, and a row whose last owner leaves is removed.
 *
 * Invariants
 *   O1  A live joint row has at least one owner.
 *   O2  Shares, their lists and the rows they own change in one commit.
 *
 * Cost: each operation O(1); the death of a client O(its shares).
 */
#include <theseus/iface/module.h>
#include "nano_core/nano_core_impl.h"

#define SHARES_MAX 8192u

struct share {
	uint64_t key;
	uint32_t table, row, generation, client;
	uint32_t client_next, client_prev; /* share rows; THS_ROW_NONE: none */
	uint32_t owner_next, owner_prev;
};
struct owned { /* by (table, row) */
	uint64_t key;
	uint32_t head, count;
};
struct holder { /* by client */
	uint32_t some; /* 1: head is valid (rows start zeroed) */
	uint32_t head;
};

static struct ths_table *shares, *owneds, *holders;

enum ths_err ths_share_init(void)
{
	static const struct ths_table_decl share_decl = {"state_db.share/1",
							 sizeof(struct share), SHARES_MAX,
							 THS_KEYED};
	static const struct ths_table_decl owned_decl = {"state_db.owned/1",
							 sizeof(struct owned), SHARES_MAX,
							 THS_KEYED};
	static const struct ths_table_decl holder_decl = {"state_db.holder/1",
							  sizeof(struct holder),
							  CONTEXTS_MAX + 1, THS_FIXED};
	bool made;

	THS_TRY(ths_table_open(&share_decl, "", &shares, &made));
	THS_TRY(ths_table_open(&owned_decl, "", &owneds, &made));
	return ths_table_open(&holder_decl, "", &holders, &made);
}

static uint64_t owned_key(uint32_t table, uint32_t row)
{
	return ((uint64_t)table << 32) | row;
}

static uint64_t share_key(uint32_t table, uint32_t row, uint32_t client)
{
	return ((uint64_t)client << 48) | owned_key(table, row);
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

/* Puts @share, row @number, first on its client's list. */
static enum ths_err link_client(struct ths_cpu *cpu, struct share *share, uint32_t number)
{
	struct holder *holder;
	struct share *next;

	THS_TRY(write_as(cpu, holders, share->client, &holder));
	share->client_prev = THS_ROW_NONE;
	share->client_next = holder->some ? holder->head : THS_ROW_NONE;
	if (holder->some) {
		THS_TRY(write_as(cpu, shares, holder->head, &next));
		next->client_prev = number;
	}
	holder->some = 1;
	holder->head = number;
	return THS_OK;
}

static enum ths_err unlink_client(struct ths_cpu *cpu, const struct share *share)
{
	struct share *other;
	struct holder *holder;

	if (share->client_next != THS_ROW_NONE) {
		THS_TRY(write_as(cpu, shares, share->client_next, &other));
		other->client_prev = share->client_prev;
	}
	if (share->client_prev != THS_ROW_NONE) {
		THS_TRY(write_as(cpu, shares, share->client_prev, &other));
		other->client_next = share->client_next;
		return THS_OK;
	}
	THS_TRY(write_as(cpu, holders, share->client, &holder));
	holder->some = share->client_next != THS_ROW_NONE;
	holder->head = share->client_next;
	return THS_OK;
}

/* The row's record of owners, made if there is none. */
static enum ths_err write_owned(struct ths_cpu *cpu, uint64_t key, uint32_t *number,
				struct owned **out)
{
	const struct ths_version *present;
	struct ths_version *version;
	enum ths_err err = ths_index_find(cpu, owneds, key, number, &present);

	if (err == THS_OK)
		return write_as(cpu, owneds, *number, out);
	if (err != THS_E_NOENT)
		return err;
	THS_TRY(ths_table_new(cpu, owneds, key, number, &version));
	*out = (struct owned *)(void *)version->data;
	(*out)->head = THS_ROW_NONE;
	return THS_OK;
}

static enum ths_err link_owner(struct ths_cpu *cpu, struct share *share, uint32_t number)
{
	struct owned *owned;
	struct share *next;
	uint32_t unused;

	THS_TRY(write_owned(cpu, owned_key(share->table, share->row), &unused, &owned));
	share->owner_prev = THS_ROW_NONE;
	share->owner_next = owned->head;
	if (owned->head != THS_ROW_NONE) {
		THS_TRY(write_as(cpu, shares, owned->head, &next));
		next->owner_prev = number;
	}
	owned->head = number;
	owned->count++;
	return THS_OK;
}

/* *@last: nobody owns the row now; its record is gone. */
static enum ths_err unlink_owner(struct ths_cpu *cpu, const struct share *share, bool *last)
{
	struct owned *owned;
	struct share *other;
	uint32_t number;

	if (share->owner_next != THS_ROW_NONE) {
		THS_TRY(write_as(cpu, shares, share->owner_next, &other));
		other->owner_prev = share->owner_prev;
	}
	if (share->owner_prev != THS_ROW_NONE) {
		THS_TRY(write_as(cpu, shares, share->owner_prev, &other));
		other->owner_next = share->owner_next;
	}
	THS_TRY(write_owned(cpu, owned_key(share->table, share->row), &number, &owned));
	if (share->owner_prev == THS_ROW_NONE)
		owned->head = share->owner_next;
	owned->count--;
	*last = owned->count == 0;
	return *last ? ths_table_free(cpu, owneds, number) : THS_OK;
}

enum ths_err ths_share_add(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			   uint32_t generation)
{
	struct ths_version *version;
	struct share *share;
	uint32_t number;

	THS_TRY(ths_table_new(cpu, shares, share_key(table->id, row, cpu->current), &number,
			      &version));
	share = (struct share *)(void *)version->data;
	share->table = table->id;
	share->row = row;
	share->generation = generation;
	share->client = cpu->current;
	THS_TRY(link_client(cpu, share, number));
	return link_owner(cpu, share, number);
}

static enum ths_err remove_share(struct ths_cpu *cpu, uint32_t number, bool *last)
{
	struct share *share;
	struct share gone;

	THS_TRY(write_as(cpu, shares, number, &share));
	gone = *share;
	THS_TRY(unlink_client(cpu, &gone));
	THS_TRY(unlink_owner(cpu, &gone, last));
	return ths_table_free(cpu, shares, number);
}

enum ths_err ths_share_remove(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			      uint32_t client)
{
	const struct ths_version *present;
	uint32_t number;
	bool last;

	THS_TRY(ths_index_find(cpu, shares, share_key(table->id, row, client), &number,
			       &present));
	THS_TRY(remove_share(cpu, number, &last));
	return last ? ths_table_free(cpu, table, row) : THS_OK;
}

enum ths_err ths_share_remove_all(struct ths_cpu *cpu, struct ths_table *table, uint32_t row)
{
	const struct ths_version *present;
	uint32_t number;
	bool last = false;

	THS_TRY(ths_index_find(cpu, owneds, owned_key(table->id, row), &number, &present));
	while (!last) {
		THS_TRY(ths_table_read(cpu, owneds, number, &present));
		THS_TRY(remove_share(
			cpu, ((const struct owned *)(const void *)present->data)->head,
			&last));
	}
	return THS_OK;
}

/* Outside of interactions: what the version says counts if it is still the present one
 * afterwards, for then nobody has used it again meanwhile. */
bool ths_share_has_any(uint32_t client)
{
	struct ths_slot *slot = table_slot(holders, client);
	uintptr_t word;
	bool some;

	do {
		const struct holder *holder;

		word = atomic_load(&slot->word);
		holder = (const struct holder *)(const void *)slot_version(word)->data;
		some = __atomic_load_n(&holder->some, __ATOMIC_ACQUIRE);
	} while (slot_version(atomic_load(&slot->word)) != slot_version(word));
	return some;
}

enum ths_err ths_share_reap_one(struct ths_cpu *cpu, uint32_t client)
{
	const struct ths_version *present;
	const struct holder *holder;
	const struct share *share;

	THS_TRY(ths_table_read(cpu, holders, client, &present));
	holder = (const struct holder *)(const void *)present->data;
	if (!holder->some)
		return THS_E_NOENT;
	THS_TRY(ths_table_read(cpu, shares, holder->head, &present));
	share = (const struct share *)(const void *)present->data;
	return ths_share_remove(cpu, &ths_core.table[share->table], share->row, client);
}

bool ths_share_next(struct module_share *out)
{
	for (uint32_t i = out->share + 1; i < atomic_load(&shares->fresh); i++) {
		const struct ths_version *version =
			slot_version(atomic_load(&table_slot(shares, i)->word));
		const struct share *share;

		if (!ths_version_is_live(version))
			continue;
		share = (const struct share *)(const void *)version->data;
		*out = (struct module_share){.share = i,
					     .client = share->client,
					     .table = share->table,
					     .row = share->row,
					     .generation = share->generation};
		return true;
	}
	return false;
}
