/*
 * preempt - a tick between any two basic blocks of the core.
 *
 * On the machine a tick comes at any instruction; on the host only where the test says so.
 * A program whose objects are built with -fsanitize-coverage=trace-pc calls us at each basic
 * block. Where the CPU could be preempted - depth 0, no section, interrupts on - every so
 * many of those a tick comes, which also makes room for another task. So a program that is
 * run with each @first below @each was preempted in each block it went through.
 */
#pragma once

#include <stdint.h>

/* From now on at every @each-th such block, beginning with number @first (from 0). 0: never. */
void preempt_every(unsigned each, unsigned first);
/* Such blocks that were met since then, and ticks that came. */
uint64_t preempt_blocks(void);
uint64_t preempt_ticks(void);
