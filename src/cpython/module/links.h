/* Links from other tools' records of a request to its place in the recording. */
#ifndef LINKS_H
#define LINKS_H

#include "compat.h"

/* Returns the traceparent of the span that another tool has active here; NULL where there is none.
 * The reference is new, and no exception is set. */
PyObject *links_parent(void);
/* A session has begun here: its place goes into that span. */
void links_session_begins(void);

/* Adds the functions that Python sees. 0, or -1 with an exception. */
int links_add(PyObject *module);

#endif
