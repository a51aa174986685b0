/* The pending exception of the program, kept while a hook does its work.
 *
 *     struct pyerror error = pyerror_take();
 *     ...                                      nothing is pending here
 *     pyerror_put_back(&error);                what was raised meanwhile is gone
 *
 * pyerror_drop() in its place forgets it. */
#ifndef PYERROR_H
#define PYERROR_H

#include "compat.h"

/* Owns its references between the two calls. */
struct pyerror {
    PyObject *type, *value, *traceback;
};

static inline struct pyerror pyerror_take(void)
{
    struct pyerror error;
    PyErr_Fetch(&error.type, &error.value, &error.traceback);
    return error;
}

/* The same, with `value` an instance of `type` (or NULL where nothing was pending). */
static inline struct pyerror pyerror_take_instance(void)
{
    struct pyerror error = pyerror_take();
    PyErr_NormalizeException(&error.type, &error.value, &error.traceback);
    return error;
}

static inline void pyerror_drop(struct pyerror *error)
{
    Py_CLEAR(error->type);
    Py_CLEAR(error->value);
    Py_CLEAR(error->traceback);
}

static inline void pyerror_put_back(struct pyerror *error)
{
    PyErr_Restore(error->type, error->value, error->traceback);
}

#endif
