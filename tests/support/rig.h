/*
 * rig - nano_core on the host, with the modules a test wants.
 *
 * A rig is what ths_boot() makes of a manifest, without files: modules linked into the
 * test program become instances and are bound. The test is the program; it calls through
 * the gate like any other.
 */
#pragma once

#include <theseus/nano_core.h>

/* Memory, nano_core, no modules; the calling thread is CPU 0. Ends the test on error. */
void rig_start(void);
/* An instance of @module, bound under @name of its interface; its slot. */
uint32_t rig_bind(const struct ths_module *module, const char *name);
/* An instance under another name, not bound. */
uint32_t rig_add(const struct ths_module *module, const char *name);
/* Another thread becomes CPU 1, 2, … ; call at its start and end. */
void rig_cpu_enter(unsigned cpu);
void rig_cpu_leave(void);
/* How many CPUs there will be; before any of them enters. */
void rig_cpus(unsigned cpus);
void rig_stop(void);
