/*
 * client - the program: clients move money about while the bank is swapped for one with
 * other rows, for one that faults, and restored from an image. The sum is always right.
 */
#include <stdatomic.h>
#include <theseus/iface/tasks.h>
#include <theseus/nano_core.h>
#include <theseus/save.h>
#include "bank.h"

#define CLIENTS   6u
#define TRANSFERS 400u
#define MONEY     (1000u * BANK_ACCOUNTS)

static struct ths_ref bank = THS_REF(bank), tasks = THS_REF(tasks);
static _Atomic(uint32_t) moved, refused, unexpected, at_work = CLIENTS;
static unsigned results, failures;

static void result(bool holds, const char *what)
{
	failures += !holds;
	ths_logf("%sok %u - %s", holds ? "" : "not ", ++results, what);
}

static uint64_t sum(void)
{
	struct bank_sum arg = {0};

	return bank_sum(&bank, &arg) == THS_OK ? arg.sum : 0;
}

static void client(void *arg)
{
	uint64_t dice = (uint64_t)(uintptr_t)arg;

	for (unsigned i = 0; i < TRANSFERS; i++) {
		struct bank_transfer transfer;
		enum ths_err err;

		dice = dice * 6364136223846793005u + 1442695040888963407u;
		transfer.from = (uint32_t)(dice >> 60) % BANK_ACCOUNTS;
		transfer.to = (uint32_t)(dice >> 50) % BANK_ACCOUNTS;
		transfer.amount = (dice >> 40) % 300;
		err = bank_transfer(&bank, &transfer);
		atomic_fetch_add(err == THS_OK ? &moved
					       : err == THS_E_QUOTA ? &refused : &unexpected,
				 1);
		ths_yield();
	}
	atomic_fetch_sub(&at_work, 1);
}

/* Swaps until all clients are done; how often. False: one was refused. */
static bool swap_about(unsigned *swaps)
{
	static const char *const next[] = {"bank.v2", "bank", "bank.v2", "bank.shaky", "bank"};
	struct ths_reason reason;

	for (*swaps = 0; atomic_load(&at_work); ++*swaps) {
		if (ths_swap_file("bank", next[*swaps % 5], NULL, &reason) != THS_OK) {
			ths_logf("%s", reason.text);
			return false;
		}
		for (unsigned i = 0; i < 10; i++)
			ths_yield();
		if (sum() != MONEY)
			return false;
	}
	return true;
}

/* A fault of a bank that is on probation brings back the one before, and is run again. */
static bool stumbles(void)
{
	struct bank_transfer thirteen = {.from = 1, .to = 2, .amount = 13};
	struct ths_reason reason;

	return ths_swap_file("bank", "bank.shaky", NULL, &reason) == THS_OK &&
	       bank_transfer(&bank, &thirteen) == THS_OK;
}

static bool restores(void)
{
	static uint8_t room[64 * 1024];
	struct ths_save_memory image = {.data = room, .size = sizeof(room)};
	struct bank_transfer all = {.from = 3, .to = 4, .amount = 1};
	struct ths_reason reason = {""};

	if (ths_sweep() != THS_OK || ths_save(ths_save_to_memory, &image, NULL) != THS_OK)
		return false;
	while (bank_transfer(&bank, &all) == THS_OK)
		; /* until account 3 has nothing left */
	image = (struct ths_save_memory){.data = room, .size = image.at};
	if (ths_restore(ths_save_from_memory, &image, NULL, &reason) != THS_OK) {
		ths_logf("%s", reason.text);
		return false;
	}
	return true;
}

static void program(void *unused)
{
	unsigned swaps;

	(void)unused;
	for (uint64_t i = 0; i < CLIENTS; i++) {
		struct tasks_create create = {.entry = (uint64_t)(uintptr_t)client, .arg = i,
					      .name = "client"};

		result(tasks_create(&tasks, &create) == THS_OK, "a client begins");
	}
	result(swap_about(&swaps) && swaps >= 10,
	       "the bank is swapped, its rows converted, the sum kept");
	ths_logf("# %u swaps; %u transfers, %u refused for want of money", swaps,
		 atomic_load(&moved), atomic_load(&refused));
	result(atomic_load(&moved) + atomic_load(&refused) == CLIENTS * TRANSFERS &&
		       atomic_load(&unexpected) == 0,
	       "each transfer was done, or refused for want of money");
	result(stumbles(), "a bank that faults between two writes gives way");
	result(sum() == MONEY, "no money is lost to it");
	result(restores(), "the accounts are saved and restored");
	result(sum() == MONEY, "no money is lost to that");
	ths_logf("theseus: %u passed, %u failed", results - failures, failures);
	ths_stop(THS_STOP_TEST, 0x2a);
}
THS_PROGRAM("bank", program);
