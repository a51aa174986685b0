/* Values of a dictionary that comes from an environment variable or from Python: each is checked
 * where it is read. The first that is wrong sets `failed` and an exception; reading may go on. */
#ifndef FIELDS_H
#define FIELDS_H

#include "compat.h"

struct fields {
    PyObject *dict; /* borrowed */
    int failed;
};

/* Borrowed. What fields_get() does not find is a KeyError; fields_find() gives NULL then. */
PyObject *fields_get(struct fields *fields, const char *name);
PyObject *fields_find(struct fields *fields, const char *name);
/* A dictionary that is a value: borrowed. */
PyObject *fields_dict(struct fields *fields, const char *name);
/* A str: borrowed. */
PyObject *fields_text(struct fields *fields, const char *name);
/* A str that is UTF-8: borrowed; "" where it is wrong. */
const char *fields_utf8(struct fields *fields, const char *name);
/* Whether a value is true. */
int fields_flag(struct fields *fields, const char *name);
/* A whole number from low to high; low where it is wrong. */
long long fields_number(struct fields *fields, const char *name, long long low, long long high);

/* A copy of a dictionary with another value under a name; the value is taken: new, NULL with an
 * exception. */
PyObject *fields_with(PyObject *dict, const char *name, PyObject *value);

/* What every module has that runs Python: borrowed, NULL with an exception. */
PyObject *fields_module(const char *name);

#endif
