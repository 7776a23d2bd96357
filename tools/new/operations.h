/*
 * operations - what an interface is made of, read from its header as THS_INTERFACE() has it.
 *
 * A header is C, and we are no compiler: read is what stands between the parentheses of each
 * OP(...) in `#define X_OPS(OP)`, and of THS_INTERFACE(name, version, X_OPS). That is how
 * <theseus/interface.h> wants it written.
 */
#pragma once

#include "new/template.h"

/*
 * Reads interface @name in version @version from @path. Each operation becomes one of
 * @variables' items: op, OP, args (the C type of its arguments), flags; `device` and
 * `with_blob` if it is such, `more` if it is not the last. False, with a message, if the header does not declare it so.
 */
THS_MUST_CHECK bool operations_read(const char *path, const char *name, unsigned version,
				    struct variables *variables);

/* An item of @variables: operation @op of interface @iface, with arguments of type @args. */
void operation_add(struct variables *variables, const char *iface, const char *op,
		   const char *args, const char *flags);
