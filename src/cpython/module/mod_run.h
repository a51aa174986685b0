#ifndef MOD_RUN_H
#define MOD_RUN_H

#include "compat.h"

/* Adds to the module what relive._run asks of runs. */
int mod_run_add(PyObject *module);

#endif
