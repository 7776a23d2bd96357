/*
 * port - I/O ports, answered by models of devices that the test brings.
 *
 * The table is searched from its end, so a test may lay a model of its own over a range
 * of an earlier one. A read gives the lowest @width bytes of what the model says.
 */
#include "host_impl.h"

#define HANDLERS_MAX 32u

struct handler {
	uint16_t first, last;
	uint32_t (*in)(void *ctx, uint16_t port, unsigned width);
	void (*out)(void *ctx, uint16_t port, unsigned width, uint32_t value);
	void *ctx;
};

static struct handler handlers[HANDLERS_MAX];
static unsigned handler_count;

bool ths_host_port_handler(uint16_t first, unsigned count,
			   uint32_t (*in)(void *ctx, uint16_t port, unsigned width),
			   void (*out)(void *ctx, uint16_t port, unsigned width,
				       uint32_t value),
			   void *ctx)
{
	if (count == 0 || count > 0x10000u - first || handler_count == HANDLERS_MAX)
		return false;
	handlers[handler_count++] = (struct handler){
		.first = first,
		.last = (uint16_t)(first + count - 1),
		.in = in,
		.out = out,
		.ctx = ctx,
	};
	return true;
}

static const struct handler *handler_of(uint16_t port)
{
	for (unsigned i = handler_count; i > 0; i--)
		if (port >= handlers[i - 1].first && port <= handlers[i - 1].last)
			return &handlers[i - 1];
	return NULL;
}

static uint32_t width_mask(unsigned width)
{
	return width >= 4 ? ~UINT32_C(0) : (UINT32_C(1) << 8 * width) - 1;
}

uint32_t ths_arch_port_in(uint16_t port, unsigned width)
{
	const struct handler *handler = handler_of(port);
	uint32_t value = ~UINT32_C(0);

	if (handler != NULL && handler->in != NULL)
		value = handler->in(handler->ctx, port, width);
	return value & width_mask(width);
}

void ths_arch_port_out(uint16_t port, unsigned width, uint32_t value)
{
	const struct handler *handler = handler_of(port);

	if (handler != NULL && handler->out != NULL)
		handler->out(handler->ctx, port, width, value & width_mask(width));
}

void ths_host_ports_reset(void)
{
	handler_count = 0;
}
