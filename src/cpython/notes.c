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

/* note(kind, session's number, {name: value, ...}): whether it is in the recording. */
static PyObject *note(PyObject *module, PyObject *args)
{
    unsigned kind, number;
    PyObject *fields;
    (void)module;
    if (!PyArg_ParseTuple(args, "IIO!", &kind, &number, &PyDict_Type, &fields)) {
        return NULL;
    }
    if (kind < RL_EVENT_LOG || kind > RL_EVENT_MARK || number > RL_ID_MAX) {
        PyErr_SetString(PyExc_ValueError, "no such kind of event, or number of a session");
        return NULL;
    }
    struct thread *t = thread_here();
    const struct policy *policy = policy_of_notes(&limits);
    struct capture *c = t != NULL && policy != NULL ? session_capture_always(t, policy) : NULL;
    if (c == NULL || (context_is_used(t) && context_hides(t))) {
        Py_RETURN_FALSE;
    }
    capture_value(c, fields);
    int is_put = lane_put_values(&t->lane, kind, number, t->stack[t->depth].frame, c->bytes,
                                 capture_size(c));
    return PyBool_FromLong(is_put);
}

static PyMethodDef methods[] = {
    {"note", note, METH_VARARGS, "Writes an event of the program's own into the recording."},
    {NULL, NULL, 0, NULL},
};

int notes_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
