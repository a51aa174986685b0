/* The names of a run's files. Under the GIL. */
#ifndef SIBLINGS_H
#define SIBLINGS_H

#include "compat.h"

/* NAME.<pid>.<n>.relive, the n-th file of a process beside the first one of the run: new. */
PyObject *sibling_path(PyObject *path, long pid, int n);

#endif
