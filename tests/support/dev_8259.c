/*
 * dev_8259 - the pair of interrupt controllers, fully nested, edge triggered.
 */
#include "dev.h"

#include <string.h>
#include <theseus/host.h>

#define CASCADE 2u

static struct dev_8259_chip *chip_of(struct dev_8259 *pic, uint16_t port)
{
	return &pic->chip[port >= 0xa0];
}

/* The highest-ranking line that may interrupt: lowest number; 8: none. */
static unsigned best(const struct dev_8259_chip *chip)
{
	for (unsigned pin = 0; pin < 8; pin++) {
		if (chip->isr & 1u << pin)
			return 8;
		if (chip->irr & ~chip->imr & 1u << pin)
			return pin;
	}
	return 8;
}

/* The slave's output is the master's line 2. */
static void settle(struct dev_8259 *pic)
{
	bool up = pic->chip[1].ready && best(&pic->chip[1]) < 8;

	if (up && !(pic->chip[0].up & 1u << CASCADE))
		pic->chip[0].irr |= 1u << CASCADE;
	if (!up)
		pic->chip[0].irr &= (uint8_t) ~(1u << CASCADE);
	pic->chip[0].up =
		(uint8_t)((pic->chip[0].up & ~(1u << CASCADE)) | (unsigned)up << CASCADE);
}

static void command(struct dev_8259 *pic, struct dev_8259_chip *chip, uint8_t value)
{
	if (value & 0x10) { /* ICW1 */
		memset(chip, 0, sizeof *chip);
		chip->step = 2;
	} else if (!chip->ready) {
		pic->errors++;
	} else if (value & 0x08) { /* OCW3 */
		if (value & 0x02)
			chip->read_isr = value & 0x01;
	} else if ((value & 0xe0) == 0x60) { /* OCW2, specific EOI */
		pic->eois++;
		if (!(chip->isr & 1u << (value & 7)))
			pic->errors++;
		chip->isr &= (uint8_t) ~(1u << (value & 7));
	} else {
		pic->errors++;
	}
}

static void data(struct dev_8259 *pic, struct dev_8259_chip *chip, uint8_t value)
{
	switch (chip->step) {
	case 2:
		chip->vector = value;
		chip->step = 3;
		break;
	case 3:
		chip->cascade = value;
		chip->step = 4;
		break;
	case 4:
		if (!(value & 0x01)) /* not 8086 mode */
			pic->errors++;
		chip->step = 0;
		chip->ready = true;
		break;
	default:
		chip->imr = value;
		break;
	}
}

static uint32_t port_in(void *ctx, uint16_t port, unsigned width)
{
	struct dev_8259_chip *chip = chip_of(ctx, port);

	(void)width;
	if (port & 1)
		return chip->imr;
	return chip->read_isr ? chip->isr : chip->irr;
}

static void port_out(void *ctx, uint16_t port, unsigned width, uint32_t value)
{
	struct dev_8259 *pic = ctx;

	(void)width;
	if (port & 1)
		data(pic, chip_of(pic, port), (uint8_t)value);
	else
		command(pic, chip_of(pic, port), (uint8_t)value);
	settle(pic);
}

void dev_8259_init(struct dev_8259 *pic)
{
	memset(pic, 0, sizeof *pic);
	ths_host_port_handler(0x20, 2, port_in, port_out, pic);
	ths_host_port_handler(0xa0, 2, port_in, port_out, pic);
}

void dev_8259_raise(struct dev_8259 *pic, unsigned line)
{
	struct dev_8259_chip *chip = &pic->chip[line / 8];
	uint8_t bit = (uint8_t)(1u << line % 8);

	if (!(chip->up & bit))
		chip->irr |= bit;
	chip->up |= bit;
	settle(pic);
}

void dev_8259_lower(struct dev_8259 *pic, unsigned line)
{
	pic->chip[line / 8].up &= (uint8_t) ~(1u << line % 8);
	settle(pic);
}

bool dev_8259_take(struct dev_8259 *pic, unsigned *vector)
{
	struct dev_8259_chip *chip = &pic->chip[0];
	unsigned pin = best(chip);

	if (!chip->ready || pin == 8)
		return false;
	chip->isr |= (uint8_t)(1u << pin);
	chip->irr &= (uint8_t) ~(1u << pin);
	if (pin == CASCADE) {
		chip = &pic->chip[1];
		pin = best(chip);
		chip->isr |= (uint8_t)(1u << pin);
		chip->irr &= (uint8_t) ~(1u << pin);
	}
	*vector = chip->vector + pin;
	settle(pic);
	return true;
}

unsigned dev_8259_spurious(struct dev_8259 *pic, unsigned chip)
{
	if (chip == 1) /* the first chip has acknowledged a true request: its cascade */
		pic->chip[0].isr |= 1u << CASCADE;
	return pic->chip[chip].vector + 7u;
}

unsigned dev_8259_deliver(struct dev_8259 *pic, unsigned max)
{
	unsigned vector, count = 0;

	while (count < max && dev_8259_take(pic, &vector)) {
		count++;
		ths_host_irq(vector);
	}
	return count;
}
