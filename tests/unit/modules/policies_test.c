/*
 * policies - the loader's policies of the bag: who is admitted, who comes first, for how long.
 */
#include <stdio.h>
#include <string.h>
#include <suite.h>
#include <theseus/iface/loader.h>
#include "harness.h"

extern const struct ths_module ths_module_loader_first, ths_module_loader_listed;

static struct ths_ref policy = THS_REF_TO(loader, "policy");
static uint32_t instance;

static void setup_first(void)
{
	harness_start();
	instance = harness_bind(&ths_module_loader_first, "policy");
}

static void setup(void)
{
	harness_start();
	instance = harness_bind(&ths_module_loader_listed, "policy");
}

static enum ths_err allow(const char *id, uint8_t digest, bool allowed)
{
	struct loader_allow arg = {.allowed = allowed};

	memset(arg.id, 'x', sizeof(arg.id)); /* what is behind an id is no matter */
	strcpy(arg.id, id);
	arg.digest[31] = digest;
	return loader_allow(&policy, &arg);
}

static enum ths_err admit(const char *id, uint8_t digest)
{
	struct loader_module arg = {.major = 1};

	strcpy(arg.id, id);
	arg.digest[31] = digest;
	return loader_admit(&policy, &arg);
}

static uint64_t rank(uint64_t faults)
{
	struct loader_rank arg = {.faults = faults, .calls = 100, .rank = 77};

	ck_assert_int_eq(loader_rank(&policy, &arg), THS_OK);
	return arg.rank;
}

static void expect_probation(unsigned traits, uint64_t calls, uint64_t ticks)
{
	struct loader_probation arg = {.calls = 64, .ticks = 1000};

	arg.module.traits = (uint16_t)traits;
	ck_assert_int_eq(loader_probation(&policy, &arg), THS_OK);
	ck_assert_uint_eq(arg.calls, calls);
	ck_assert_uint_eq(arg.ticks, ticks);
}

START_TEST(first_is_the_built_in_rule)
{
	ck_assert_int_eq(admit("anybody", 1), THS_OK);
	ck_assert_uint_eq(rank(0), rank(5));
	expect_probation(LOADER_DRIVER, 64, 1000);
	ck_assert_int_eq(allow("anybody", 0, true), THS_E_NOSYS);
}
END_TEST

START_TEST(an_empty_list_keeps_nobody_out)
{
	ck_assert_int_eq(admit("anybody", 1), THS_OK);
	ck_assert_int_eq(allow("a", 0, true), THS_OK);
	ck_assert_int_eq(admit("anybody", 1), THS_E_PERM);
	ck_assert_int_eq(allow("a", 0, false), THS_OK);
	ck_assert_int_eq(admit("anybody", 1), THS_OK);
}
END_TEST

START_TEST(who_is_listed_is_admitted)
{
	ck_assert_int_eq(allow("a", 0, true), THS_OK);
	ck_assert_int_eq(allow("b", 7, true), THS_OK);
	ck_assert_int_eq(admit("a", 1), THS_OK);
	ck_assert_int_eq(admit("a", 2), THS_OK);
	ck_assert_int_eq(admit("b", 7), THS_OK);
	ck_assert_int_eq(admit("b", 0), THS_OK); /* linked in */
	ck_assert_int_eq(admit("b", 8), THS_E_PERM);
	ck_assert_int_eq(allow("b", 8, true), THS_OK); /* the next build */
	ck_assert_int_eq(admit("b", 8), THS_OK);
	ck_assert_int_eq(admit("b", 7), THS_E_PERM);
	ck_assert_int_eq(admit("c", 7), THS_E_PERM);
}
END_TEST

START_TEST(who_is_struck_off_is_not)
{
	ck_assert_int_eq(allow("c", 0, false), THS_E_NOENT);
	ck_assert_int_eq(allow("a", 0, true), THS_OK);
	ck_assert_int_eq(allow("b", 0, true), THS_OK);
	ck_assert_int_eq(allow("b", 0, false), THS_OK);
	ck_assert_int_eq(admit("b", 0), THS_E_PERM);
	ck_assert_int_eq(allow("b", 0, false), THS_E_NOENT);
}
END_TEST

START_TEST(the_list_is_bounded)
{
	char id[8];
	unsigned entries = 0;

	do
		(void)snprintf(id, sizeof(id), "m%u", entries);
	while (allow(id, 0, true) == THS_OK && ++entries < 10000);
	ck_assert_uint_eq(entries, 256);
	ck_assert_int_eq(allow(id, 0, true), THS_E_FULL);
	ck_assert_int_eq(admit("m255", 0), THS_OK);
	ck_assert_int_eq(admit("m256", 0), THS_E_PERM);
}
END_TEST

/* S3 of the swap: the list is the machine's, not the module's. */
START_TEST(the_list_outlives_the_policy)
{
	ck_assert_int_eq(allow("a", 0, true), THS_OK);
	instance = harness_swap(instance, &ths_module_loader_listed);
	ck_assert_int_eq(admit("a", 0), THS_OK);
	ck_assert_int_eq(admit("b", 0), THS_E_PERM);
}
END_TEST

START_TEST(who_faulted_least_comes_first)
{
	ck_assert_uint_lt(rank(0), rank(1));
	ck_assert_uint_lt(rank(1), rank(1000));
}
END_TEST

START_TEST(drivers_are_watched_longer)
{
	expect_probation(0, 64, 1000);
	expect_probation(LOADER_STATE, 64, 1000);
	expect_probation(LOADER_PORTS, 640, 10000);
	expect_probation(LOADER_LINES, 640, 10000);
	expect_probation(LOADER_HARDWARE | LOADER_STATE, 640, 10000);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("policies");

	harness_case(suite, "first", setup_first, first_is_the_built_in_rule);
	harness_case(suite, "L1 empty", setup, an_empty_list_keeps_nobody_out);
	harness_case(suite, "L2 listed", setup, who_is_listed_is_admitted);
	harness_case(suite, "struck off", setup, who_is_struck_off_is_not);
	harness_case(suite, "full", setup, the_list_is_bounded);
	harness_case(suite, "stays", setup, the_list_outlives_the_policy);
	harness_case(suite, "rank", setup, who_faulted_least_comes_first);
	harness_case(suite, "probation", setup, drivers_are_watched_longer);
	return suite;
}
