/* Why: events that the program itself writes: sessions, requests, marks (relive/sessions). Their
 * fields are one captured dictionary, so names and texts are redacted as in every other value. */
#include "notes.h"

#include "context.h"
#include "policy.h"
#include "session.h"

static const struct capture_limits limits = {.depth = 4, .items = 100, .bytes = 1024};

/* The calling thread, as if its innermost frame had just been told of. */
static struct thread *thread_here(void)
{
    struct thread *t = thread_self;
    native_frame *frame = native_current(PyThreadState_GetUnchecked());
    if (t != NULL && t->gate == session.stamp) {
        return t;
    }
    if (frame == NULL || session.recorder == NULL) {
        return NULL;
    }
    const struct event event = {.kind = RL_EVENT_LINE, .code = native_code(frame), .frame = frame};
    return session_thread(&event);
}

/* {name: value} without those that are None; new. */
static PyObject *fields_of(PyObject *names, PyObject *const *values, Py_ssize_t count)
{
    PyObject *fields = PyDict_New();
    for (Py_ssize_t i = 0; fields != NULL && i < count; i++) {
        if (values[i] != Py_None &&
            PyDict_SetItem(fields, PyTuple_GET_ITEM(names, i), values[i]) != 0) {
            Py_CLEAR(fields);
        }
    }
    return fields;
}

static uint64_t unrecorded; /* events that no recording was there for */

uint64_t notes_unrecorded(void)
{
    return unrecorded;
}

struct thread *notes_thread(const struct policy **policy)
{
    struct thread *t = thread_here();
    *policy = policy_of_notes(&limits);
    if (t == NULL || *policy == NULL || (context_is_used(t) && context_hides(t))) {
        unrecorded++;
        return NULL;
    }
    return t;
}

int notes_put(unsigned kind, unsigned number, PyObject *names, PyObject *const *values)
{
    const struct policy *policy;
    struct thread *t = notes_thread(&policy);
    if (t == NULL) {
        return 0;
    }
    unrecorded++;
    PyObject *fields = fields_of(names, values, PyTuple_GET_SIZE(names)); /* owned */
    struct capture *c = fields != NULL ? session_capture_always(t, policy) : NULL;
    if (c == NULL) {
        Py_XDECREF(fields);
        return PyErr_Occurred() ? -1 : 0;
    }
    capture_value(c, fields);
    Py_DECREF(fields);
    int is_kept = lane_put_values(&t->lane, kind, number, t->stack[t->depth].frame, c->bytes,
                                  capture_size(c));
    unrecorded -= (uint64_t)is_kept;
    return is_kept;
}

/* note(kind, session's number, names, value, ...): whether it is in the recording. Values that are
 * None are left out. */
static PyObject *note(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n < 3 || !PyLong_CheckExact(args[0]) || !PyLong_CheckExact(args[1]) ||
        !PyTuple_CheckExact(args[2]) || PyTuple_GET_SIZE(args[2]) != n - 3) {
        PyErr_SetString(PyExc_TypeError, "note(kind, number, names, a value for each of them)");
        return NULL;
    }
    unsigned long kind = PyLong_AsUnsignedLong(args[0]), number = PyLong_AsUnsignedLong(args[1]);
    if (PyErr_Occurred() || kind < RL_EVENT_LOG || kind > RL_EVENT_MARK || number > RL_ID_MAX) {
        PyErr_SetString(PyExc_ValueError, "no such kind of event, or number of a session");
        return NULL;
    }
    int is_kept = notes_put((unsigned)kind, (unsigned)number, args[2], args + 3);
    return is_kept < 0 ? NULL : PyBool_FromLong(is_kept);
}

int notes_level(void)
{
    return session.recorder != NULL
               ? 1 + (session.level > LEVEL_CALLS) + (session.level == LEVEL_LINES)
               : 0;
}

/* 0: nothing is being recorded in this process; else 1 calls, 2 values, 3 lines. */
static PyObject *recorded_level(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyLong_FromLong(notes_level());
}

static PyMethodDef methods[] = {
    {"note", (PyCFunction)(void (*)(void))note, METH_FASTCALL,
     "Writes an event of the program's own into the recording."},
    {"recorded_level", recorded_level, METH_NOARGS,
     "0 where nothing is recorded, else 1 calls, 2 values, 3 lines."},
    {NULL, NULL, 0, NULL},
};

int notes_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
