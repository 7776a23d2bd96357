/*
 * handle - a module's way to ports, checked and journalled (I7, P11).
 *
 * What the journal holds is what a fault would leave unknown: every access of the running
 * device operation, with the value, in order.
 */
#include "nano_core/nano_core_impl.h"

static enum ths_err find_port(struct ths_cpu *cpu, unsigned range, unsigned offset,
			      unsigned width, uint16_t *port)
{
	const struct ths_port_decl *decl;

	if (!ths_cpu_is_inside(cpu) || !(cpu->txn.flags & TXN_DEVICE))
		return THS_E_PERM;
	if (range >= THS_PORTS_MAX || (width != 1 && width != 2 && width != 4))
		return THS_E_INVAL;
	decl = &cpu->serving->module->ports[range];
	if (offset >= decl->count || width > decl->count - offset)
		return THS_E_INVAL;
	*port = (uint16_t)(decl->first + offset);
	return THS_OK;
}

static void note(struct ths_cpu *cpu, unsigned range, unsigned offset, unsigned width,
		 uint32_t value)
{
	struct ths_journal *journal = &cpu->serving->journal;

	if (journal->entries < THS_JOURNAL_MAX)
		journal->entry[journal->entries] = (struct ths_journal_entry){
			(uint16_t)offset, (uint8_t)range, (uint8_t)width, value};
	journal->entries++;
}

enum ths_err ths_port_in(struct ths_call *call, unsigned ports, unsigned offset,
			 unsigned width, uint32_t *value)
{
	struct ths_cpu *cpu = ths_cpu();
	uint16_t port;
	enum ths_err err;

	(void)call;
	ths_arch_core_enter();
	err = find_port(cpu, ports, offset, width, &port);
	if (err == THS_OK) {
		*value = ths_arch_port_in(port, width);
		note(cpu, ports, offset, width, *value);
	}
	ths_arch_core_leave();
	return err;
}

enum ths_err ths_port_out(struct ths_call *call, unsigned ports, unsigned offset,
			  unsigned width, uint32_t value)
{
	struct ths_cpu *cpu = ths_cpu();
	uint16_t port;
	enum ths_err err;

	(void)call;
	ths_arch_core_enter();
	err = find_port(cpu, ports, offset, width, &port);
	if (err == THS_OK) {
		note(cpu, ports, offset, width | 0x80u, value);
		ths_arch_port_out(port, width, value);
	}
	ths_arch_core_leave();
	return err;
}
