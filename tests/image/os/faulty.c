/*
 * faulty - see faulty.h. Its device is POST's port 0x80, which takes anything.
 */
#include "faulty.h"

#include <theseus/module.h>

enum { WISH, DEVICE };
enum { POST };
enum { SELF };

struct wish {
	uint64_t how;
};
struct device {
	uint64_t recovered, journal, done;
};

static enum ths_err faulty_pointer_op(struct ths_call *call, struct faulty_args *arg)
{
	struct ths_ref *nowhere = (struct ths_ref *)(uintptr_t)0xffffff7fdead0000;
	struct faulty_state state;
	const struct wish *wish;

	switch ((enum faulty_how)arg->how) {
	case FAULTY_POINTER_OUT:
		return ths_row_next(call, WISH, (uint32_t *)(uintptr_t)nowhere);
	case FAULTY_POINTER_REF:
		return faulty_state(nowhere, &state);
	case FAULTY_POINTER_ARGS:
		return faulty_state(ths_use(call, SELF),
				    (struct faulty_state *)(uintptr_t)nowhere);
	case FAULTY_POINTERS:
	case FAULTY_DEVICE:
	case FAULTY_NOT:
		break;
	}
	return ths_row_read(call, WISH, 0, &wish);
}

static enum ths_err faulty_kick_op(struct ths_call *call, struct faulty_args *arg)
{
	struct wish *wish;

	THS_TRY(ths_row_write(call, WISH, 0, &wish));
	wish->how = arg->how;
	return ths_kick(call, faulty_op_device);
}

static enum ths_err faulty_state_op(struct ths_call *call, struct faulty_state *arg)
{
	const struct device *device;

	THS_TRY(ths_row_read(call, DEVICE, 0, &device));
	arg->recovered = device->recovered;
	arg->journal = device->journal;
	arg->done = device->done;
	return THS_OK;
}

static enum ths_err faulty_device_op(struct ths_call *call, struct ths_no_args *arg)
{
	const struct wish *wish;
	struct device *device;
	uint32_t value;

	(void)arg;
	THS_TRY(ths_row_read(call, WISH, 0, &wish));
	THS_TRY(ths_row_write(call, DEVICE, 0, &device));
	device->done++;
	THS_TRY(ths_port_out(call, POST, 0, 1, 0x5a));
	THS_TRY(ths_port_in(call, POST, 0, 1, &value));
	if (wish->how == FAULTY_DEVICE)
		*(volatile uint32_t *)(uintptr_t)0xffffff7fdead0000 = value;
	return THS_OK;
}

static enum ths_err recover(struct ths_call *call, const struct ths_journal *journal)
{
	struct device *device;

	THS_TRY(ths_row_write(call, DEVICE, 0, &device));
	device->recovered++;
	device->journal = journal->entries;
	return THS_OK;
}

THS_MODULE(faulty, "faulty", 1, 0,
	   THS_PROVIDES(faulty, .pointer = faulty_pointer_op, .kick = faulty_kick_op,
			.state = faulty_state_op, .device = faulty_device_op),
	   THS_USES_OPTIONAL(SELF, faulty),
	   THS_TABLE(WISH, "faulty.wish/1", struct wish,
		     .flags = THS_HARDWARE | THS_REQUEST),
	   THS_TABLE(DEVICE, "faulty.device/1", struct device, .flags = THS_HARDWARE),
	   THS_PORTS(POST, 0x80, 1), .recover = recover);
