/*
 * bank, bank.v2, bank.shaky - the same bank three times: v2 keeps another row for an
 * account, and shaky, in that row, fails between the two writes of every transfer of 13.
 *
 * Nothing here knows of swaps, faults or other clients. Money is safe because a transfer is
 * one interaction: both rows change, or none.
 */
#include <theseus/module.h>
#include "bank.h"

enum { ACCOUNT };

struct bank_v1 { /* "bank.account/1" */
	uint64_t balance;
};
struct bank_v2 { /* "bank.account/2": who wrote it last, and how often, is kept as well */
	uint32_t version, writes;
	uint64_t balance;
};

#if BANK == 1
#define MODULE(...)  THS_MODULE(bank, "bank", 1, 0, __VA_ARGS__)
#define ACCOUNTS     "bank.account/1"
typedef struct bank_v1 account;
#elif BANK == 2
#define MODULE(...)  THS_MODULE(bank_v2, "bank.v2", 2, 0, __VA_ARGS__)
#else
#define MODULE(...)  THS_MODULE(bank_shaky, "bank.shaky", 2, 1, __VA_ARGS__)
#endif

#if BANK > 1
#define ACCOUNTS "bank.account/2"
typedef struct bank_v2 account;

static enum ths_err widen(const void *old_row, void *new_row)
{
	*(struct bank_v2 *)new_row =
		(struct bank_v2){.balance = ((const struct bank_v1 *)old_row)->balance};
	return THS_OK;
}

static enum ths_err narrow(const void *old_row, void *new_row)
{
	((struct bank_v1 *)new_row)->balance = ((const struct bank_v2 *)old_row)->balance;
	return THS_OK;
}
#endif

static void put(account *row, uint64_t balance)
{
	row->balance = balance;
#if BANK > 1
	row->version = BANK;
	row->writes++;
#endif
}

static enum ths_err transfer(struct ths_call *call, struct bank_transfer *arg)
{
	account *from, *to;

	THS_TRY(ths_row_write(call, ACCOUNT, arg->from, &from));
	THS_TRY(ths_row_write(call, ACCOUNT, arg->to, &to));
	if (from->balance < arg->amount)
		return THS_E_QUOTA;
	put(from, from->balance - arg->amount);
#if BANK == 3
	if (arg->amount == 13)
		return *(volatile enum ths_err *)0;
#endif
	put(to, to->balance + arg->amount);
	return THS_OK;
}

static enum ths_err sum(struct ths_call *call, struct bank_sum *arg)
{
	const account *row;

	arg->sum = 0;
	for (uint32_t i = 0; i < BANK_ACCOUNTS; i++) {
		THS_TRY(ths_row_read(call, ACCOUNT, i, &row));
		arg->sum += row->balance;
	}
	return THS_OK;
}

static enum ths_err start(struct ths_call *call)
{
	account *row;

	for (uint32_t i = 0; i < BANK_ACCOUNTS; i++) {
		THS_TRY(ths_row_write(call, ACCOUNT, i, &row));
		put(row, 1000);
	}
	return THS_OK;
}

MODULE(THS_TABLE(ACCOUNT, ACCOUNTS, account, .rows = BANK_ACCOUNTS,
		 .flags = THS_FIXED | THS_PERSIST),
#if BANK > 1
       THS_MIGRATE(0, "bank.account/1", "bank.account/2", widen, narrow),
#endif
       THS_PROVIDES(bank, .transfer = transfer, .sum = sum), .start = start);
