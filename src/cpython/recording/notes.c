/* Why: events that the program itself writes: sessions, requests, marks (relive/sessions). Their
 * fields are one captured dictionary, so names and texts are redacted as in every other value. */
#include "notes.h"

#include "bounds.h"
#include "capture.h"
#include "context.h"
#include "gate.h"
#include "policy.h"
#include "rows.h"
#include "state.h"
#include "traced_threads.h"

static const struct value_limits limits = {.depth = 4, .items = 100, .bytes = 1024};

/* The calling thread, as if an event of its innermost frame had just come. */
static struct thread *thread_here(void)
{
    struct thread *t = thread_self;
    native_frame *frame = native_current(PyThreadState_GetUnchecked());
    if (t != NULL && gate_is_open(t)) {
        return t;
    }
    if (frame == NULL || recording.recorder == NULL) {
        return NULL;
    }
    const struct event event = {.kind = RL_EVENT_LINE, .code = native_code(frame), .frame = frame};
    return threads_admit(&event);
}

/* Fields that say what an event is, and join one to others: no pattern of the program's takes them
 * away. */
static int is_our_field(PyObject *name)
{
    static const char *const ours[] = {
        "id",     "trace_id", "span_id", "parent_id", "exchange", "client", "side",
        "method", "ns",       "t0_ns",   "t1_ns",     "ts_ns",    "dt_ns",  "bytes_out",
        "line",   "bytes_in", "file",    "func",      "status",   "logger", "level",
    };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, ours[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* {name: value} of our fields, or of the others, without those that are None; new. */
static PyObject *fields_of(PyObject *names, PyObject *const *values, int ours)
{
    PyObject *fields = PyDict_New();
    for (Py_ssize_t i = 0; fields != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (values[i] != Py_None && is_our_field(name) == ours &&
            PyDict_SetItem(fields, name, values[i]) != 0) {
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

struct thread *notes_thread(struct notes_policy *policy)
{
    struct thread *t = thread_here();
    *policy = policy_of_notes(t != NULL ? t->stack[t->depth].id : 0, &limits);
    if (t == NULL || policy->given == NULL || policy->ours == NULL ||
        (context_is_used(t) && context_hides(t))) {
        unrecorded++;
        return NULL;
    }
    return t;
}

int notes_put(unsigned kind, unsigned number, PyObject *names, PyObject *const *values)
{
    struct notes_policy policy;
    struct thread *t = notes_thread(&policy);
    if (t == NULL) {
        return 0;
    }
    unrecorded++;
    PyObject *ours = fields_of(names, values, 1), *given = fields_of(names, values, 0); /* owned */
    struct capture *c = ours != NULL && given != NULL ? rows_capture_always(t, policy.ours) : NULL;
    if (c != NULL) {
        capture_fields(c, ours, given, policy.given);
    }
    Py_XDECREF(ours);
    Py_XDECREF(given);
    if (c == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int is_kept = lane_put_values(&t->lane, kind, number, t->stack[t->depth].frame, c->bytes,
                                  capture_size(c));
    unrecorded -= (uint64_t)is_kept;
    return is_kept;
}

/* py_note(kind, session's number, names, value, ...): whether it is in the recording. Values that
 * are None are left out. */
static PyObject *py_note(PyObject *module, PyObject *const *args, Py_ssize_t n)
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
    return recording.recorder != NULL
               ? 1 + (recording.level > LEVEL_CALLS) + (recording.level == LEVEL_LINES)
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
    {"note", (PyCFunction)(void (*)(void))py_note, METH_FASTCALL,
     "Writes an event of the program's own into the recording."},
    {"recorded_level", recorded_level, METH_NOARGS,
     "0 where nothing is recorded, else 1 calls, 2 values, 3 lines."},
    {NULL, NULL, 0, NULL},
};

int notes_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
