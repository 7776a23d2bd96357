/*
 * ledger - see ledger.h. Built three times: LEDGER is 1, or 2 for accounts of another
 * schema and size class, or 3 for the same with a function that faults in their midst.
 *
 * What an account says follows from its entries, so that a byte that was not carried over,
 * or carried to the wrong place, is seen by whoever reads it next.
 */
#include "ledger.h"

#include <theseus/module.h>
#include <theseus/row.h>

enum { ACCOUNT, TOTAL };

struct account_first { /* "ledger.account/1" */
	uint32_t number, entries;
	uint64_t sum;
};
struct account_second { /* "ledger.account/2" */
	uint64_t sum_high, sum_low;
	uint64_t history[9];
	uint32_t entries, number;
};
struct total {
	uint64_t entries;
};

/* What is told of an account in either schema. */
struct told {
	uint32_t number, entries;
};

static uint64_t sum_of(struct told told)
{
	return told.entries * 0x100000001ull * (told.number + 1u);
}

static inline enum ths_err get_first(const struct account_first *from, struct told *told)
{
	*told = (struct told){from->number, from->entries};
	return from->sum == sum_of(*told) ? THS_OK : THS_E_DIGEST;
}

static inline void put_first(struct account_first *to, struct told told)
{
	*to = (struct account_first){told.number, told.entries, sum_of(told)};
}

static inline enum ths_err get_second(const struct account_second *from, struct told *told)
{
	*told = (struct told){from->number, from->entries};
	for (unsigned i = 0; i < 9; i++)
		if (from->history[i] != told->entries * (i + 1ull))
			return THS_E_DIGEST;
	return (from->sum_high << 32 | from->sum_low) == sum_of(*told) ? THS_OK
								       : THS_E_DIGEST;
}

static inline void put_second(struct account_second *to, struct told told)
{
	to->sum_high = sum_of(told) >> 32;
	to->sum_low = (uint32_t)sum_of(told);
	to->entries = told.entries;
	to->number = told.number;
	for (unsigned i = 0; i < 9; i++)
		to->history[i] = told.entries * (i + 1ull);
}

#if LEDGER == 1
#define ACCOUNT_ROW account_first
#define get         get_first
#define put         put_first
#else
#define ACCOUNT_ROW account_second
#define get         get_second
#define put         put_second

static enum ths_err there(const void *old_row, void *new_row)
{
	struct told told;

	THS_TRY(get_first(old_row, &told));
#if LEDGER == 3
	if (told.number == LEDGER_BAD)
		return (enum ths_err) * (const volatile int *)(told.number * 8ul);
#endif
	put_second(new_row, told);
	return THS_OK;
}

static enum ths_err back(const void *old_row, void *new_row)
{
	struct told told;

	THS_TRY(get_second(old_row, &told));
	put_first(new_row, told);
	return THS_OK;
}
#endif

static enum ths_err enter(struct ths_call *call, struct ledger_entry *arg)
{
	struct ACCOUNT_ROW *account;
	struct total *total;
	struct told told;

	THS_TRY(ths_row_write(call, ACCOUNT, (uint32_t)arg->account, &account));
	THS_TRY(get(account, &told));
	told.number = (uint32_t)arg->account; /* at first it is 0 */
	told.entries++;
	put(account, told);
	THS_TRY(ths_row_write(call, TOTAL, 0, &total));
	arg->entries = told.entries;
	arg->total = ++total->entries;
	arg->version = LEDGER;
	return THS_OK;
}

static enum ths_err read(struct ths_call *call, struct ledger_entry *arg)
{
	const struct ACCOUNT_ROW *account;
	struct told told;

	THS_TRY(ths_row_read(call, ACCOUNT, (uint32_t)arg->account, &account));
	THS_TRY(get(account, &told));
	arg->entries = told.entries;
	arg->version = LEDGER;
	return THS_OK;
}

#define LEDGER_MODULE(token_, id_, number_, ...)                                         \
	THS_MODULE(token_, id_, LEDGER, 0, THS_PROVIDES(ledger, .enter = enter, .read = read), \
		   THS_TABLE(ACCOUNT, "ledger.account/" #number_, struct ACCOUNT_ROW,    \
			     .rows = LEDGER_ACCOUNTS, .flags = THS_FIXED),               \
		   THS_TABLE(TOTAL, "ledger.total/1", struct total, .flags = THS_FIXED), \
		   __VA_ARGS__)
#define BOTH_WAYS THS_MIGRATE(0, "ledger.account/1", "ledger.account/2", there, back)
#if LEDGER == 1
LEDGER_MODULE(ledger, "ledger", 1, );
#elif LEDGER == 2
LEDGER_MODULE(ledger_v2, "ledger.v2", 2, BOTH_WAYS);
#else
LEDGER_MODULE(ledger_bad, "ledger.bad", 2, BOTH_WAYS);
#endif
