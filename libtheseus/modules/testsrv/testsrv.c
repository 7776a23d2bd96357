/*
 * testsrv - the server the tests swap, break and check. See testsrv_impl.h.
 */
#define TESTSRV_VERSION 1
#include "testsrv_impl.h"

TESTSRV_MODULE(testsrv, "testsrv");
