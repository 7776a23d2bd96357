/*
 * classroom - the same server, written with a variable and with a row: both are swapped,
 * and both fault in the middle of an operation. What does a client see?
 */
#include <theseus/fmt.h>
#include <theseus/nano_core.h>
#include "counter.h"

enum step { COUNTED, SWAPPED, FAULTED, STEPS };

struct server {
	const char *id;
	struct ths_ref ref;
	uint32_t instance;
	uint64_t total[STEPS]; /* as its client was told */
	enum ths_err fault;
};

static struct server servers[] = {{.id = "counter.rows", .ref = THS_REF_TO(counter, "rows")},
				  {.id = "counter.spills",
				   .ref = THS_REF_TO(counter, "spills")}};

static uint64_t add(struct server *server, uint64_t amount)
{
	struct counter_add arg = {.amount = amount};

	return counter_add(&server->ref, &arg) == THS_OK ? arg.total : 0;
}

static enum ths_err load(struct server *server, const char *name, uint32_t *slot)
{
	struct ths_reason reason = {""};
	enum ths_err err = ths_module_load(server->id, name, slot, &reason);

	if (err)
		ths_logf("%s", reason.text);
	return err;
}

static enum ths_err teach(struct server *server)
{
	struct counter_add hundred = {.amount = 100};
	uint32_t next;

	THS_TRY(load(server, NULL, &server->instance));
	THS_TRY(ths_bind(server->instance, server->ref.instance));
	for (unsigned i = 0; i < 3; i++)
		server->total[COUNTED] = add(server, 5);

	THS_TRY(load(server, server->ref.instance, &next));
	THS_TRY(ths_swap(server->instance, next, NULL));
	server->total[SWAPPED] = add(server, 5);

	server->fault = counter_stumble(&server->ref, &hundred);
	server->total[FAULTED] = add(server, 5);
	return THS_OK;
}

static void print(const char *what, enum step step, uint64_t right)
{
	ths_logf("%-42s%8lu%10lu%10lu", what, right, servers[0].total[step],
		 servers[1].total[step]);
}

static bool is_right(const struct server *server)
{
	return server->total[COUNTED] == 15 && server->total[SWAPPED] == 20 &&
	       server->total[FAULTED] == 25;
}

static void classroom(void *unused)
{
	uint32_t slot;
	bool taught;

	(void)unused;
	ths_logf("Without being told otherwise the loader says:");
	taught = load(&servers[1], NULL, &slot) == THS_E_SPILL;
	ths_test_admit_spill(true);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(servers); i++)
		taught &= teach(&servers[i]) == THS_OK;
	ths_logf("%-42s%8s%10s%10s", "", "right", "rows", "spills");
	print("5 was added three times", COUNTED, 15);
	print("the server was swapped, 5 was added", SWAPPED, 20);
	print("it faulted while adding 100; 5 was added", FAULTED, 25);
	ths_logf("%sok 1 - both could be tried", taught ? "" : "not ");
	ths_logf("%sok 2 - who keeps rows told the truth", is_right(&servers[0]) ? "" : "not ");
	ths_logf("%sok 3 - who spills did not", !is_right(&servers[1]) ? "" : "not ");
	ths_logf("theseus: %u passed, %u failed",
		 taught + is_right(&servers[0]) + !is_right(&servers[1]),
		 3 - taught - is_right(&servers[0]) - !is_right(&servers[1]));
	ths_stop(THS_STOP_TEST, 0x2a);
}
THS_PROGRAM("classroom", classroom);
