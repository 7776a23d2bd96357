/*
 * irq.pic - the pair of 8259s, and who serves which of their 16 lines.
 *
 * Which handlers a line has is a row per line, changed by ordinary operations; whether it
 * is masked follows from that row: a line without a handler is masked. So there is no
 * second truth to be kept in step. The device learns of it by `sync`, which is kicked by
 * whoever changed a row and sets all 16 bits anew from all 16 rows.
 *
 * A line is in service at the device from its interrupt to `eoi`, which nano_core calls
 * after the handlers; lower lines wait meanwhile. EOIs name their line, so the order in
 * which they come does not matter.
 *
 * Spurious interrupts come as line 7 (or 15 by the second chip) without an in-service
 * bit. eoi asks for that bit: an EOI nobody owes would end the service of another line.
 *
 * Invariants
 *   P1  After sync a line is unmasked iff its row has a handler; line 2, the cascade, is.
 *   P2  A line's handlers keep the order in which they were attached, across swaps: they
 *       are named by binding, and a binding outlives the modules behind it.
 *   P3  No EOI is sent for an interrupt that was spurious.
 *
 * Source: Intel 8259A data sheet, "Initialization Command Words", "Operation Command
 * Words", "Spurious interrupts".
 */
#include <theseus/dispatcher.h>
#include <theseus/iface/irq.h>
#include <theseus/module.h>

#define FIRST_VECTOR 32u
#define CASCADE      2u
#define PER_CHIP     8u
#define CHIPS        2u

#define COMMAND  0u /* offsets in the port range of a chip */
#define DATA     1u
#define ICW1     0x11u /* edge triggered, cascaded, ICW4 comes */
#define ICW4     0x01u /* 8086 mode, EOI by command */
#define OCW2_EOI 0x60u /* specific: the line is added */
#define OCW3_ISR 0x0bu /* the next read of COMMAND gives the in-service bits */

enum { LINE, SPURIOUS };
enum { MASTER, SLAVE };

struct irq_spurious { /* "irq.spurious/1": how many, by chip */
	uint64_t count[CHIPS];
};

struct irq_handlers { /* "irq.line/1": the dispatcher's */
	struct ths_handler handler[IRQ_HANDLERS_MAX];
};
static const struct ths_dispatcher by_line = {LINE, IRQ_HANDLERS_MAX};

static enum ths_err pic_map(struct ths_call *call, struct irq_map *arg)
{
	struct ths_handler found[IRQ_HANDLERS_MAX];

	if (arg->vector < FIRST_VECTOR || arg->vector >= FIRST_VECTOR + IRQ_LINES)
		return THS_E_NOENT;
	arg->line = arg->vector - FIRST_VECTOR;
	THS_TRY(ths_dispatcher_find(call, &by_line, arg->line, found, &arg->handlers));
	for (unsigned i = 0; i < arg->handlers; i++)
		arg->handler[i] = (struct irq_handler){found[i].who, found[i].generation,
						       found[i].what, 1};
	return THS_OK;
}

static struct ths_handler handler_of(const struct irq_handler *handler)
{
	return (struct ths_handler){.who = handler->binding,
				    .generation = handler->generation,
				    .what = handler->op};
}

static enum ths_err pic_attach(struct ths_call *call, struct irq_attach *arg)
{
	struct ths_handler handler = handler_of(&arg->handler);

	if (arg->line >= IRQ_LINES || arg->line == CASCADE)
		return THS_E_INVAL;
	THS_TRY(ths_dispatcher_attach(call, &by_line, arg->line, &handler));
	return ths_kick(call, irq_op_sync);
}

static enum ths_err pic_detach(struct ths_call *call, struct irq_attach *arg)
{
	struct ths_handler handler = handler_of(&arg->handler);

	if (arg->line >= IRQ_LINES)
		return THS_E_INVAL;
	THS_TRY(ths_dispatcher_detach(call, &by_line, arg->line, &handler));
	return ths_kick(call, irq_op_sync);
}

static enum ths_err pic_sync(struct ths_call *call, struct ths_no_args *arg)
{
	uint32_t mask = 0;

	(void)arg;
	for (unsigned line = 0; line < IRQ_LINES; line++) {
		struct ths_handler found[IRQ_HANDLERS_MAX];
		uint32_t handlers;

		THS_TRY(ths_dispatcher_find(call, &by_line, line, found, &handlers));
		if (handlers == 0 && line != CASCADE)
			mask |= 1u << line;
	}
	THS_TRY(ths_port_out(call, MASTER, DATA, 1, mask & 0xff));
	return ths_port_out(call, SLAVE, DATA, 1, mask >> PER_CHIP);
}

