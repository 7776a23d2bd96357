/*
 * tables - emptied row by row, and let go when nobody declares them any more.
 *
 * What state_db forgets without transactions nobody may read, or lead to. Where somebody
 * does - users of a soft table, the owners of joint rows - the rows have to go first, like
 * any rows, a few in an interaction.
 */
#include <theseus/string.h>
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"

#define EMPTIED 4u /* rows in one interaction; a joint one takes a dozen writes */

struct emptying {
	struct ths_table *table;
	uint32_t row; /* from here on */
	uint32_t most;
	bool cache; /* it has soft rows that come and go, or is another table by now */
	uint32_t next, done; /* out */
};

/* The first row from *@row on goes; one of a fixed table is zeroed. THS_E_NOENT: none. */
static enum ths_err empty_row(struct ths_cpu *cpu, struct ths_table *table, uint32_t *row)
{
	struct ths_version *version;
	uint32_t before = *row - 1;

	if (table->flags & THS_FIXED) {
		if (*row >= table->rows)
			return THS_E_NOENT;
		THS_TRY(ths_table_write(cpu, table, (*row)++, &version));
		memset(version->data, 0, table->row_size);
		return THS_OK;
	}
	THS_TRY(ths_table_next(cpu, table, &before));
	*row = before + 1;
	if (table->flags & THS_JOINT)
		THS_TRY(ths_share_remove_all(cpu, table, before));
	return ths_table_free(cpu, table, before);
}

static enum ths_err empty_some(struct ths_cpu *cpu, void *arg)
{
	struct emptying *at = arg;
	enum ths_err err = THS_OK;

	/* Who lets a table go waits for interactions that have seen it in use. */
	if (!atomic_load(&at->table->used) || (at->cache && (at->table->flags & (THS_SOFT | THS_FIXED)) != THS_SOFT))
		return THS_E_NOENT;
	at->next = at->row;
	at->done = 0;
	while (at->done < at->most && (err = empty_row(cpu, at->table, &at->next)) == THS_OK)
		at->done++;
	return err == THS_E_NOENT && at->done ? THS_OK : err;
}

enum ths_err ths_table_empty_one(struct ths_table *table, uint32_t row)
{
	struct emptying at = {.table = table, .row = row, .most = 1};

	THS_POINT("tables/before-empty-one");
	return ths_publish(empty_some, &at);
}

enum ths_err ths_table_empty_some(struct ths_table *table, bool cache, uint32_t *row,
				  uint32_t *gone)
{
	struct emptying at = {
		.table = table, .row = *row, .most = EMPTIED, .cache = cache};

	THS_POINT("tables/before-empty");
	THS_TRY(ths_publish(empty_some, &at));
	*row = at.next;
	*gone = at.done;
	return THS_OK;
}

enum ths_err ths_table_empty(struct ths_table *table)
{
	uint32_t row = 0, gone;
	enum ths_err err;

	while ((err = ths_table_empty_some(table, false, &row, &gone)) == THS_OK)
		row = table->flags & THS_FIXED ? row : 0; /* others may come behind us */
	return err == THS_E_NOENT ? THS_OK : err;
}

/* Its rows are about to be forgotten: nobody is to own one. */
static bool disown(struct ths_table *table)
{
	enum ths_err err = table->flags & THS_JOINT ? ths_table_empty(table) : THS_OK;

	if (err)
		ths_logf("%s of %s keeps its rows: %s", table->schema, table->instance,
			 ths_err_text(err));
	return err == THS_OK;
}

void ths_instance_wipe(struct ths_instance *instance)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		if (!(instance->made >> i & 1) || !disown(instance->table[i]))
			continue;
		THS_POINT("tables/before-wipe");
		ths_table_wipe(instance->table[i]);
	}
}

/* An instance's own joint rows that cannot be removed stay, and so does the table. */
void ths_instance_close(struct ths_instance *instance)
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		struct ths_table *table = instance->table[i];

		if (!table || table == &ths_core.no_table)
			continue;
		if (table->used == 1 && (table->flags & THS_PER_INSTANCE))
			(void)disown(table);
		THS_POINT("tables/before-close");
		ths_table_close(table);
	}
}
