/* Filters (filter.h) as objects of Python, and the forms of secrets. Under the GIL. */
#ifndef MOD_FILTER_H
#define MOD_FILTER_H

#include "compat.h"

struct filter;

/* Adds the type `Filter` to the module. */
int mod_filter_add(PyObject *module);
/* A new one, without rules; NULL with an exception. */
PyObject *mod_filter_new(void);
/* The filter in an object of that type (borrowed), or NULL with an exception. */
struct filter *mod_filter_get(PyObject *object);
/* The highest level that a rule of it wants, 0 = none: enum filter_level. */
int mod_filter_level(PyObject *object);
/* Whether a value under this name is hidden. */
int mod_filter_is_secret(const char *name, size_t len, PyObject *value);
/* A str without the secrets in it, half characters replaced where there are any: new, or NULL with
 * an exception. */
PyObject *mod_filter_without_secrets(PyObject *text);

#endif
