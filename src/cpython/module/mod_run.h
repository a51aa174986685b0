/* Runs (run.h) for Python. */
#ifndef MOD_RUN_H
#define MOD_RUN_H

#include "compat.h"

/* Adds to the module the functions about runs that relive._run calls. */
int mod_run_add(PyObject *module);

#endif
