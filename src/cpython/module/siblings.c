/* Why: a process names its own file, and finds that of a child for which it waited. */
#include "siblings.h"

#include <string.h>

PyObject *sibling_path(PyObject *path, long pid, int n)
{
    static const char end[] = ".relive";
    Py_ssize_t len = PyUnicode_GET_LENGTH(path);
    PyObject *suffix = PyUnicode_FromString(end); /* owned */
    int has = suffix != NULL && PyUnicode_Tailmatch(path, suffix, 0, PY_SSIZE_T_MAX, 1) == 1;
    PyObject *stem =
        PyUnicode_Substring(path, 0, has ? len - (Py_ssize_t)strlen(end) : len); /* owned */
    PyObject *name = stem != NULL ? PyUnicode_FromFormat("%U.%ld.%d.relive", stem, pid, n) : NULL;
    Py_XDECREF(stem);
    Py_XDECREF(suffix);
    return name;
}
