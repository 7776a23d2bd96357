/*
 * keeper_v2 - version 2 of keeper, for programs that link both.
 */
#define KEEPER_VERSION 2
#include "keeper.c"
