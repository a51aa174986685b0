#ifndef MOD_READER_H
#define MOD_READER_H

#include "compat.h"

#include <relive/rl_status.h>

/* Adds the type `Reader` to the module. */
int mod_reader_add(PyObject *module);

struct reader;
/* For each (thread, number of an event) in the list the frames that were open in the thread when
 * that event came, innermost last: a new list of lists of (frame, code, line), 0 = not known; None
 * where there is no such event. */
PyObject *open_stacks(struct reader *reader, PyObject *positions);

#endif
