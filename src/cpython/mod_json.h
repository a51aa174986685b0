#ifndef MOD_JSON_H
#define MOD_JSON_H

#include "compat.h"

/* Adds read_json() and json_text() to the module; 0 or -1. */
int mod_json_add(PyObject *module);

#endif
