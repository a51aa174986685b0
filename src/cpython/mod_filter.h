#ifndef MOD_FILTER_H
#define MOD_FILTER_H

#include "compat.h"

struct filter;

/* Adds the type `Filter` to the module. */
int mod_filter_add(PyObject *module);
/* The filter in an object of that type (borrowed), or NULL with an exception. */
struct filter *mod_filter_get(PyObject *object);
/* The highest level that a rule of it wants, 0 = none: enum filter_level. */
int mod_filter_level(PyObject *object);
/* A str without the secrets in it, half characters replaced where there are any: new, or NULL with
 * an exception. */
PyObject *mod_filter_without_secrets(PyObject *text);

#endif
