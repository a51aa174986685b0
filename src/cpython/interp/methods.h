/* Functions of C modules that are guarded in place: their method tables are static data that every
 * caller goes through, also through names imported earlier; one pointer in each is exchanged. */
#ifndef METHODS_H
#define METHODS_H

#include "compat.h"

/* Puts `ours` in the place of the module's function and its own into *old, once. `flags` are what
 * its entry must have, so that it is called as `ours` expects. -1 with an exception otherwise. */
int methods_exchange(PyObject *module, const char *name, int flags, PyCFunction ours,
                     PyCFunction *old);

#endif
