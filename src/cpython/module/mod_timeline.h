/* The type `Timeline`: events of an open recording in order of time (timeline.h), and the function
 * timeline_names(). */
#ifndef MOD_TIMELINE_H
#define MOD_TIMELINE_H

#include "compat.h"

/* Adds both to the module; 0 or -1. */
int mod_timeline_add(PyObject *module);

#endif
