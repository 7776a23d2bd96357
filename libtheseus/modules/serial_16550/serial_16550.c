/*
 * serial.16550 - COM1, with all that is under way in rows.
 *
 * Two streams of bytes, each numbered from 0 since boot. Of each there are two counts,
 *one written by clients and one by the device operations, and a ring for what lies
 *between:
 *
 *	out   client: tail   >=  device: head       bytes head..tail-1 wait to be sent
 *	in    device: head   >=  client: tail       bytes tail..head-1 wait to be read
 *
 * A write puts bytes behind the tail and kicks `transmit`; a reader sleeps on the head it
 * read. Who swaps us in between finds the same four counts.
 *
 * Invariants
 *   U1  Every byte a committed write took is put on the line once, in order.
 *   U2  Every byte the device gave is read once, in order, or counted as an overrun.
 *   U3  After a fault in a device operation the same holds: its journal says which bytes
 *       it had sent and received, and `recover` counts them as done (P11).
 *   U4  So a device operation makes at most THS_JOURNAL_MAX accesses, and kicks itself
 *       when there is more to do.
 *
 * The line's interrupt is an edge: an operation that left a cause standing would never be
 * called again, hence the look at the cause register at its end. Sending goes on by
 * itself while the device takes bytes at once (an emulator does), else by its interrupt.
 *
 * Left out on purpose: modem lines, line settings other than 115200 8N1, flow control.
 * Source: National Semiconductor PC16550D data sheet, "Registers".
 */
#include <theseus/iface/serial.h>
#include <theseus/module.h>

#define UART_DATA    0u /* RBR, THR; with LCR_DLAB the divisor's low byte */
#define UART_IER     1u /* with LCR_DLAB the divisor's high byte */
#define UART_IIR     2u /* read; written it is the FIFO control register */
#define UART_LCR     3u
#define UART_MCR     4u
#define UART_LSR     5u
#define IER_IDLE     0x05u /* received, line status */
#define IER_SENDING  0x07u /* and "may send" */
#define IIR_NONE     0x01u
#define FCR_START    0x83u /* FIFOs on, receive FIFO cleared, interrupt at 8 bytes */
#define LCR_8N1      0x03u
#define LCR_DLAB     0x80u
#define MCR_ON       0x0bu /* DTR, RTS, and OUT2, which lets the interrupt through */
#define LSR_RECEIVED 0x01u
#define LSR_OVERRUN  0x02u
#define LSR_MAY_SEND 0x20u
#define UART_FIFO    16u
#define DIVISOR      1u /* 115200 */

#define CHUNK      128u /* bytes of a ring's row */
#define CHUNKS     16u  /* rows of a ring */
#define RING_BYTES (CHUNK * CHUNKS)

enum { OUT_TAIL, OUT_HEAD, OUT_RING, IN_HEAD, IN_TAIL, IN_RING };
enum { PORTS };

struct serial_count { /* "serial.outtail/1", "serial.outhead/1", "serial.intail/1" */
	uint64_t bytes;
};
struct serial_received { /* "serial.inhead/1" */
	uint64_t bytes;
	uint64_t overruns;
};
struct serial_chunk { /* "serial.outring/1", "serial.inring/1" */
	uint8_t byte[CHUNK];
};

static uint32_t row_of(uint64_t number)
{
	return (uint32_t)(number / CHUNK % CHUNKS);
}

static unsigned least(uint64_t a, uint64_t b)
{
	return (unsigned)(a < b ? a : b);
}

/* ---- clients -------------------------------------------------------------------- */

static enum ths_err uart_write(struct ths_call *call, struct serial_io *arg)
{
	const struct serial_count *head;
	struct serial_count *tail;
	unsigned len;

	if (arg->len == 0 || arg->len > SERIAL_CHUNK)
		return THS_E_INVAL;
	THS_TRY(ths_row_read(call, OUT_HEAD, 0, &head));
	THS_TRY(ths_row_write(call, OUT_TAIL, 0, &tail));
	len = least(arg->len, RING_BYTES - (tail->bytes - head->bytes));
	if (len == 0)
		return THS_E_AGAIN; /* sleeps on the head, which grows as bytes go out */
	for (unsigned i = 0; i < len;) {
		struct serial_chunk *chunk;

		THS_TRY(ths_row_write(call, OUT_RING, row_of(tail->bytes), &chunk));
		do
			chunk->byte[tail->bytes++ % CHUNK] = arg->data[i++];
		while (i < len && tail->bytes % CHUNK != 0);
	}
	arg->len = len;
	return ths_kick(call, serial_op_transmit);
}

static enum ths_err uart_read(struct ths_call *call, struct serial_io *arg)
{
	const struct serial_received *head;
	struct serial_count *tail;
	unsigned len;

