/*
 * failpoint - every way to run out of something, one after the other.
 *
 * A scenario is run with the 1st site of a class failing, with the 2nd, and so on, until
 * a run gets through without reaching the one that was to fail: then each site it
 * reaches has failed once. What must hold after a failed run is for the scenario to
 * assert: an error came back, nothing changed, nothing leaked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * ths_fail_each() - run a scenario once for each fail point it reaches
 * @class:        of the sites, see <theseus/point.h>; "" for all
 * @persistently: all sites after the Nth fail too
 * @scenario:     starts from the same state each time; ths_host_fail_failed() tells it
 *                afterwards whether something failed in this run
 * @ctx:          handed to it
 *
 * Return: how many sites failed; 0 means that nothing was tried, which is worth an
 * assertion in the caller.
 */
uint64_t ths_fail_each(const char *class, bool persistently, void (*scenario)(void *ctx),
		       void *ctx);
