/*
 * nano_core - what an OS built from libtheseus asks of the core: loading and binding
 * modules, swapping them, starting programs, the log.
 *
 * arch calls ths_boot(); that reads the module archive and its manifest, loads and binds
 * what the manifest names in the order of its lines, and starts the programs. An OS
 * itself is a manifest and its programs, each declared with THS_PROGRAM.
 *
 * Context, unless said otherwise: a program, at depth 0.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/arch.h>
#include <theseus/module.h>
#include <theseus/tmod.h>

enum ths_instance_state {
	THS_INSTANCE_FREE,
	THS_INSTANCE_LOADED,  /* linked, tables open; not bound */
	THS_INSTANCE_BOUND,   /* serves */
	THS_INSTANCE_RETIRED, /* superseded; goes once every CPU has passed depth 0 */
	THS_INSTANCE_KEPT,    /* superseded; serves again if its successor fails */
	THS_INSTANCE_PROBATION, /* what module/1 calls one that is bound while another is
		kept for it */
};

/* ---- programs ------------------------------------------------------------------ */

/*
 * A program linked into the image. `program NAME` in the manifest starts it, as a task,
 * once all modules are bound; without a manifest the program "main" is started. When the
 * last program has ended the machine idles; to stop it is a program's to ask for.
 */
struct ths_program {
	const char *name;
	void (*entry)(void *arg);
};
#define THS_PROGRAM(name_, entry_)                                                       \
	THS_USED THS_SECTION("ths_programs")                                             \
	static const struct ths_program ths_program_##entry_ = {(name_), (entry_)}

/* Gives the CPU to whoever the scheduler names. */
void ths_yield(void);
/* The calling task. */
struct ths_task_id ths_task_self(void);
/* The kernel's command line; "" if none. */
const char *ths_cmdline(void);
/* The value of KEY=VALUE in the command line, copied; false: not there. */
bool ths_cmdline_get(const char *key, char *value, size_t size);

/* ---- modules ------------------------------------------------------------------- */

/**
 * ths_module_load() - a module of the archive becomes an instance
 * @file:   name in the archive, "sched.rr.tmod"; or the id, "sched.rr"
 * @name:   of the instance; NULL: the module's id
 * @slot:   out: the instance
 * @reason: out: a sentence, when refused
 *
 * Checks, links, maps, opens tables, resolves uses; binds nothing.
 * Return: THS_OK; THS_E_NOENT no such file; ths_tmod_open()'s and ths_tmod_link()'s
 *         refusals; THS_E_ABI; THS_E_SCHEMA a table exists with another layout; THS_E_USES
 *         a use is not bound; THS_E_EXIST the instance name is taken; THS_E_FULL,
 *         THS_E_NOMEM. After an error nothing of it is left.
 */
THS_MUST_CHECK enum ths_err ths_module_load(const char *file, const char *name,
					    uint32_t *slot, struct ths_reason *reason);
/* The same for a module linked into the image (the host's tests, examples/hello). */
THS_MUST_CHECK enum ths_err ths_module_add(const struct ths_module *module,
					   const char *name, uint32_t *slot,
					   struct ths_reason *reason);
/* Unbound and unused: unmapped, forgotten. THS_E_BUSY: it is bound. */
THS_MUST_CHECK enum ths_err ths_module_unload(uint32_t slot);
/* Finds an instance by name. THS_E_NOENT. */
THS_MUST_CHECK enum ths_err ths_module_find(const char *name, uint32_t *slot);

/**
 * ths_bind() - make instance @slot the provider of its interface under @name
 * Starts the instance if its tables are new, attaches its interrupt lines.
 * Return: THS_OK; THS_E_EXIST the binding has a provider; THS_E_NOENT no such instance;
 *         THS_E_VERSION an interposer stands there, before another set of operations;
 *         THS_E_PERM a second state_db; what `start` returned.
 */
THS_MUST_CHECK enum ths_err ths_bind(uint32_t slot, const char *name);
/* The binding's provider goes; calls get THS_E_UNAVAIL. THS_E_NOENT; THS_E_PERM: it is
 * state_db, by which everybody's rows go. */
THS_MUST_CHECK enum ths_err ths_unbind(const struct ths_iface *iface, const char *name);

/**
 * ths_interpose() - instance @slot, an interposer, is put before whoever serves a binding
 * @slot:  loaded, not bound; provides interpose/1 (iface/interpose.h)
 * @iface: the interface's name; @name: of the binding, NULL: the default one
 *
 * One commit: each call meets the binding with or without it. Calls of clients go to the
 * interposer, device operations go by. Binding, unbinding and swapping the server go on as
 * before, behind it; the interposer may be swapped for another. Interposers stack.
 *
 * Return: THS_OK; THS_E_NOENT no such instance, or it is bound; THS_E_VERSION it is no
 *         interposer; THS_E_UNAVAIL nobody serves that binding; THS_E_FULL four interposers
 *         stand there, or there is no binding left; THS_E_SCHEMA; THS_E_NOMEM; what `start`
 *         returned. After an error all is as before.
 */
