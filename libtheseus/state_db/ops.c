/*
 * ops - this copy of state_db, as the others see it: a metamodule with a table of entries,
 * and `state_db/1` for whoever is curious.
 */
#include "state_db/names.h" /* first */
#include <theseus/iface/state_db.h>
#include <theseus/metamodule.h>
#include "nano_core/nano_core_impl.h"

#ifndef STATE_DB_VERSION
#define STATE_DB_VERSION 1
#endif

const struct ths_db_ops ths_state_db_ops = {
#define DB_ENTRY(type, name, params, args) .name = ths_##name,
#include "state_db/entries.def"
};

static enum ths_err db_count(struct ths_call *call, struct state_db_count *arg)
{
	uint32_t tables = atomic_load(&ths_core.tables);

	(void)call;
	*arg = (struct state_db_count){.state = sizeof(struct db_state),
				       .version = STATE_DB_VERSION};
	for (uint32_t i = 0; i < tables; i++) {
		arg->tables += ths_core.table[i].schema[0] != 0;
		arg->commits += atomic_load(&ths_core.table[i].commits);
	}
	return THS_OK;
}

#ifdef STATE_DB_OTHER
static enum ths_err db_adopt(struct ths_call *call)
{
	(void)call;
	ths_state_state_db.moves++;
	return THS_OK;
}
#endif

/* Whether the state is one: a copy that was moved to, or linked to, something else would
 * hand out rows that are in use. */
static enum ths_err db_selftest(struct ths_call *call)
{
	uint32_t tables = atomic_load(&ths_core.tables);

	(void)call;
	if (ths_state_state_db.share_table >= tables ||
	    ths_state_state_db.holder_table >= tables ||
	    ths_state_state_db.orphan_table >= tables)
		return THS_E_INTERNAL;
	for (uint32_t i = 0; i < tables; i++) {
		const struct ths_table *table = &ths_core.table[i];
		uint32_t head = ths_state_state_db.free[i].head;

		if (table->schema[0] && head != THS_ROW_NONE &&
		    head >= atomic_load(&((struct ths_table *)(uintptr_t)table)->fresh))
			return THS_E_INTERNAL;
	}
	return THS_OK;
}

THS_MODULE(state_db, "state_db", STATE_DB_VERSION, 0,
	   THS_EXCEPTION("it is under all transactions, and one piece"),
	   THS_PROVIDES(state_db, .count = db_count), .selftest = db_selftest,
	   THS_HOLDS("state_db.state/1", struct db_state, ths_state_state_db,
#ifdef STATE_DB_OTHER
		     .adopt = db_adopt,
#endif
		     .entries = &ths_state_db_ops));
