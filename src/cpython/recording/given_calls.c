/* Why: see given_calls.h. Such a call has no frame of the interpreter: it gets an identity, and the
 * reader puts what begins below it there until it ends. Its event is one of the session that is
 * named, whichever is the active one. */
#include "given_calls.h"

#include "capture.h"
#include "gate.h"
#include "notes.h"
#include "open_frames.h"
#include "policy.h"
#include "rows.h"
#include "state.h"

/* Names and values of the arguments, as far as they are kept; NULL: none are. */
static struct capture *capture_given(struct thread *t, const struct policy *policy, PyObject *args,
                                     struct code_def *def, uint32_t names[CODE_NAMES_MAX])
{
    PyObject *name, *value;
    Py_ssize_t at = 0;
    struct capture *c = args != Py_None ? rows_capture(t, policy) : NULL;
    while (c != NULL && def->args < CODE_NAMES_MAX && PyDict_Next(args, &at, &name, &value)) {
        if (PyUnicode_CheckExact(name)) {
            names[def->args++] = capture_name_id(&t->lane, name);
            capture_filtered(c, value, policy_name(policy, FILTER_ARG, name));
        }
    }
    def->name_count = def->args;
    def->names = names;
    return def->args != 0 ? c : NULL;
}

/* Writes another session; the next event of the thread looks its own up again. */
static void put_session(struct thread *t, unsigned number)
{
    if (t->in_session != number) {
        (void)lane_put(&t->lane, RL_EVENT_SESSION_START, number, frames_top(t));
        t->in_session = number;
        t->context_ver = 0;
        gate_close(t);
    }
}

/* given_call(number, func, module, file, line, args): what given_return() wants; None where it is
 * not recorded. */
static PyObject *given_call(PyObject *module, PyObject *args)
{
    unsigned number, line;
    PyObject *function, *home, *file, *given;
    uint32_t names[CODE_NAMES_MAX];
    struct code_def def = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "IUUUIO", &number, &function, &home, &file, &line, &given)) {
        return NULL;
    }
    if (given != Py_None && !PyDict_CheckExact(given)) {
        PyErr_SetString(PyExc_TypeError, "arguments are a dict, or None");
        return NULL;
    }
    struct notes_policy policy;
    struct thread *t = notes_thread(&policy);
    if (t == NULL) {
        Py_RETURN_NONE;
    }
    put_session(t, number);
    struct capture *c = capture_given(t, policy.given, given, &def, names);
    def.module = capture_name_id(&t->lane, home);
    def.qualname = capture_name_id(&t->lane, function);
    def.file = capture_name_id(&t->lane, file);
    def.line = line;
    uint32_t id = recorder_code(recording.recorder, &t->lane, &def);
    uint64_t frame = t->lane.next_frame++, stamp = recording.stamp;
    int is_kept =
        c != NULL ? lane_put_values(&t->lane, RL_EVENT_CALL, id, frame, c->bytes, capture_size(c))
                  : lane_put(&t->lane, RL_EVENT_CALL, id, frame);
    return is_kept ? Py_BuildValue("KIK", (unsigned long long)stamp, id, (unsigned long long)frame)
                   : (Py_INCREF(Py_None), Py_None);
}

/* given_return(what given_call() gave, value): whether it is in the recording. */
static PyObject *given_return(PyObject *module, PyObject *args)
{
    unsigned long long stamp, frame;
    unsigned id;
    PyObject *value;
    struct notes_policy policy;
    (void)module;
    if (!PyArg_ParseTuple(args, "(KIK)O", &stamp, &id, &frame, &value)) {
        return NULL;
    }
    struct thread *t = notes_thread(&policy);
    if (t == NULL || stamp != recording.stamp) {
        Py_RETURN_FALSE;
    }
    struct capture *c = rows_capture(t, policy.given);
    if (c == NULL) {
        return PyBool_FromLong(lane_put(&t->lane, RL_EVENT_RETURN, id, frame));
    }
    capture_value(c, value);
    return PyBool_FromLong(
        lane_put_values(&t->lane, RL_EVENT_RETURN, id, frame, c->bytes, capture_size(c)));
}

static PyMethodDef methods[] = {
    {"given_call", given_call, METH_VARARGS, "Writes a call that something else has seen."},
    {"given_return", given_return, METH_VARARGS, "Writes the end of such a call."},
    {NULL, NULL, 0, NULL},
};

int given_calls_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
