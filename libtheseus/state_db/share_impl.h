/*
 * share_impl - what share.c and quota.c share: a client's record.
 */
#pragma once

#include <stdint.h>
#include "state_db/state_db_impl.h"

/* Of a title or a share: (1 + id of the table) << 32 | row. A title is named by the row it
 * is of. 0: none. */
typedef uint64_t place_t;

struct holder { /* by client */
	place_t first;       /* of its list */
	uint32_t rows;       /* how long that is: what the client is charged for */
	uint32_t limit;      /* it may own so many, if it is ... */
	uint32_t generation; /* ... this task; else as many as by default */
};

/* share.c */
THS_MUST_CHECK enum ths_err ths_holder_write(struct ths_cpu *cpu, uint32_t client,
					     struct holder **out);
THS_MUST_CHECK enum ths_err ths_holder_read(struct ths_cpu *cpu, uint32_t client,
					    const struct holder **out);
/* At one moment, from wherever it is asked. */
void ths_holder_look(uint32_t client, struct holder *out);
/* quota.c: one more row of @table for the calling client. */
THS_MUST_CHECK enum ths_err ths_quota_charge(struct ths_cpu *cpu, struct holder *holder,
					     const struct ths_table *table);
