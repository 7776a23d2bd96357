/*
 * testsrv.v2 - the same server in its next version, with another row schema for counters.
 */
#define TESTSRV_VERSION 2
#include "../testsrv/testsrv_impl.h"

TESTSRV_MODULE(testsrv_v2, "testsrv.v2");