static enum ths_err in_service(struct ths_call *call, unsigned chip, uint32_t *lines)
{
	THS_TRY(ths_port_out(call, chip, COMMAND, 1, OCW3_ISR));
	return ths_port_in(call, chip, COMMAND, 1, lines);
}

static enum ths_err count_spurious(struct ths_call *call, unsigned chip)
{
	struct irq_spurious *spurious;

	THS_TRY(ths_row_write(call, SPURIOUS, 0, &spurious));
	spurious->count[chip]++;
	return THS_OK;
}

static enum ths_err pic_stat(struct ths_call *call, struct irq_stat *arg)
{
	const struct irq_spurious *spurious;

	THS_TRY(ths_row_read(call, SPURIOUS, 0, &spurious));
	for (unsigned chip = 0; chip < CHIPS; chip++)
		arg->spurious[chip] = spurious->count[chip];
	return THS_OK;
}

static enum ths_err pic_eoi(struct ths_call *call, struct irq_line *arg)
{
	unsigned chip = arg->line / PER_CHIP, pin = arg->line % PER_CHIP;
	uint32_t lines;

	if (arg->line >= IRQ_LINES)
		return THS_E_INVAL;
	if (pin == PER_CHIP - 1) { /* the pin a spurious interrupt comes as */
		THS_TRY(in_service(call, chip, &lines));
		if (!(lines & 1u << pin)) {
			THS_TRY(count_spurious(call, chip));
			/* The first chip knows no better: it serves its cascade. */
			return chip == SLAVE ? ths_port_out(call, MASTER, COMMAND, 1,
							    OCW2_EOI | CASCADE)
					     : THS_OK;
		}
	}
	THS_TRY(ths_port_out(call, chip, COMMAND, 1, OCW2_EOI | pin));
	return chip == SLAVE ? ths_port_out(call, MASTER, COMMAND, 1, OCW2_EOI | CASCADE)
			     : THS_OK;
}

/*
 * Whatever was being done when the fault came: set the masks anew, and end the service of
 * every line, for nobody else will. A line whose handlers have still to run loses nothing
 * by it, nano_core has marked it as pending.
 */
static enum ths_err pic_recover(struct ths_call *call, const struct ths_journal *journal)
{
	struct ths_no_args none = {0};

	(void)journal;
	for (unsigned chip = CHIPS; chip-- > 0;) {
		uint32_t lines;

		THS_TRY(in_service(call, chip, &lines));
		for (unsigned pin = 0; pin < PER_CHIP; pin++) {
			if (lines & 1u << pin)
				THS_TRY(ths_port_out(call, chip, COMMAND, 1,
						     OCW2_EOI | pin));
		}
	}
	return pic_sync(call, &none);
}

static enum ths_err start_chip(struct ths_call *call, unsigned chip, uint32_t icw3)
{
	THS_TRY(ths_port_out(call, chip, COMMAND, 1, ICW1));
	THS_TRY(ths_port_out(call, chip, DATA, 1, FIRST_VECTOR + chip * PER_CHIP));
	THS_TRY(ths_port_out(call, chip, DATA, 1, icw3));
	return ths_port_out(call, chip, DATA, 1, ICW4);
}

static enum ths_err pic_start(struct ths_call *call)
{
	struct ths_no_args none = {0};

	THS_TRY(start_chip(call, MASTER, 1u << CASCADE));
	THS_TRY(start_chip(call, SLAVE, CASCADE));
	return pic_sync(call, &none);
}

THS_MODULE(irq_pic, "irq.pic", 1, 0,
	   THS_PROVIDES(irq, .map = pic_map, .eoi = pic_eoi, .attach = pic_attach,
			.detach = pic_detach, .sync = pic_sync, .stat = pic_stat),
	   THS_TABLE(LINE, "irq.line/1", struct irq_handlers, .rows = IRQ_LINES,
		     .flags = THS_FIXED),
	   THS_TABLE(SPURIOUS, "irq.spurious/1", struct irq_spurious,
		     .flags = THS_HARDWARE),
	   THS_PORTS(MASTER, 0x20, 2), THS_PORTS(SLAVE, 0xa0, 2), .start = pic_start,
	   .recover = pic_recover);
