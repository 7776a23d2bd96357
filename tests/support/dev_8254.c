/*
 * dev_8254 - channel 0 of the timer, as far as it is programmed; it fires when told to.
 */
#include "dev.h"

#include <string.h>
#include <theseus/host.h>

static void port_out(void *ctx, uint16_t port, unsigned width, uint32_t value)
{
	struct dev_8254 *pit = ctx;

	(void)width;
	if (port == 0x43) {
		pit->control = (uint8_t)value;
		pit->bytes = 0;
	} else if (port == 0x40 && pit->control && pit->bytes < 2) {
		pit->divisor =
			(uint16_t)(pit->bytes == 0
					   ? (pit->divisor & 0xff00) | (value & 0xff)
					   : (pit->divisor & 0xff) | value << 8);
		pit->bytes++;
	} else {
		pit->errors++;
	}
}

void dev_8254_init(struct dev_8254 *pit, struct dev_8259 *pic)
{
	memset(pit, 0, sizeof *pit);
	pit->pic = pic;
	ths_host_port_handler(0x40, 4, NULL, port_out, pit);
}

void dev_8254_fire(struct dev_8254 *pit)
{
	dev_8259_lower(pit->pic, 0);
	dev_8259_raise(pit->pic, 0);
}
