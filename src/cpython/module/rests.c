/* Why: a comparison, or one search of an origin, may read the whole recording in one call of C. */
#include "rests.h"

enum { CHUNKS = 4 }; /* between two looks: taking the GIL may wait for other threads */

/* Returns nonzero where the handler of a signal has raised an exception. */
static int check_signals(void *self)
{
    struct rest *rest = self;
    if (!rest->has_raised && ++rest->chunks >= CHUNKS) {
        rest->chunks = 0;
        PyEval_RestoreThread(rest->state);
        rest->has_raised = PyErr_CheckSignals() != 0;
        rest->state = PyEval_SaveThread();
    }
    return rest->has_raised;
}

void rest_begin(struct rest *rest, struct reader *reader)
{
    *rest = (struct rest){0};
    reader->rest = check_signals;
    reader->rest_self = rest;
    rest->state = PyEval_SaveThread();
}

rl_status rest_end(struct rest *rest, struct reader *reader, rl_status status)
{
    PyEval_RestoreThread(rest->state);
    reader->rest = NULL;
    reader->rest_self = NULL;
    return rest->has_raised ? RL_NOMEM : status;
}

PyObject *rest_failed(void)
{
    return PyErr_Occurred() != NULL ? NULL : PyErr_NoMemory();
}
