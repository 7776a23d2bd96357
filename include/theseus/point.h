/*
 * point - places in portable code where a test may step in.
 *
 * Two kinds. THS_FAIL(site) stands before each thing that can run out and says whether
 * to behave as if it had. THS_POINT(name) stands in each window between two steps of a
 * protocol, where another CPU may act; a test acts there in its stead. On the machine
 * both are nothing, and cost nothing.
 *
 * Invariants
 *   F1  A name is a literal "class/name", once in the tree: it names one place.
 *   F2  Where THS_FAIL() is true the code takes the very path it would take otherwise.
 *
 * Use: if (THS_FAIL("alloc/undo-log") || !pool_take(&entry)) return THS_E_NOMEM;
 * The test's side: ths_host_fail_nth(), ths_host_on_point() of <theseus/host.h>.
 */
#pragma once

#include <stdbool.h>

#ifdef THS_HOST
bool ths_host_fail(const char *site);
void ths_host_point(const char *name);
#define THS_FAIL(site)  ths_host_fail("" site)
#define THS_POINT(name) ths_host_point("" name)
#else
#define THS_FAIL(site)  ((void)sizeof("" site), false)
#define THS_POINT(name) ((void)sizeof("" name))
#endif
