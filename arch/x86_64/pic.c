/*
 * pic - the two 8259s, moved out of the exceptions' way and masked.
 *
 * Vectors 32..47, every line masked, nothing else: from here on the ports are those of
 * the module irq.pic. The one exception is a machine without a local APIC, where the tick
 * must come from the PIT's channel 0 and line 0 stays ours: clock.pit and irq.pic have no
 * place in such an image.
 */
#include "x86.h"

#define MASTER        0x20
#define SLAVE         0xa0
#define PIT           0x40
#define PIT_HZ        1193182u
#define PIT_ROUND(hz) ((PIT_HZ + (hz) / 2) / (hz))

static bool ticking;

void ths_x86_pic_init(void)
{
	ths_x86_out8(MASTER, 0x11); /* ICW1: edge, cascade, ICW4 follows */
	ths_x86_out8(SLAVE, 0x11);
	ths_x86_out8(MASTER + 1, X86_VEC_PIC);
	ths_x86_out8(SLAVE + 1, X86_VEC_PIC + 8);
	ths_x86_out8(MASTER + 1, 1 << 2); /* the slave is on line 2 */
	ths_x86_out8(SLAVE + 1, 2);
	ths_x86_out8(MASTER + 1, 1); /* 8086 mode */
	ths_x86_out8(SLAVE + 1, 1);
	ths_x86_out8(MASTER + 1, 0xff);
	ths_x86_out8(SLAVE + 1, 0xff);
}

void ths_x86_pic_tick_start(uint32_t hz)
{
	const uint32_t count = PIT_ROUND(hz) > 0xffff ? 0 : PIT_ROUND(hz);

	ths_x86_out8(PIT + 3, 0x34); /* channel 0, rate generator */
	ths_x86_out8(PIT, (uint8_t)count);
	ths_x86_out8(PIT, (uint8_t)(count >> 8));
	ticking = true;
	ths_x86_out8(MASTER + 1, 0xfe);
}

bool ths_x86_pic_tick_ack(unsigned vector)
{
	if (!ticking || vector != X86_VEC_PIC)
		return false;
	ths_x86_out8(MASTER, 0x20);
	return true;
}
