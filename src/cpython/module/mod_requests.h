/* Requests that come in (relive/instrument/web.py): each is a session from its beginning to the end
 * of its answer, and two events. */
#ifndef MOD_REQUESTS_H
#define MOD_REQUESTS_H

#include "compat.h"

/* Adds the type and the functions. 0, or -1 with an exception. */
int mod_requests_add(PyObject *module);

#endif
