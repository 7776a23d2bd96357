/*
 * dev - models of a PC's first devices, for drivers that run on the host.
 *
 * A model is the registers a driver sees, no more, behind the ports it answers on
 * (ths_host_port_handler()). Nothing happens by itself: the test lets bytes arrive, the
 * transmitter drain, a line rise, and then delivers what the interrupt controller has.
 *
 * Invariants
 *   X1  A model refuses nothing a driver does; what a real device would not survive is
 *       counted in `errors`, and a test ends by asserting that it is 0.
 *   X2  A line is an edge for the 8259: raised while it is up it does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- two 8259s: ports 0x20, 0x21, 0xa0, 0xa1 ------------------------------------ */

struct dev_8259_chip {
	uint8_t irr, isr, imr;
	uint8_t vector;  /* ICW2 */
	uint8_t cascade; /* ICW3 */
	uint8_t up;      /* the lines, as the devices hold them */
	unsigned step;   /* of the initialisation: 2, 3, 4; 0: ready */
	bool ready;      /* it has been initialised */
	bool read_isr;   /* OCW3 */
};
struct dev_8259 {
	struct dev_8259_chip chip[2];
	unsigned errors; /* EOI for a pin that was not in service; use before ICW4 */
	unsigned eois;
};

void dev_8259_init(struct dev_8259 *pic);
void dev_8259_raise(struct dev_8259 *pic, unsigned line);
void dev_8259_lower(struct dev_8259 *pic, unsigned line);
/* Whether the processor's interrupt pin is up, and which vector it would be given; taking
 * it puts the line in service. */
bool dev_8259_take(struct dev_8259 *pic, unsigned *vector);
/* A request that went away before it was acknowledged: the vector of a spurious one. */
unsigned dev_8259_spurious(struct dev_8259 *pic, unsigned chip);
/* Takes vectors and has ths_host_irq() deliver them, at most @max; returns how many. */
unsigned dev_8259_deliver(struct dev_8259 *pic, unsigned max);

/* ---- a 16550: ports 0x3f8..0x3ff, line 4 ----------------------------------------- */

#define DEV_16550_FIFO 16u

struct dev_16550 {
	struct dev_8259 *pic; /* may be NULL: no interrupts */
	uint8_t ier, lcr, mcr, fcr;
	uint16_t divisor;
	uint8_t in[DEV_16550_FIFO];
	unsigned in_first, in_count;
	unsigned out_held; /* bytes in the transmit FIFO */
	bool slow;         /* the FIFO empties by dev_16550_drain(), else at once */
	bool may_send;     /* the THRE interrupt is due */
	bool overrun;      /* a byte came and the FIFO was full */
	uint8_t *sent;     /* what went out; the test's memory */
	size_t sent_size, sent_count;
	unsigned errors;         /* wrote to a full FIFO, read from an empty one */
	void (*on_access)(void); /* after each access of a port; NULL: nothing */
};

void dev_16550_init(struct dev_16550 *uart, struct dev_8259 *pic, uint8_t *sent,
		    size_t size);
/* Bytes arrive on the line. */
void dev_16550_arrive(struct dev_16550 *uart, const void *bytes, size_t count);
/* The transmit FIFO has emptied onto the line. */
void dev_16550_drain(struct dev_16550 *uart);

/* ---- an 8254: ports 0x40..0x43, line 0 -------------------------------------------- */

struct dev_8254 {
	struct dev_8259 *pic;
	uint8_t control;
	uint16_t divisor; /* of channel 0 */
	unsigned bytes;   /* of the divisor written since the control word */
	unsigned errors;  /* data without a control word, a third byte */
};

void dev_8254_init(struct dev_8254 *pit, struct dev_8259 *pic);
/* Channel 0 has counted to the end once. */
void dev_8254_fire(struct dev_8254 *pit);
