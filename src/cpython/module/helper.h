/* A process of this interpreter that reads TOML, patterns and all else that the program must not
 * find imported, and answers in JSON (relive/_resolve.py). */
#ifndef HELPER_H
#define HELPER_H

#include "compat.h"

/* The run that RELIVE_RECORD asks for, as RELIVE_RUN would describe it: new. Where it is refused,
 * or cannot be found, NULL with an exception. */
PyObject *helper_run(PyObject *path);
/* The recipe of the filters that these settings name: new, or NULL with an exception. */
PyObject *helper_recipe(PyObject *config);

#endif
