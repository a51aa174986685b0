/* Headers of HTTP as the protocols hand them over: pairs of texts or bytes, mappings, a WSGI
 * environ. What cannot be read is left out; nothing here leaves an exception behind. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

#include "compat.h"

/* What a dictionary has under a name: borrowed, or NULL. */
PyObject *dict_get(PyObject *dict, PyObject *name);

/* Which are kept from now on: a list of (name in lower case, key in a WSGI environ). 0, or -1 with
 * an exception. */
int headers_keep(PyObject *rows);

/* The pairs of a list, a mapping or another iterable: new, or NULL. */
PyObject *headers_rows(PyObject *headers);
/* {name: value} of those that are kept, of several the last: new, or NULL where there are none. */
PyObject *headers_selected(PyObject *headers);
PyObject *headers_of_environ(PyObject *environ);
/* The value of the first with that name, which is in lower case: new, or NULL. */
PyObject *headers_first(PyObject *rows, const char *name);

/* The characters of a str of ASCII, or bytes; NULL for anything else. */
const char *header_plain(PyObject *o, Py_ssize_t *len);
/* The number that digits say; -1 where they are something else. */
long long header_number(PyObject *o);

#endif
