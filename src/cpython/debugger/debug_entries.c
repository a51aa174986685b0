/* Part of debug_parts.h: what a value consists of, for a front that shows values.
 *
 * Why: vars() and the views of a dictionary run code of the program where a class has its own.
 * Here the storage is read, as the recorder does (interp/instance.h).
 *
 * Invariant: entries are counted and copied before any Python code runs. Under the GIL. */
#include "debug_parts.h"
#include "instance.h"

/* Appends an entry if it is one of those that are wanted. Returns 0, or -1 with an exception. */
static int put_entry(PyObject *list, Py_ssize_t at, Py_ssize_t start, Py_ssize_t count,
                     PyObject *key, PyObject *value)
{
    if (at < start || at - start >= count) {
        return 0;
    }
    PyObject *pair = PyTuple_Pack(2, key, value); /* owned */
    int done = pair != NULL ? PyList_Append(list, pair) : -1;
    Py_XDECREF(pair);
    return done;
}

/* Returns how many entries there are, or -1 with an exception. */
static Py_ssize_t list_dict(PyObject *dict, PyObject *list, Py_ssize_t start, Py_ssize_t count)
{
    PyObject *key, *value;
    Py_ssize_t place = 0, at = 0, total = PyDict_Size(dict);
    while (at < total && at < start + count && PyDict_Next(dict, &place, &key, &value)) {
        if (put_entry(list, at++, start, count, key, value) != 0) {
            return -1;
        }
    }
    return total;
}

static Py_ssize_t list_attributes(PyObject *o, PyObject *list, Py_ssize_t start, Py_ssize_t count)
{
    PyObject *dict = instance_dict(o);
    if (dict != NULL && PyDict_Check(dict)) {
        return list_dict(dict, list, start, count);
    }
    Py_ssize_t at = 0;
#if HAS_MANAGED_DICT
    struct instance_values stored;
    if (dict == NULL && instance_values_get(o, &stored)) {
        for (Py_ssize_t i = 0; i < stored.count; i++) {
            PyObject *value = stored.values[i];
            if (value != NULL &&
                put_entry(list, at++, start, count, stored.keys[i].me_key, value) != 0) {
                return -1;
            }
        }
    }
#endif
    return at;
}

PyObject *debug_entries(PyObject *o, Py_ssize_t start, Py_ssize_t count)
{
    PyObject *list = PyList_New(0); /* owned */
    start = start > 0 ? start : 0;
    count = count > PY_SSIZE_T_MAX - start ? PY_SSIZE_T_MAX - start : count;
    Py_ssize_t total = list == NULL      ? -1
                       : PyDict_Check(o) ? list_dict(o, list, start, count)
                                         : list_attributes(o, list, start, count);
    if (total < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    return Py_BuildValue("nN", total, list);
}
