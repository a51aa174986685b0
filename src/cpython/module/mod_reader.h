#ifndef MOD_READER_H
#define MOD_READER_H

#include "compat.h"

#include <relive/rl_status.h>

/* Adds the type `Reader` to the module. */
int mod_reader_add(PyObject *module);

struct reader;
/* Returns a new list with a row for each (thread, number of an event) in `positions`. A row lists
 * the frames that were open in the thread at that event, as (frame, code, line), innermost last; 0
 * is not known. The row is None where there is no such event. */
PyObject *open_stacks(struct reader *reader, PyObject *positions);

#endif
