#ifndef MOD_READER_H
#define MOD_READER_H

#include "compat.h"

#include <relive/rl_status.h>

/* Adds the type `Reader` to the module. */
int mod_reader_add(PyObject *module);
/* Raises _core.Error(code, text); always NULL. */
PyObject *mod_raise(PyObject *error_type, rl_status status, const char *text);

#endif
