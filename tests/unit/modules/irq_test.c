/*
 * irq - the 8259 module against a model of the pair, and who is called for what.
 */
#include <dev.h>
#include <suite.h>
#include <theseus/iface/irq.h>
#include "harness.h"

extern const struct ths_module ths_module_irq_pic;

static struct ths_ref irq = THS_REF(irq);
static struct dev_8259 pic;
static uint32_t instance;

static void setup(void)
{
	harness_start();
	dev_8259_init(&pic);
	instance = harness_bind(&ths_module_irq_pic, "");
}

static void teardown(void)
{
	ck_assert_uint_eq(pic.errors, 0);
}

static struct irq_attach named(uint32_t line, uint32_t binding, uint32_t generation)
{
	return (struct irq_attach){.line = line, .handler = {binding, generation, 2, 1}};
}

static enum ths_err attach(uint32_t line, uint32_t binding, uint32_t generation)
{
	struct irq_attach arg = named(line, binding, generation);

	return irq_attach(&irq, &arg);
}

static enum ths_err detach(uint32_t line, uint32_t binding, uint32_t generation)
{
	struct irq_attach arg = named(line, binding, generation);

	return irq_detach(&irq, &arg);
}

static unsigned mask(void)
{
	return pic.chip[0].imr | (unsigned)pic.chip[1].imr << 8;
}

static enum ths_err eoi(uint32_t line)
{
	struct irq_line arg = {.line = line};

	return irq_eoi(&irq, &arg);
}

START_TEST(start_remaps_and_masks_all_but_the_cascade)
{
	ck_assert(pic.chip[0].ready);
	ck_assert(pic.chip[1].ready);
	ck_assert_uint_eq(pic.chip[0].vector, 32);
	ck_assert_uint_eq(pic.chip[1].vector, 40);
	ck_assert_uint_eq(pic.chip[0].cascade, 1 << 2);
	ck_assert_uint_eq(pic.chip[1].cascade, 2);
	ck_assert_uint_eq(mask(), 0xfffb);
	teardown();
}
END_TEST

START_TEST(a_line_is_unmasked_while_it_has_a_handler)
{
	ck_assert_int_eq(attach(4, 60, 1), THS_OK);
	ck_assert_uint_eq(mask(), 0xffeb);
	ck_assert_int_eq(attach(4, 61, 1), THS_OK);
	ck_assert_int_eq(attach(12, 60, 1), THS_OK);
	ck_assert_uint_eq(mask(), 0xefeb);
	instance = harness_swap(instance, &ths_module_irq_pic);
	ck_assert_int_eq(detach(4, 60, 1), THS_OK);
	ck_assert_uint_eq(mask(), 0xefeb);
	ck_assert_int_eq(detach(4, 61, 1), THS_OK);
	ck_assert_uint_eq(mask(), 0xeffb);
	teardown();
}
END_TEST

START_TEST(handlers_keep_their_order)
{
	struct irq_map map = {.vector = 32 + 5};

	for (uint32_t i = 0; i < IRQ_HANDLERS_MAX; i++)
		ck_assert_int_eq(attach(5, 60 + i, 7), THS_OK);
	ck_assert_int_eq(attach(5, 60, 7), THS_E_EXIST);
	ck_assert_int_eq(attach(5, 70, 7), THS_E_FULL);
	ck_assert_int_eq(detach(5, 61, 7), THS_OK);
	ck_assert_int_eq(detach(5, 61, 7), THS_E_NOENT);
	ck_assert_int_eq(detach(5, 62, 8), THS_E_NOENT); /* another generation */
	ck_assert_int_eq(attach(5, 62, 8), THS_OK);      /* takes the dead one's place */
	instance = harness_swap(instance, &ths_module_irq_pic);
	ck_assert_int_eq(irq_map(&irq, &map), THS_OK);
	ck_assert_uint_eq(map.line, 5);
	ck_assert_uint_eq(map.handlers, 3);
	ck_assert_uint_eq(map.handler[0].binding, 60);
	ck_assert_uint_eq(map.handler[1].binding, 62);
	ck_assert_uint_eq(map.handler[1].generation, 8);
	ck_assert_uint_eq(map.handler[2].binding, 63);
	ck_assert_uint_eq(map.handler[2].op, 2);
	teardown();
}
END_TEST