	if (arg->len == 0 || arg->len > SERIAL_CHUNK)
		return THS_E_INVAL;
	THS_TRY(ths_row_read(call, IN_HEAD, 0, &head));
	THS_TRY(ths_row_write(call, IN_TAIL, 0, &tail));
	len = least(arg->len, head->bytes - tail->bytes);
	if (len == 0)
		return THS_E_AGAIN; /* sleeps on the head, which grows as bytes come in */
	for (unsigned i = 0; i < len;) {
		const struct serial_chunk *chunk;

		THS_TRY(ths_row_read(call, IN_RING, row_of(tail->bytes), &chunk));
		do
			arg->data[i++] = chunk->byte[tail->bytes++ % CHUNK];
		while (i < len && tail->bytes % CHUNK != 0);
	}
	arg->len = len;
	return THS_OK;
}

static enum ths_err uart_stat(struct ths_call *call, struct serial_stat *arg)
{
	const struct serial_received *received;
	const struct serial_count *sent;

	THS_TRY(ths_row_read(call, IN_HEAD, 0, &received));
	THS_TRY(ths_row_read(call, OUT_HEAD, 0, &sent));
	*arg = (struct serial_stat){received->bytes, sent->bytes, received->overruns};
	return THS_OK;
}

/* ---- the device ----------------------------------------------------------------- */

/*
 * A device operation in progress. What it will write is written for first (make_ready()),
 * so that an operation which must begin anew for want of memory has not touched the
 * device by then.
 */
struct work {
	struct ths_call *call;
	unsigned left;                    /* accesses that are still allowed (U4) */
	uint64_t tail;                    /* of those to be sent */
	struct serial_count *sent;        /* NULL: nothing to be sent */
	struct serial_received *received; /* NULL: nothing was received */
};

static enum ths_err in(struct work *work, unsigned reg, uint32_t *value)
{
	work->left--;
	return ths_port_in(work->call, PORTS, reg, 1, value);
}

static enum ths_err out(struct work *work, unsigned reg, uint32_t value)
{
	work->left--;
	return ths_port_out(work->call, PORTS, reg, 1, value);
}

/* Both rows of the ring that a FIFO full of bytes may need. */
static enum ths_err make_ring_ready(struct ths_call *call, uint64_t head)
{
	struct serial_chunk *chunk;

	THS_TRY(ths_row_write(call, IN_RING, row_of(head), &chunk));
	return ths_row_write(call, IN_RING, row_of(head + UART_FIFO - 1), &chunk);
}

static enum ths_err make_ready(struct work *work, bool receiving)
{
	const struct serial_count *tail, *head;

	THS_TRY(ths_row_read(work->call, OUT_TAIL, 0, &tail));
	THS_TRY(ths_row_read(work->call, OUT_HEAD, 0, &head));
	work->tail = tail->bytes;
	if (head->bytes != tail->bytes)
		THS_TRY(ths_row_write(work->call, OUT_HEAD, 0, &work->sent));
	if (!receiving)
		return THS_OK;
	THS_TRY(ths_row_write(work->call, IN_HEAD, 0, &work->received));
	return make_ring_ready(work->call, work->received->bytes);
}

/* One byte to the end of the ring of those received. */
static enum ths_err take_in(struct ths_call *call, struct serial_received *head,
			    uint32_t byte)
{
	const struct serial_count *tail;
	struct serial_chunk *chunk;

	THS_TRY(ths_row_read(call, IN_TAIL, 0, &tail));
	if (head->bytes - tail->bytes == RING_BYTES) {
		head->overruns++;
		return THS_OK;
	}
	THS_TRY(ths_row_write(call, IN_RING, row_of(head->bytes), &chunk));
	chunk->byte[head->bytes++ % CHUNK] = (uint8_t)byte;
	return THS_OK;
}

/* What the device holds, at most a FIFO full; @status was just read. */
static enum ths_err receive(struct work *work, uint32_t status)
{
	uint32_t byte;

	for (unsigned i = 0; i < UART_FIFO; i++) {
		if (status & LSR_OVERRUN)
			work->received->overruns++;
		if (!(status & LSR_RECEIVED))
			return THS_OK;
		THS_TRY(in(work, UART_DATA, &byte));
		THS_TRY(take_in(work->call, work->received, byte));
		THS_TRY(in(work, UART_LSR, &status));
	}
	return THS_OK;
}

/* One FIFO full of bytes to the device, which has said that it takes them. */
static enum ths_err fill(struct work *work, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		const struct serial_chunk *chunk;
		uint64_t next = work->sent->bytes;

		THS_TRY(ths_row_read(work->call, OUT_RING, row_of(next), &chunk));
		THS_TRY(out(work, UART_DATA, chunk->byte[next % CHUNK]));
		work->sent->bytes++;
	}
	return THS_OK;
}

/*
 * Sends while the device takes it at once. Only where it refused is it to interrupt when
 * it may send again; to enable that while it may send already is an interrupt, too.
 */
static enum ths_err send(struct work *work)
{
	bool more = work->sent != NULL, refused = false;

