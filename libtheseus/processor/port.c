/*
 * port - I/O ports, of any width.
 */
#include "processor.h"

uint32_t ths_arch_port_in(uint16_t port, unsigned width)
{
	switch (width) {
	case 1:
		return ths_x86_in8(port);
	case 2:
		return ths_x86_in16(port);
	default:
		return ths_x86_in32(port);
	}
}

void ths_arch_port_out(uint16_t port, unsigned width, uint32_t value)
{
	switch (width) {
	case 1:
		ths_x86_out8(port, (uint8_t)value);
		break;
	case 2:
		ths_x86_out16(port, (uint16_t)value);
		break;
	default:
		ths_x86_out32(port, value);
		break;
	}
}
