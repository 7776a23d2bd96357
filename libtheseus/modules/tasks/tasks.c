/*
 * tasks - what is known of a task beside its context: its name, and how it ended.
 *
 * nano_core owns contexts and slots; a slot is given to another task once its task is
 * gone. What a creator wants to know of its task must outlive that, so a row is keyed by
 * slot *and* generation and is no slot's: it belongs to the creator, as a joint row, and
 * goes when it was joined or when the creator is gone.
 *
 * Invariants
 *   T1  A task's end is told once, to whoever joins first; then its row is gone.
 *   T2  A row says LIVE only as long as its task may still run: exit and kill change it
 *       in the interaction that ends the task, so both happen or neither.
 *   T3  Tasks we did not make (nano_core's own) can exit and be killed; nobody joins them.
 *
 * Left out on purpose: parents, groups, signals; exit codes beyond one word.
 */
#include <theseus/iface/tasks.h>
#include <theseus/module.h>

#define TASKS_MAX 1024u

enum { TASK };

struct tasks_task {   /* "tasks.task/1" */
	uint64_t key; /* generation << 32 | slot */
	uint64_t status;
	uint32_t state; /* enum tasks_state */
	uint32_t reserved;
	char name[THS_NAME_MAX];
};

static uint64_t key_of(struct ths_task_id task)
{
	return (uint64_t)task.generation << 32 | task.slot;
}

static enum ths_err tasks_create_op(struct ths_call *call, struct tasks_create *arg)
{
	void (*entry)(void *) = (void (*)(void *))(uintptr_t)arg->entry;
	struct tasks_task *row;
	uint32_t at;

	if (!entry)
		return THS_E_INVAL;
	THS_TRY(ths_task_start(call, entry, (void *)(uintptr_t)arg->arg, &arg->task));
	THS_TRY(ths_row_new_keyed(call, TASK, key_of(arg->task), &at, &row));
	row->state = TASKS_LIVE;
	for (unsigned i = 0; i + 1 < THS_NAME_MAX && arg->name[i]; i++)
		row->name[i] = arg->name[i];
	return THS_OK;
}

/* Marks @task as ended where we know it (T3: not knowing it is no error). */
static enum ths_err note_end(struct ths_call *call, struct ths_task_id task,
			     uint64_t status, bool *known)
{
	const struct tasks_task *seen;
	struct tasks_task *row;
	uint32_t at;
	enum ths_err err = ths_row_find(call, TASK, key_of(task), &at, &seen);

	*known = err == THS_OK && seen->state == TASKS_LIVE;
	if (err == THS_E_NOENT || (err == THS_OK && !*known))
		return THS_OK;
	THS_TRY(err);
	THS_TRY(ths_row_write(call, TASK, at, &row));
	row->state = TASKS_ENDED;
	row->status = status;
	return THS_OK;
}

static enum ths_err tasks_exit_op(struct ths_call *call, struct tasks_exit *arg)
{
	struct ths_task_id self = ths_call_task(call);
	bool known;

	THS_TRY(note_end(call, self, arg->status, &known));
	return ths_task_kill(call, self);
}

static enum ths_err tasks_kill_op(struct ths_call *call, struct tasks_kill *arg)
{
	enum ths_err err;
	bool known;

	THS_TRY(note_end(call, arg->task, arg->status, &known));
	err = ths_task_kill(call, arg->task);
	/* Gone without a word, and we still had it as live: its end is news to joiners. */
	return err == THS_E_STALE && known ? THS_OK : err;
}

static enum ths_err tasks_join_op(struct ths_call *call, struct tasks_join *arg)
{
	const struct tasks_task *row;
	uint32_t at;
	enum ths_err err;

	if (key_of(ths_call_task(call)) == key_of(arg->task))
		return THS_E_INVAL;
	err = ths_row_find(call, TASK, key_of(arg->task), &at, &row);
	if (err != THS_OK)
		return err == THS_E_NOENT ? THS_E_STALE : err;
	/* We have read the row, so the caller sleeps on it until exit or kill writes it. */
	if (row->state != TASKS_ENDED)
		return THS_E_AGAIN;
	arg->status = row->status;
	return ths_row_free(call, TASK, at);
}

static enum ths_err tasks_next_op(struct ths_call *call, struct tasks_next *arg)
{
	const struct tasks_task *row;

	THS_TRY(ths_row_next(call, TASK, &arg->row));
	THS_TRY(ths_row_read(call, TASK, arg->row, &row));
	arg->task.slot = (uint32_t)row->key;
	arg->task.generation = (uint32_t)(row->key >> 32);
	arg->state = row->state;
	arg->status = row->status;
	for (unsigned i = 0; i < THS_NAME_MAX; i++)
		arg->name[i] = row->name[i];
	return THS_OK;
}

THS_MODULE(tasks, "tasks", 1, 0,
	   THS_PROVIDES(tasks, .create = tasks_create_op, .exit = tasks_exit_op,
			.join = tasks_join_op, .kill = tasks_kill_op,
			.next = tasks_next_op),
	   THS_TABLE(TASK, "tasks.task/1", struct tasks_task, .rows = TASKS_MAX,
		     .flags = THS_JOINT | THS_KEYED));
