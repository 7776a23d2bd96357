/*
 * quota - see <theseus/quota.h>: how many rows a client may own is said here; it is kept to
 * where they are owned (state_db/quota.c).
 */
#include <theseus/nano_core.h>
#include <theseus/quota.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"

void ths_quota_default(uint32_t rows)
{
	atomic_store(&ths_core.quota, rows);
}

/* What the command line says. */
void ths_quota_boot(void)
{
	char text[24];
	uint64_t rows;

	if (!ths_cmdline_get("quota", text, sizeof(text)))
		return;
	if (ths_str_parse_u64(text, ths_strlen(text), &rows) || rows > UINT32_MAX)
		ths_logf("quota=%s: not a number of rows", text);
	else
		ths_quota_default((uint32_t)rows);
}

struct setting {
	struct ths_task_id task;
	uint32_t rows;
};

static enum ths_err set(struct ths_cpu *cpu, void *arg)
{
	const struct setting *to = arg;

	return ths_quota_limit(cpu, to->task.slot, to->task.generation, to->rows);
}

/* If it dies meanwhile, what was set is nobody's (Q3). */
enum ths_err ths_quota_set(struct ths_task_id task, uint32_t rows)
{
	struct setting to = {task, rows};

	if (task.slot >= CONTEXTS_MAX ||
	    atomic_load(&ths_core.context[task.slot].state) == CONTEXT_FREE ||
	    ths_core.context[task.slot].generation != task.generation)
		return THS_E_STALE;
	return ths_publish(set, &to);
}
