/* A helper process of this interpreter (relive/_resolve.py). It reads TOML, patterns and all else
 * that the program must not find imported, and answers in JSON.
 *
 *     recorded process --- {"path": ...} or {"config": ...} ---> python -m relive._resolve
 *                      <-- a run, a recipe, or {"error": ...} ---
 *
 * A run is also kept in the cache folder (kept.h), so that most starts need no helper. */
#ifndef HELPER_H
#define HELPER_H

#include "compat.h"

/* The run that RELIVE_RECORD asks for, as RELIVE_RUN would describe it: new. Where it is refused,
 * or cannot be found, NULL with an exception. */
PyObject *helper_run(PyObject *path);
/* The recipe of the filters that these settings name: new, or NULL with an exception. */
PyObject *helper_recipe(PyObject *config);

#endif
