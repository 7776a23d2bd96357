/*
 * keep - a module with tables of every kind that is saved, and images of them.
 *
 * Its operations are whatever the test says, as the script's are (tests/support/script.h).
 */
#pragma once

#include "suite.h"

#include <theseus/interface.h>
#include <theseus/module.h>
#include <theseus/save.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/save_impl.h"

typedef enum ths_err keep_fn(struct ths_call *call, void *ctx);
struct keep_args {
	uint64_t fn, ctx;
};
#define KEEP_OPS(OP)                                                                     \
	OP(keep, run, struct keep_args, 0)                                               \
	OP(keep, drive, struct keep_args, THS_OP_DEVICE)
THS_INTERFACE(keep, 1, KEEP_OPS)

enum { PLAIN, NAMED, FIXED, LOCAL, MINE, PASSING, DEVICE };
#define PLAINS 90u
#define NAMEDS 60u
#define FIXEDS 12u

struct plain {
	struct ths_weak friend;
	uint32_t word, more;
	uint8_t odd[5];
};
struct named {
	uint64_t key, value;
};
struct fixed {
	uint64_t value[3];
};
struct wide {
	uint64_t value[4];
};

#ifndef KEEP_IS_DEFINED_HERE
/* One thing of each is other than keep's: version, row, number of rows, kind, what is
 * saved. `more` has another table. */
extern const struct ths_module ths_module_keep, ths_module_newer, ths_module_wider,
	ths_module_smaller, ths_module_loose, ths_module_forgets, ths_module_more;
#endif

extern struct ths_ref keep_ref;
extern uint64_t keep_dice;
extern uint64_t keep_device; /* what it would say */
extern enum ths_err keep_device_err;
extern unsigned keep_rereads;
extern uint8_t keep_image[65536];
extern size_t keep_image_size;
extern struct ths_reason keep_reason;

uint32_t keep_roll(uint32_t sides);
/* A machine with @module, whose instance is named "keep". */
void keep_boot(const struct ths_module *module);
void keep_reboot(const struct ths_module *module);
enum ths_err keep_run_op(struct ths_call *call, struct keep_args *arg);
enum ths_err keep_by(keep_fn *fn, void *ctx);
void keep_must(keep_fn *fn, void *ctx);
/* To keep_image; key @with, or none. */
void keep_save(const uint8_t *with);
enum ths_err keep_restore(const uint8_t *from, size_t size, const uint8_t *with);
void keep_restore_whole(const uint8_t *with);
/* Where the head of table @number lies in the image @at. */
struct save_table *keep_table_in(uint8_t *at, unsigned number);
