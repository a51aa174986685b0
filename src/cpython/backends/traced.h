/* What PyEval_SetTrace and PyEval_SetProfile have in common: one callback per event of a frame. */
#ifndef TRACED_H
#define TRACED_H

#include "door.h"

/* CALL and RETURN events become CALL, RESUME, THROW, RETURN, YIELD or UNWIND. `returned` is NULL
 * where an exception leaves the frame: the last one that traced_exception() told of there. */
void traced_call(PyFrameObject *frame);
void traced_return(PyFrameObject *frame, PyObject *returned);

/* A LINE event, and an EXCEPTION event with its (type, value, traceback). */
void traced_line(PyFrameObject *frame);
void traced_exception(PyFrameObject *frame, PyObject *arg);

/* One of the two mechanisms, as far as threads are concerned. */
struct traced {
    const char *name; /* of the function in `threading` that new threads are hooked through */
    const char *hook; /* the attribute of `threading` that it sets */
    Py_tracefunc function;
};

/* Sets the function in this thread, in those that run already where the version can (3.9+), and in
 * those that `threading` starts later. 0, or -1 with an exception. */
int traced_start(const struct traced *traced);
void traced_stop(const struct traced *traced);
int traced_taken(const struct traced *traced);
void traced_set_here(const struct traced *traced);

#endif
