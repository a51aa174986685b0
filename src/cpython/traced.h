/* What PyEval_SetTrace and PyEval_SetProfile have in common: one callback per event of a frame. */
#ifndef TRACED_H
#define TRACED_H

#include "session.h"

/* CALL and RETURN events become CALL, RESUME, THROW, RETURN, YIELD or UNWIND. `returned` is NULL
 * where an exception leaves the frame; `exc` is its type where that is known. */
void traced_call(PyFrameObject *frame);
void traced_return(PyFrameObject *frame, PyObject *returned, PyObject *exc);

/* Sets or removes the function in this thread, and in all others where the version can. */
typedef void (*traced_setter)(Py_tracefunc function, PyObject *argument);
void traced_install(traced_setter one, traced_setter all, Py_tracefunc function,
                    PyObject *argument);

#endif
