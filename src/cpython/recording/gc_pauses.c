/* Why: a pause that no function explains is often the collector's.
 * An event is written when a collection ends. It has the generation, the objects that were
 * collected and those that could not be, the duration, and the innermost frame. */
#include "gc_pauses.h"

#include "state.h"

static PyObject *callback; /* process-wide, owned */
static PyObject *list;     /* process-wide, owned: while it is set: gc.callbacks */
static uint64_t began;

/* A number in the dictionary that gc gives to its callbacks; 0 where there is none. */
static int64_t number_of(PyObject *info, const char *key)
{
    PyObject *number = PyDict_GetItemString(info, key); /* borrowed */
    long long value = number != NULL && PyLong_CheckExact(number) ? PyLong_AsLongLong(number) : 0;
    PyErr_Clear();
    return value;
}

/* Writes the event of one collection. */
static void put_pause(PyObject *info, uint64_t took)
{
    struct thread *t = thread_self;
    if (!thread_is_recorded(t)) {
        return;
    }
    uint8_t bytes[5 * VARINT_MAX + 16], *p = bytes;
    p = put_varint(p, (uint64_t)number_of(info, "generation"));
    p = put_varint(p, (uint64_t)number_of(info, "collected"));
    p = put_varint(p, (uint64_t)number_of(info, "uncollectable"));
    p = put_varint(p, took);
    (void)lane_put_values(&t->lane, RL_EVENT_GC, 0, t->stack[t->depth].frame, bytes,
                          (uint32_t)(p - bytes));
}

/* gc calls it with ("start" or "stop", {...}). */
static PyObject *on_collection(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *phase = PyTuple_GET_SIZE(args) == 2 ? PyTuple_GET_ITEM(args, 0) : NULL;
    PyObject *info = phase != NULL ? PyTuple_GET_ITEM(args, 1) : NULL;
    if (phase != NULL && PyUnicode_Check(phase) && PyDict_Check(info)) {
        if (PyUnicode_CompareWithASCIIString(phase, "start") == 0) {
            began = os_mono_ns();
        } else {
            put_pause(info, os_mono_ns() - began);
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef method = {"relive", on_collection, METH_VARARGS, "Records collections."};

int collections_start(void)
{
    PyObject *gc = PyImport_ImportModule("gc"); /* owned */
    if (callback == NULL) {
        callback = PyCFunction_New(&method, NULL);
    }
    Py_XDECREF(list);
    list = gc != NULL ? PyObject_GetAttrString(gc, "callbacks") : NULL;
    Py_XDECREF(gc);
    if (callback == NULL || list == NULL || !PyList_Check(list)) {
        Py_CLEAR(list);
        return -1;
    }
    return PyList_Append(list, callback);
}

void collections_stop(void)
{
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        if (PyList_GET_ITEM(list, i) == callback) {
            if (PyList_SetSlice(list, i, i + 1, NULL) != 0) {
                PyErr_Clear();
            }
            break;
        }
    }
    Py_CLEAR(list);
}
