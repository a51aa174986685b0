/* Why: whoever looks at a trace or an error report of a request wants its recording. A session puts
 * the file's path and its position there, and takes part in the trace.
 *
 * Invariants: nothing is imported for it. relive/sessions/links.py is called only where the program
 * itself has imported one of the tools. What goes wrong in a tool is counted, and never raised: a
 * session begins all the same. Nothing that the tools do for it is recorded. Under the GIL. */
#include "links.h"

#include "gate.h"
#include "state.h"
#include "tap.h"

enum { TOOLS = 2 };
static const char *const tools[TOOLS] = {"opentelemetry.trace", "sentry_sdk"};

static PyObject *tool_names[TOOLS];       /* process-wide, owned: the same as texts of Python */
static PyObject *find_parent, *put_place; /* process-wide, owned: functions of links.py */
static unsigned long long failures;

static int is_tool_there(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    for (size_t i = 0; i < TOOLS; i++) {
        if (PyDict_GetItem(modules, tool_names[i]) != NULL) {
            return 1;
        }
    }
    return 0;
}

/* Calls a function of links.py, unseen. Returns a new reference, or NULL without an exception. */
static PyObject *call_unseen(PyObject *function)
{
    if (function == NULL || !is_tool_there()) {
        return NULL;
    }
    (void)tap_suppress(1);
    PyObject *result = PyObject_CallFunctionObjArgs(function, NULL); /* owned */
    (void)tap_suppress(0);
    if (result == NULL) {
        failures++;
        PyErr_Clear();
    }
    return result;
}

PyObject *links_parent(void)
{
    PyObject *parent = call_unseen(find_parent); /* owned */
    if (parent == Py_None) {
        Py_CLEAR(parent);
    }
    return parent;
}

void links_session_begins(void)
{
    PyObject *done = recording.recorder != NULL ? call_unseen(put_place) : NULL; /* owned */
    Py_XDECREF(done);
}

/* set_links(find_parent, put_place) */
static PyObject *set_links(PyObject *module, PyObject *args)
{
    PyObject *find, *put; /* borrowed */
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &find, &put)) {
        return NULL;
    }
    Py_INCREF(find);
    Py_INCREF(put);
    Py_XSETREF(find_parent, find);
    Py_XSETREF(put_place, put);
    Py_RETURN_NONE;
}

static PyObject *link_failures(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyLong_FromUnsignedLongLong(failures);
}

/* position() -> (thread, number) of this thread's last event, or None where none is recorded */
static PyObject *last_position(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    const struct thread *t = thread_self;
    uint64_t next = t != NULL && recording.recorder != NULL && t->lane.recorder != NULL
                        ? lane_next_event(&t->lane)
                        : 0;
    if (next == 0) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("IK", t->lane.thread, (unsigned long long)(next - 1));
}

static PyMethodDef methods[] = {
    {"set_links", set_links, METH_VARARGS, "Functions that look into other tools' spans."},
    {"link_failures", link_failures, METH_NOARGS, "How often one of them raised."},
    {"position", last_position, METH_NOARGS, "(thread, number) of this thread's last event."},
    {NULL, NULL, 0, NULL},
};

int links_add(PyObject *module)
{
    for (size_t i = 0; i < TOOLS; i++) {
        tool_names[i] = PyUnicode_InternFromString(tools[i]);
        if (tool_names[i] == NULL) {
            return -1;
        }
    }
    return PyModule_AddFunctions(module, methods);
}
