/* What PyEval_SetTrace and PyEval_SetProfile have in common: one callback per event of a frame.
 * Under the GIL, in the thread whose frame runs.
 *
 *     interpreter's event     becomes
 *     call                    CALL, RESUME or THROW
 *     line                    LINE
 *     exception               RAISE, where lines are recorded or a listener is on
 *     return                  RETURN, YIELD or UNWIND */
#ifndef TRACED_H
#define TRACED_H

#include "door.h"

/* Records a CALL event (as CALL, RESUME or THROW) or a RETURN event (as RETURN, YIELD or UNWIND).
 * `returned` is NULL where an exception leaves the frame: the last one that traced_exception()
 * received for it. */
void traced_call(PyFrameObject *frame);
void traced_return(PyFrameObject *frame, PyObject *returned);

/* Records a LINE event, and an EXCEPTION event with its (type, value, traceback). */
void traced_line(PyFrameObject *frame);
void traced_exception(PyFrameObject *frame, PyObject *arg);

/* One of the two mechanisms, as far as threads are concerned. */
struct traced {
    const char *name; /* of the function in `threading` that new threads are hooked through */
    const char *hook; /* the attribute of `threading` that it sets */
    Py_tracefunc function;
};

/* Sets the function in this thread and in those that `threading` starts later. Where the version
 * can (3.9+), threads that run already get it too. Returns 0, or -1 with an exception. */
int traced_start(const struct traced *traced);
/* Clears the function in every thread that has it, and the hook for new threads. */
void traced_stop(const struct traced *traced);
/* Returns in how many threads another tool's function is in the place of ours, or none in this one.
 */
int traced_taken(const struct traced *traced);
/* Sets the function in this thread. */
void traced_set_here(const struct traced *traced);

#endif
