/*
 * ops - this copy of state_db, as the others see it.
 */
#include "state_db/names.h" /* first */
#include "nano_core/nano_core_impl.h"

const struct ths_db_ops ths_state_db_ops = {
#define DB_ENTRY(type, name, params, args) .name = ths_##name,
#include "state_db/entries.def"
};
