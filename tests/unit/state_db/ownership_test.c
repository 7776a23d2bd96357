/*
 * ownership_test - whose rows may be declared to be, and what a device's are; the others'
 * are in class_test.c.
 */
#include "keep.h"
#include "rig.h"

/* ---- what may be declared ------------------------------------------------------------ */

static enum ths_err reread_nothing(struct ths_call *call)
{
	(void)call;
	return THS_OK;
}

THS_MODULE(joint, "joint", 1, 0, THS_PROVIDES(keep, .run = keep_run_op),
	   THS_TABLE(0, "keep.joint/1", struct fixed, .rows = 9,
		     .flags = THS_PERSIST | THS_JOINT));
THS_MODULE(hard, "hard", 1, 0, THS_PROVIDES(keep, .run = keep_run_op),
	   THS_TABLE(0, "keep.hard/1", struct fixed, .rows = 9,
		     .flags = THS_PERSIST | THS_HARDWARE));
THS_MODULE(soft, "soft", 1, 0, THS_PROVIDES(keep, .run = keep_run_op),
	   THS_TABLE(0, "keep.soft/1", struct fixed, .rows = 9,
		     .flags = THS_PERSIST | THS_SOFT));
THS_MODULE(system_reread, "system.reread", 1, 0, THS_PROVIDES(keep, .run = keep_run_op),
	   THS_TABLE(0, "keep.system/1", struct fixed, .reread = reread_nothing));

THS_MODULE(soft_local, "soft.local", 1, 0, THS_PROVIDES(keep, .run = keep_run_op),
	   THS_TABLE(0, "keep.soft/1", struct fixed, .flags = THS_SOFT | THS_PER_CPU));

START_TEST(kinds_that_exclude_each_other_cannot_be_declared)
{
	const struct ths_module *wrong[] = {&ths_module_joint, &ths_module_hard,
					    &ths_module_soft, &ths_module_soft_local,
					    &ths_module_system_reread};
	uint32_t slot;

	rig_start();
	for (unsigned i = 0; i < THS_ARRAY_SIZE(wrong); i++)
		ck_assert_int_eq(ths_module_add(wrong[i], NULL, &slot, &keep_reason),
				 THS_E_INVAL);
	rig_stop();
}
END_TEST

/* ---- hardware rows ------------------------------------------------------------------- */

static enum ths_err device_says(struct ths_call *call, void *ctx)
{
	const struct fixed *row;

	THS_TRY(ths_row_read(call, DEVICE, 0, &row));
	*(uint64_t *)ctx = row->value[0];
	return THS_OK;
}

static uint64_t device_row(void)
{
	uint64_t said = 0;

	keep_must(device_says, &said);
	return said;
}

START_TEST(hardware_rows_are_read_anew)
{
	keep_boot(&ths_module_keep);
	keep_save(NULL);
	keep_device = 77;
	ck_assert_uint_eq(device_row(), 0);
	keep_restore_whole(NULL);
	ck_assert_uint_eq(device_row(), 77);
	ck_assert_uint_eq(keep_rereads, 1);
	ck_assert_int_eq(keep_restore(keep_image, 20, NULL), THS_E_FORMAT);
	ck_assert_uint_eq(keep_rereads, 1); /* not when it was refused */

	keep_device_err = THS_E_IO;
	keep_device = 78;
	ck_assert_int_eq(keep_restore(keep_image, keep_image_size, NULL), THS_E_IO);
	ck_assert_str_eq(keep_reason.text, "restored, but keep cannot read its device: "
				      "the device reported an error");
	ck_assert_uint_eq(device_row(), 77);
	rig_stop();
}
END_TEST

static enum ths_err breaks(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_E_INTERNAL; /* as a fault: `recover` follows */
}

START_TEST(so_they_are_after_a_fault)
{
	struct keep_args args = {(uint64_t)(uintptr_t)breaks, 0};

	keep_boot(&ths_module_keep);
	keep_device = 5;
	ck_assert_int_eq(keep_drive(&keep_ref, &args), THS_E_INTERNAL);
	ck_assert_uint_eq(keep_rereads, 1);
	ck_assert_uint_eq(device_row(), 5);
	rig_stop();
}
END_TEST

static enum ths_err write_device_row(struct ths_call *call, void *ctx)
{
	struct fixed *row;

	THS_TRY(ths_row_write(call, DEVICE, 0, &row));
	row->value[0] = *(uint64_t *)ctx;
	return THS_OK;
}

START_TEST(who_is_no_device_operation_cannot_write_them)
{
	uint64_t value = 9;
	struct keep_args args = {(uint64_t)(uintptr_t)write_device_row,
				 (uint64_t)(uintptr_t)&value};

	keep_boot(&ths_module_keep);
	ck_assert_int_eq(keep_by(write_device_row, &value), THS_E_PERM);
	ck_assert_uint_eq(device_row(), 0);
	ck_assert_int_eq(keep_drive(&keep_ref, &args), THS_OK);
	ck_assert_uint_eq(device_row(), 9);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("ownership");
	TCase *declared = tcase_create("declarations"), *hardware = tcase_create("hardware");

	tcase_add_test(declared, kinds_that_exclude_each_other_cannot_be_declared);
	tcase_add_test(hardware, hardware_rows_are_read_anew);
	tcase_add_test(hardware, so_they_are_after_a_fault);
	tcase_add_test(hardware, who_is_no_device_operation_cannot_write_them);
	suite_add_tcase(suite, declared);
	suite_add_tcase(suite, hardware);
	return suite;
}
