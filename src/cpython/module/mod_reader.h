#ifndef MOD_READER_H
#define MOD_READER_H

#include "compat.h"

/* Adds the type `Reader` to the module. */
int mod_reader_add(PyObject *module);

#endif