START_TEST(what_is_not_ours_is_refused)
{
	struct irq_map map = {.vector = 31};

	ck_assert_int_eq(irq_map(&irq, &map), THS_E_NOENT);
	map.vector = 48;
	ck_assert_int_eq(irq_map(&irq, &map), THS_E_NOENT);
	ck_assert_int_eq(attach(16, 60, 1), THS_E_INVAL);
	ck_assert_int_eq(attach(2, 60, 1), THS_E_INVAL); /* the cascade */
	ck_assert_int_eq(detach(16, 60, 1), THS_E_INVAL);
	ck_assert_int_eq(eoi(16), THS_E_INVAL);
	teardown();
}
END_TEST

START_TEST(eoi_ends_the_service_of_its_line)
{
	unsigned line = (unsigned)_i, vector, again;

	if (line == 2)
		return;
	ck_assert_int_eq(attach(line, 60, 1), THS_OK);
	dev_8259_raise(&pic, line);
	ck_assert(dev_8259_take(&pic, &vector));
	ck_assert_uint_eq(vector, 32 + line);
	dev_8259_lower(&pic, line);
	dev_8259_raise(&pic, line);
	ck_assert(!dev_8259_take(&pic, &again)); /* in service: held back */
	ck_assert_int_eq(eoi(line), THS_OK);
	ck_assert(dev_8259_take(&pic, &again));
	ck_assert_uint_eq(again, vector);
	ck_assert_int_eq(eoi(line), THS_OK);
	ck_assert_uint_eq(pic.chip[0].isr | pic.chip[1].isr, 0);
	teardown();
}
END_TEST

START_TEST(an_eoi_names_its_line)
{
	unsigned vector;

	ck_assert_int_eq(attach(4, 60, 1), THS_OK);
	ck_assert_int_eq(attach(0, 61, 1), THS_OK);
	dev_8259_raise(&pic, 4);
	ck_assert(dev_8259_take(&pic, &vector));
	dev_8259_raise(&pic, 0);
	ck_assert(dev_8259_take(&pic, &vector)); /* ranks higher: nests */
	ck_assert_uint_eq(vector, 32);
	ck_assert_int_eq(eoi(4), THS_OK);
	ck_assert_uint_eq(pic.chip[0].isr, 1u << 0);
	ck_assert_int_eq(eoi(0), THS_OK);
	teardown();
}
END_TEST

static void counted(uint64_t first, uint64_t second)
{
	struct irq_stat stat = {{0}};

	ck_assert_int_eq(irq_stat(&irq, &stat), THS_OK);
	ck_assert_uint_eq(stat.spurious[0], first);
	ck_assert_uint_eq(stat.spurious[1], second);
}

START_TEST(nobody_owes_an_eoi_for_a_spurious_interrupt)
{
	unsigned vector;

	ck_assert_int_eq(attach(4, 60, 1), THS_OK);
	dev_8259_raise(&pic, 4);
	ck_assert(dev_8259_take(&pic, &vector));
	ck_assert_uint_eq(dev_8259_spurious(&pic, 0), 39);
	counted(0, 0);
	ck_assert_int_eq(eoi(7), THS_OK);
	counted(1, 0);
	ck_assert_uint_eq(pic.chip[0].isr, 1u << 4); /* still being served */
	ck_assert_int_eq(eoi(4), THS_OK);
	/* By the second chip: its cascade is owed one, it is not. */
	ck_assert_uint_eq(dev_8259_spurious(&pic, 1), 47);
	ck_assert_uint_eq(pic.chip[0].isr, 1u << 2);
	ck_assert_int_eq(eoi(15), THS_OK);
	counted(1, 1);
	ck_assert_uint_eq(pic.chip[0].isr, 0);
	teardown();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("irq");

	harness_case(suite, "start", setup, start_remaps_and_masks_all_but_the_cascade);
	harness_case(suite, "P1 masks", setup, a_line_is_unmasked_while_it_has_a_handler);
	harness_case(suite, "P2 order", setup, handlers_keep_their_order);
	harness_case(suite, "refusals", setup, what_is_not_ours_is_refused);
	harness_loop(suite, "eoi", setup, eoi_ends_the_service_of_its_line, 0, 16);
	harness_case(suite, "eoi nested", setup, an_eoi_names_its_line);
	harness_case(suite, "P3 spurious", setup,
		     nobody_owes_an_eoi_for_a_spurious_interrupt);
	return suite;
}
