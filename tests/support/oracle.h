/*
 * oracle - the parts of the judge over swap tests. README.md has format and rules.
 *
 *   oracle.c        options, lines -> struct record
 *   oracle_rules.c  records -> agreement, or the first offence
 *
 * Invariants
 *   O1  No source, header or table of the guest is used: what the guest believes of the
 *       format proves nothing.
 *   O2  Every record is judged by number, by chain and by its service's rule; a service
 *       without a rule is an offence.
 *   O3  The first offence ends the reading; all later ones may be its consequence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ORACLE_NAME_MAX 32 /* of a service, with its final 0 */

struct record {
	uint64_t line; /* of the log, from 1 */
	uint32_t client;
	uint64_t seq; /* @E: how many records */
	char service[ORACLE_NAME_MAX];
	uint32_t version;
	uint64_t value;
	uint64_t chain;
};

struct oracle_demand {       /* --versions */
	const char *service; /* NULL: each that tells */
	size_t count;
};

struct oracle; /* all that was seen */

struct oracle *oracle_create(void);
void oracle_destroy(struct oracle *oracle);

/* Each is false on an offence, which it has printed. */
bool oracle_record(struct oracle *oracle, const struct record *record);
bool oracle_end(struct oracle *oracle, const struct record *record);
bool oracle_finish(struct oracle *oracle, size_t clients, uint64_t records);
bool oracle_versions(const struct oracle *oracle, const struct oracle_demand *demand);
void oracle_report(const struct oracle *oracle, FILE *out);

/* Prints "oracle: line N: ..." (without the line if 0) and returns false. */
__attribute__((format(printf, 2, 3))) bool oracle_offence(uint64_t line,
							  const char *format, ...);