THS_MUST_CHECK enum ths_err ths_interpose(uint32_t slot, const char *iface,
					  const char *name);
/* The interposer leaves its chain and is loaded, not bound, as before ths_interpose().
 * THS_E_NOENT: it stands before nobody; THS_E_NOMEM, THS_E_FULL: it still stands there. */
THS_MUST_CHECK enum ths_err ths_interpose_end(uint32_t slot);
/*
 * A successor serves its probation first: so many calls or so many ticks, whichever is
 * over sooner. Until then the one before stays linked, and is bound again if the successor
 * fails: by a fault, a budget overrun, or its self-test, which is run right after
 * publishing and whenever `module/1` is asked. The interaction that failed is run again
 * (device operations are not). 0: not by calls, or not by ticks; both 0: no probation, and
 * no self-test.
 *
 * A swap that migrates rows has one only if there is a way back for all of them. An
 * evolution's is that of all who came: <theseus/evolve.h>.
 */
#define THS_PROBATION_CALLS 64u   /* by default */
#define THS_PROBATION_TICKS 1000u /* of a millisecond */
struct ths_probation {
	uint64_t calls, ticks;
};
/* For swaps and evolutions from now on. Context: any. */
void ths_probation_set(struct ths_probation probation);

struct ths_swap_times { /* in counts of ths_arch_counter() */
	uint64_t load, publish, retire;
	uint64_t in_flight; /* interactions on other CPUs at the moment of publishing */
	bool kept;          /* the old one is kept: a probation began. Else it is gone */
};
/**
 * ths_swap() - instance @old is replaced by instance @new in all its bindings, at once
 *
 * Publishing is one commit over all bindings. Interactions in flight on @old commit
 * before it or are run again on @new. @old is retired when @new has served its probation:
 * unmapped when every CPU has passed depth 0. If @old was on probation itself, that is over,
 * also for those who came in one evolution with it.
 * Rows of tables whose schema both name stay; those of a table that @new declares in another
 * schema are converted by THS_MIGRATE functions, when somebody meets them or a sweeper does,
 * after publication. Where that is under way already for such a table, publishing who knows
 * the schema it came from turns it round; any other is preceded by the rest of the sweep.
 * Without a way back for its rows @new has no probation.
 *
 * Return: THS_OK; THS_E_NOENT; THS_E_VERSION another interface, or another version of it;
 *         THS_E_SCHEMA no function for a table, or others who stay read it in the old
 *         schema and there is no way back; THS_E_BUSY rows of the change under way cannot
 *         be converted, or are read by others in the old schema, or who swaps already
 *         cannot swap; THS_E_NOMEM, THS_E_FULL; what the self-test of @new returned. After
 *         an error @old serves on, and @new is loaded but not bound.
 */
THS_MUST_CHECK enum ths_err ths_swap(uint32_t old, uint32_t new_slot,
				     struct ths_swap_times *times);
/* Loads module @file and swaps it for whatever provides what instance or interface @from
 * names; unloads it again on error. What the console's `swap` does. */
THS_MUST_CHECK enum ths_err ths_swap_file(const char *from, const char *file,
					  struct ths_swap_times *times,
					  struct ths_reason *reason);

/**
 * ths_rollback() - who served before a swap, or an evolution, serves again
 * @name:   of an instance on probation, or an interface one is bound to
 * @reason: out: a sentence, when refused
 *
 * Publishes as a swap does; the instance on probation is retired, and with it all who came
 * in one evolution with it.
 * Return: THS_OK; THS_E_NOENT nothing of that name is on probation, or not any more, since
 *         others changed a binding of its evolution's; THS_E_SCHEMA another
 *         swap has migrated a table the one before needs, and there is no way back: the
 *         probation is over then; THS_E_BUSY as with ths_swap().
 */
THS_MUST_CHECK enum ths_err ths_rollback(const char *name, struct ths_reason *reason);

/* Brings all changes of schema to their end now, by sweeping in the caller's own time.
 * THS_E_BUSY: rows cannot be converted, or are read in the old schema by others;
 * THS_E_NOMEM, THS_E_FULL. */
THS_MUST_CHECK enum ths_err ths_sweep(void);

/* For tests only: admit modules that spill (E1). */
void ths_test_admit_spill(bool admit);

/* ---- log ----------------------------------------------------------------------- */

/* A line to the log, from a program or nano_core. */
void ths_logf(const char *fmt, ...) THS_PRINTF(1, 2);
/* Copies the log's last bytes (as many as fit), oldest first; returns how many. */
size_t ths_log_read(char *buf, size_t size);

/* ---- the end ------------------------------------------------------------------- */

/* Stops the machine in good order. */
THS_NORETURN void ths_stop(enum ths_stop how, uint32_t code);
