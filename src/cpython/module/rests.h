/* Long work of a reader without the GIL, which Ctrl-C ends at once.
 *
 *   rest_begin()   releases the GIL      the reader calls check_signals() between two chunks
 *   rest_end()     takes it again        the handler of a signal may have raised
 *
 * Where it has raised, the question ends with RL_NOMEM, and what it has found is no answer. Use
 * rest_failed() then: it keeps the exception.
 *
 * Threads: the one that has the GIL. Python runs handlers in the main thread alone. */
#ifndef RESTS_H
#define RESTS_H

#include "compat.h"

#include "reader.h"

struct rest {
    PyThreadState *state;
    unsigned chunks; /* that were read since the last look */
    int has_raised;
};

void rest_begin(struct rest *rest, struct reader *reader);
/* Returns the status of the question, RL_NOMEM where a handler has raised. */
rl_status rest_end(struct rest *rest, struct reader *reader, rl_status status);
/* Raises MemoryError, unless an exception is set. Returns NULL. */
PyObject *rest_failed(void);

#endif