	while (more && !refused && work->left >= UART_FIFO + 2) {
		uint32_t status;

		THS_TRY(in(work, UART_LSR, &status));
		refused = !(status & LSR_MAY_SEND);
		if (!refused)
			THS_TRY(fill(work,
				     least(UART_FIFO, work->tail - work->sent->bytes)));
		more = work->sent->bytes != work->tail;
	}
	THS_TRY(out(work, UART_IER, refused ? IER_SENDING : IER_IDLE));
	return more && !refused ? ths_kick(work->call, serial_op_transmit) : THS_OK;
}

static enum ths_err uart_transmit(struct ths_call *call, struct ths_no_args *arg)
{
	struct work work = {.call = call, .left = THS_JOURNAL_MAX};

	(void)arg;
	THS_TRY(make_ready(&work, false));
	return send(&work);
}

static enum ths_err uart_interrupt(struct ths_call *call, struct ths_no_args *arg)
{
	struct work work = {.call = call, .left = THS_JOURNAL_MAX - 1};
	uint32_t cause, status;

	(void)arg;
	THS_TRY(in(&work, UART_IIR, &cause)); /* reading takes back "may send" */
	THS_TRY(in(&work, UART_LSR, &status));
	THS_TRY(make_ready(&work, status & (LSR_RECEIVED | LSR_OVERRUN)));
	if (work.received)
		THS_TRY(receive(&work, status));
	THS_TRY(send(&work));
	work.left = 1;
	THS_TRY(in(&work, UART_IIR, &cause));
	return cause & IIR_NONE ? THS_OK : ths_kick(call, serial_op_interrupt);
}

/* Counts as done what the operation that faulted had done with the line (U3). */
static enum ths_err replay(struct ths_call *call, const struct ths_journal *journal)
{
	struct serial_received *received;
	struct serial_count *sent;
	bool divisor = false; /* the data register is the divisor's now: start */

	THS_TRY(ths_row_write(call, IN_HEAD, 0, &received));
	THS_TRY(ths_row_write(call, OUT_HEAD, 0, &sent));
	for (unsigned i = 0; i < journal->entries && i < THS_JOURNAL_MAX; i++) {
		const struct ths_journal_entry *entry = &journal->entry[i];
		bool written = entry->width & 0x80;

		if (entry->offset == UART_LCR && written)
			divisor = entry->value & LCR_DLAB;
		if (entry->offset != UART_DATA || divisor)
			continue;
		if (written)
			sent->bytes++;
		else
			THS_TRY(take_in(call, received, entry->value));
	}
	return THS_OK;
}

static enum ths_err uart_recover(struct ths_call *call, const struct ths_journal *journal)
{
	struct work work = {.call = call, .left = THS_JOURNAL_MAX};

	THS_TRY(replay(call, journal));
	THS_TRY(out(&work, UART_LCR, LCR_8N1));
	THS_TRY(out(&work, UART_IER, IER_SENDING));
	/* The cause it was called for may be standing yet. */
	return ths_kick(call, serial_op_interrupt);
}

static enum ths_err uart_start(struct ths_call *call)
{
	static const struct {
		uint8_t reg, value;
	} setup[] = {
		{UART_IER, 0},
		{UART_LCR, LCR_DLAB},
		{UART_DATA, DIVISOR & 0xff},
		{UART_IER, DIVISOR >> 8},
		{UART_LCR, LCR_8N1},
		{UART_IIR, FCR_START},
		{UART_MCR, MCR_ON},
		{UART_IER, IER_IDLE},
	};
	struct work work = {.call = call, .left = THS_JOURNAL_MAX};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(setup); i++)
		THS_TRY(out(&work, setup[i].reg, setup[i].value));
	return THS_OK;
}

THS_MODULE(serial_16550, "serial.16550", 1, 0,
	   THS_PROVIDES(serial, .write = uart_write, .read = uart_read, .stat = uart_stat,
			.interrupt = uart_interrupt, .transmit = uart_transmit),
	   THS_TABLE(OUT_TAIL, "serial.outtail/1", struct serial_count,
		     .flags = THS_HARDWARE | THS_REQUEST),
	   THS_TABLE(OUT_HEAD, "serial.outhead/1", struct serial_count,
		     .flags = THS_HARDWARE),
	   THS_TABLE(OUT_RING, "serial.outring/1", struct serial_chunk, .rows = CHUNKS,
		     .flags = THS_HARDWARE | THS_REQUEST | THS_FIXED),
	   THS_TABLE(IN_HEAD, "serial.inhead/1", struct serial_received,
		     .flags = THS_HARDWARE),
	   THS_TABLE(IN_TAIL, "serial.intail/1", struct serial_count,
		     .flags = THS_HARDWARE | THS_REQUEST),
	   THS_TABLE(IN_RING, "serial.inring/1", struct serial_chunk, .rows = CHUNKS,
		     .flags = THS_HARDWARE | THS_FIXED),
	   THS_PORTS(PORTS, 0x3f8, 8), THS_IRQ(0, 4, serial, interrupt),
	   .start = uart_start, .recover = uart_recover);
