/* JSON without Python's module `json`, which the program must not find imported. */
#ifndef MOD_JSON_H
#define MOD_JSON_H

#include "compat.h"

/* The value of a JSON text, a str or bytes: new; ValueError where it is none. */
PyObject *mod_json_read(PyObject *text);
/* A value as JSON, in ASCII and without blanks: new, or NULL with an exception. */
PyObject *mod_json_text(PyObject *value);
/* Adds read_json() and json_text() to the module; 0 or -1. */
int mod_json_add(PyObject *module);

#endif
