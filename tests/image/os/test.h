/*
 * test - what the programs of the image tests share: TAP, records for the oracle, and
 * the one line that goes out at a time.
 */
#pragma once

#include <theseus/nano_core.h>

/* One result; counted for the closing line. */
void test_ok(bool holds, const char *fmt, ...) THS_PRINTF(2, 3);
/* "# ..." */
void test_note(const char *fmt, ...) THS_PRINTF(1, 2);
/* Prints the closing line and leaves QEMU: pass or not is in the line. */
THS_NORETURN void test_end(void);
/* KEY=NUMBER of the command line, or @otherwise. */
uint64_t test_number(const char *key, uint64_t otherwise);

/* A whole line through serial/1, never mixed with another. */
void test_line(const char *fmt, ...) THS_PRINTF(1, 2);
/* Waits until all lines have left the machine. */
void test_drain(void);

/* One per client: tests/support/README.md has the format. */
struct test_story {
	uint32_t client;
	uint64_t seq, chain;
};
void test_story_begin(struct test_story *story, uint32_t client);
void test_story_tell(struct test_story *story, const char *service, uint32_t version,
		     uint64_t value);
void test_story_end(struct test_story *story);

struct ths_task_id test_start(const char *name, void (*entry)(void *), void *arg);
void test_join(struct ths_task_id task);
void test_sleep_ms(uint64_t ms);

/* Frames that are free, or in nano_core's stock of versions and pages, which grows with
 * what is asked for at once and never shrinks, or in page tables: how many of these the
 * direct map takes depends on which frames module text lies in at the moment. */
uint64_t test_unused_frames(uint64_t *tables);
/* To the page, with one CPU. With several how many stacks and pages there are at once is a
 * matter of who is late: some more or less than at first, but not more each time. */
bool test_same_frames(uint64_t before, uint64_t after);

/* The tests, chosen by test=NAME. */
void test_swap(void);
void test_self(void);
void test_faulty(void);
void test_broken(void);
void test_meta(void);
void test_evolve(void);
void test_fault(void);
void test_cascade(void);
void test_control(void);
void test_refusal(void);
void test_pattern(void);
void test_owner(void);
void test_shape(void);
void test_migrate(void);
void test_cpus(void);
void test_cpu_ends(void);
