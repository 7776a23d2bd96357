/*
 * ledger - some thousand accounts, and how often there was an entry in any of them.
 */
#pragma once

#include <theseus/interface.h>

#define LEDGER_ACCOUNTS 3000u
#define LEDGER_BAD      2345u /* the account that ledger.bad cannot convert */

struct ledger_entry {
	uint64_t account;
	uint64_t entries; /* out: in this account */
	uint64_t total;   /* out: in all of them; `read` leaves it 0 */
	uint64_t version; /* out: of the build that made it */
};

#define LEDGER_OPS(OP)                                                                   \
	OP(ledger, enter, struct ledger_entry, 0)                                        \
	OP(ledger, read, struct ledger_entry, 0)
THS_INTERFACE(ledger, 1, LEDGER_OPS)
