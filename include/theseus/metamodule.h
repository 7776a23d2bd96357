/*
 * metamodule - a module that does hold state.
 *
 * For what stands below transactions, and so cannot keep its state in rows: state_db is one.
 * Its state is one struct of plain data without pointers, which it declares here; the loader
 * sets it apart, links the module to it, and hands it to the module's successors:
 *
 *	struct keeper_state { uint64_t total; };
 *	THS_STATE(test_keeper, struct keeper_state);   // now ths_state_test_keeper is ours
 *	…
 *	THS_MODULE(test_keeper, "test.keeper", 1, 0, THS_PROVIDES(…),
 *		   THS_HOLDS("keeper.state/1", struct keeper_state, ths_state_test_keeper));
 *
 * A successor with the same layout is linked to the same struct, and both may serve at the
 * same time. One with another layout gets a struct of its own. While every CPU is kept at
 * depth 0 its members are filled in from the old one's, by name, as the layouts in both
 * files say; what is new is 0, or made by `adopt`; what is gone is logged.
 *
 * Invariants
 *   A1  The module's object has no writable section (I1), a metamodule's no more than
 *       another's: its state is not in it.
 *   A2  The name of the state is the module's own: a module with another id that uses it
 *       is refused, by theseus-check and by the loader.
 *   A3  What moves state has no name: no source can call it.
 *
 * A transaction that is run again does not take back what was done to the state. So what
 * changes it is a device operation, which never runs twice, or not an operation at all.
 */
#pragma once

#include <theseus/module.h>

/* Declares the state of module @token_. Hosted, and linked into a kernel, it is defined. */
#ifdef THS_MODULE_BUILD
#define THS_STATE(token_, type_) extern type_ ths_state_##token_
#else
#define THS_STATE(token_, type_)                                                         \
	extern type_ ths_state_##token_;                                                 \
	type_ ths_state_##token_
#endif

/* For the descriptor. @object_ is ths_state_TOKEN. */
#define THS_HOLDS(schema_, type_, object_, ...)                                          \
	.state = {.schema = (schema_), .size = sizeof(type_), .type = THS_SPELL(type_),  \
		  .at = &(object_), __VA_ARGS__}
