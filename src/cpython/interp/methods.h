/* Functions of C modules that are guarded in place. Every caller of such a function goes through
 * its static method table, also by a name imported earlier. One pointer in that table is exchanged.
 */
#ifndef METHODS_H
#define METHODS_H

#include "compat.h"

/* Puts `ours` in the place of the module's function and its own into *old, once. `flags` are what
 * its entry must have, so that it is called as `ours` expects. -1 with an exception otherwise. */
int methods_exchange(PyObject *module, const char *name, int flags, PyCFunction ours,
                     PyCFunction *old);

#endif
