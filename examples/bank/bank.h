/*
 * bank - accounts, and money that moves between them.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

#define BANK_ACCOUNTS 16u

struct bank_transfer { /* THS_E_QUOTA: there is not so much in @from */
	uint32_t from, to;
	uint64_t amount;
};
struct bank_sum { /* of all accounts, at one moment */
	uint64_t sum; /* out */
};

#define BANK_OPS(OP)                                                                     \
	OP(bank, transfer, struct bank_transfer, 0)                                      \
	OP(bank, sum, struct bank_sum, 0)
THS_INTERFACE(bank, 1, BANK_OPS)
