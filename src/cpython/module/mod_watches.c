/* Why: see mod_watches.h. */
#include "mod_watches.h"

#include "debug_changes.h"
#include "debug_writes.h"

/* debug_watch(number, dict, key): every write of the key by the program stops; 0 only counts. */
static PyObject *debug_watch(PyObject *module, PyObject *args)
{
    unsigned number;
    PyObject *dict, *key;
    (void)module;
    if (!PyArg_ParseTuple(args, "IO!O", &number, &PyDict_Type, &dict, &key) ||
        debug_writes_add(number, dict, key) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* debug_is_plain_dict(dict) -> whether it holds its values itself, and shares no keys */
static PyObject *debug_is_plain_dict(PyObject *module, PyObject *dict)
{
    (void)module;
    return PyBool_FromLong(PyDict_Check(dict) && ((PyDictObject *)dict)->ma_values == NULL);
}

/* debug_unwatch(number) -> how often the key was written; -1: there was none of that number */
static PyObject *debug_unwatch(PyObject *module, PyObject *number)
{
    unsigned long wanted = PyLong_AsUnsignedLong(number);
    (void)module;
    if (PyErr_Occurred()) {
        return NULL;
    }
    return PyLong_FromLong(debug_writes_remove((unsigned)wanted));
}

/* debug_changes() -> [(number, kind, (old,) or (), (new,) or (), code or None, line), ...] of this
 * thread, since the last call */
static PyObject *debug_changes(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return debug_changes_take();
}

static PyMethodDef methods[] = {
    {"debug_watch", debug_watch, METH_VARARGS, "Writes of a key of a dictionary stop."},
    {"debug_is_plain_dict", debug_is_plain_dict, METH_O, "Whether it shares no keys."},
    {"debug_unwatch", debug_unwatch, METH_O, "Ends that; how often it was written."},
    {"debug_changes", debug_changes, METH_NOARGS, "What has changed of what is watched."},
    {NULL, NULL, 0, NULL},
};

void mod_watches_clear(void)
{
    debug_writes_clear();
}

int mod_watches_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
