/*
 * loader.listed - who is on the list may be loaded, who has faulted least takes over, and
 * drivers are watched longer.
 *
 * The list is a table of the machine's, "loader.list/1": it stays for whoever comes next. It
 * is kept by `allow`, under a hash of the id.
 *
 * Invariants
 *   L1  While the list is empty everybody may be loaded: so it can be swapped in before it
 *       is written, and does not shut out who is to write it.
 *   L2  An entry with a digest is of that one build; a module that is linked into the kernel
 *       has none, and is admitted by its id.
 *
 * Left out on purpose: who may change the list. Whoever calls `allow` may; where that is too
 * much, an interposer stands before it.
 */
#include <theseus/hash.h>
#include <theseus/iface/loader.h>
#include <theseus/module.h>
#include <theseus/string.h>

#define LISTED_MAX   256u
#define DRIVER_TIMES 10u /* as long */

enum { LIST };

struct loader_entry { /* "loader.list/1" */
	uint64_t key; /* hash of the id */
	char id[THS_NAME_MAX];
	uint8_t digest[32]; /* zero: any */
};

static uint64_t key_of(const char *id)
{
	return ths_hash_bytes(0, id, ths_strnlen(id, THS_NAME_MAX));
}

static bool is_same(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

static bool is_meant(const struct loader_entry *entry, const struct loader_module *module)
{
	static const uint8_t none[sizeof(entry->digest)];

	return is_same(entry->id, module->id, sizeof(entry->id)) &&
	       (is_same(entry->digest, none, sizeof(none)) ||
		is_same(module->digest, none, sizeof(none)) ||
		is_same(entry->digest, module->digest, sizeof(none)));
}

static enum ths_err listed_admit(struct ths_call *call, struct loader_module *arg)
{
	const struct loader_entry *entry;
	uint32_t row = THS_ROW_NONE;
	enum ths_err err = ths_row_find(call, LIST, key_of(arg->id), &row, &entry);

	if (err == THS_OK)
		return is_meant(entry, arg) ? THS_OK : THS_E_PERM;
	if (err != THS_E_NOENT)
		return err;
	row = THS_ROW_NONE;
	err = ths_row_next(call, LIST, &row);
	if (err == THS_E_NOENT)
		return THS_OK; /* L1 */
	return err ? err : THS_E_PERM;
}

static enum ths_err listed_rank(struct ths_call *call, struct loader_rank *arg)
{
	(void)call;
	arg->rank = arg->faults;
	return THS_OK;
}

static enum ths_err listed_probation(struct ths_call *call, struct loader_probation *arg)
{
	(void)call;
	if (arg->module.traits & LOADER_DRIVER) {
		arg->calls *= DRIVER_TIMES;
		arg->ticks *= DRIVER_TIMES;
	}
	return THS_OK;
}

static enum ths_err enter(struct ths_call *call, const struct loader_allow *arg)
{
	struct loader_entry *entry;
	const struct loader_entry *old;
	uint64_t key = key_of(arg->id);
	uint32_t row;
	enum ths_err err = ths_row_find(call, LIST, key, &row, &old);

	if (err == THS_E_NOENT)
		err = ths_row_new_keyed(call, LIST, key, &row, &entry);
	else if (err == THS_OK)
		err = is_same(old->id, arg->id, sizeof(old->id))
			      ? ths_row_write(call, LIST, row, &entry)
			      : THS_E_EXIST; /* another id of that hash */
	THS_TRY(err);
	memcpy(entry->id, arg->id, sizeof(entry->id));
	memcpy(entry->digest, arg->digest, sizeof(entry->digest));
	return THS_OK;
}

static enum ths_err strike(struct ths_call *call, const struct loader_allow *arg)
{
	const struct loader_entry *entry;
	uint32_t row;

	THS_TRY(ths_row_find(call, LIST, key_of(arg->id), &row, &entry));
	return is_same(entry->id, arg->id, sizeof(entry->id))
		       ? ths_row_free(call, LIST, row)
		       : THS_E_NOENT;
}

static enum ths_err listed_allow(struct ths_call *call, struct loader_allow *arg)
{
	size_t length = ths_strnlen(arg->id, sizeof(arg->id) - 1);

	memset(arg->id + length, 0, sizeof(arg->id) - length); /* entries are compared whole */
	return arg->allowed ? enter(call, arg) : strike(call, arg);
}

THS_MODULE(loader_listed, "loader.listed", 1, 0,
	   THS_PROVIDES(loader, .admit = listed_admit, .rank = listed_rank,
			.probation = listed_probation, .allow = listed_allow),
	   THS_TABLE(LIST, "loader.list/1", struct loader_entry, .rows = LISTED_MAX,
		     .flags = THS_KEYED | THS_PERSIST));
