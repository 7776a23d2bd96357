/*
 * irq - the interrupt controller, and who serves which line.
 *
 * nano_core marks a vector pending; at depth 0 it asks map() which handlers the vector
 * has, calls each as an interaction of its own, then calls eoi(). Handlers are weak
 * references to device operations; a dead one is skipped and reported. A spurious
 * interrupt is told by eoi(), which alone may ask the device: handlers are called for it
 * as for a true one and find nothing to do.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

#define IRQ_HANDLERS_MAX 4u
#define IRQ_LINES        16u

struct irq_handler {
	uint32_t binding;    /* of the module that serves: survives its swap */
	uint32_t generation; /* of that binding */
	uint32_t op;
	uint32_t used;
};
struct irq_map {
	uint32_t vector;
	uint32_t line;     /* out. THS_E_NOENT: not a vector of ours */
	uint32_t handlers; /* out: how many; eoi is due even when there is none */
	uint32_t reserved;
	struct irq_handler handler[IRQ_HANDLERS_MAX]; /* out */
};
struct irq_line {
	uint32_t line;
	uint32_t reserved;
};
struct irq_attach { /* by nano_core, when an instance with THS_IRQ lines is bound; the
	line is unmasked with its first handler. A second attach of the same binding and
	operation is THS_E_EXIST. THS_E_FULL: no room. */
	uint32_t line;
	uint32_t reserved;
	struct irq_handler handler;
};
struct irq_stat { /* interrupts that no device had asked for, by controller */
	uint64_t spurious[2]; /* out */
};

#define IRQ_OPS(OP)                                                                      \
	OP(irq, map, struct irq_map, 0)                                                  \
	OP(irq, eoi, struct irq_line, THS_OP_DEVICE)                                     \
	OP(irq, attach, struct irq_attach, 0)                                            \
	OP(irq, detach, struct irq_attach, 0)                                            \
	OP(irq, sync, struct ths_no_args, THS_OP_DEVICE) /* masks as the rows say */     \
	OP(irq, stat, struct irq_stat, 0)
THS_INTERFACE(irq, 1, IRQ_OPS)
