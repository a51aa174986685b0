/* Filters as a process that starts receives them. relive.filters writes such a recipe:
 *
 *     {"entries": [[method of _core.Filter, arguments], ...],
 *      "text": for the header,
 *      "highest": the highest level of any function}
 *
 * An entry ["builtin", "trace" or "skip"] is the built-in filter, which depends on the interpreter.
 * The word decides for installed packages. */
#ifndef RECIPE_H
#define RECIPE_H

#include "compat.h"

/* A new _core.Filter; NULL with an exception. */
PyObject *recipe_filter(PyObject *recipe, PyObject *folders);
int recipe_add(PyObject *module);

#endif
