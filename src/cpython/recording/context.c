/* Why: see context.h. The interpreter counts the changes of a thread's context (context_ver), but
 * not what is set in it: who sets one of the variables calls recheck_here(). */
#include "context.h"

#include "codeinfo.h"
#include "gate.h"
#include "open_frames.h"
#include "pyerror.h"
#include "state.h"
#include "traced_threads.h"
#include "word.h"

#include "map.h"

static PyObject *session_variable,
    *hidden_variable;        /* process-wide, owned; NULL: nobody asked yet */
static struct u64map outers; /* of sessions that ended before those inside them: number -> outer */
enum { OUTERS_MOST = 10000 };
static long hidden; /* suppressions that have not ended */

int context_is_used(const struct thread *t)
{
    return sessions_open() != 0 || hidden != 0 || t->in_session != 0 || t->is_hidden;
}

/* The number that a variable holds in the context of now; 0 where it holds none. */
static unsigned long number_in(PyObject *variable)
{
    PyObject *value = NULL; /* owned */
    unsigned long number = 0;
    if (PyContextVar_Get(variable, NULL, &value) == 0 && value != NULL &&
        PyLong_CheckExact(value)) {
        number = PyLong_AsUnsignedLong(value);
    }
    if (PyErr_Occurred()) {
        PyErr_Clear();
        number = 0;
    }
    Py_XDECREF(value);
    return number;
}

/* Reads both variables in the thread's context, and writes the session where it is another one. */
static void look_up(struct thread *t)
{
    struct pyerror error = pyerror_take();
    unsigned long number = number_in(session_variable);
    number = session_is_open(number) ? number : 0;
    t->is_hidden = hidden != 0 && number_in(hidden_variable) != 0;
    /* Written again in each chunk: earlier chunks may be gone from a ring. */
    if (number != t->in_session || (number != 0 && t->context_chunk != t->lane.chunk)) {
        (void)lane_put(&t->lane, RL_EVENT_SESSION_START, (uint32_t)number, frames_top(t));
        t->in_session = (uint32_t)number;
    }
    pyerror_put_back(&error);
}

/* What began while it was recorded also ends in the recording. */
static int is_known(struct thread *t, const struct event *event)
{
    uint64_t key = (uint64_t)(uintptr_t)event->frame;
    return kind_leaves(event->kind) || event->kind == RL_EVENT_RESUME ||
                   event->kind == RL_EVENT_THROW
               ? frames_find(t, event->frame) != 0 || u64map_get(&recording.generators, key) != NULL
               : 0;
}

int context_hides(struct thread *t)
{
    uint64_t version = PyThreadState_GetUnchecked()->context_ver;
    if (session_variable != NULL &&
        (t->context_ver != version || t->context_chunk != t->lane.chunk)) {
        look_up(t);
        t->context_ver = version;
        t->context_chunk = t->lane.chunk;
    }
    return t->is_hidden;
}

int context_look(struct thread *t, const struct event *event)
{
    uint64_t info = codeinfo_get(event->code);
    if (!codeinfo_is_valid(info)) {
        info = codeinfo_make(event->code, event->frame);
    }
    return info & CODE_EXCLUDED || !context_hides(t) || is_known(t, event);
}

/* ---- sessions (mod_sessions.c) ---- */

void context_session_begins(void)
{
    if (sessions_open() == 1) {
        threads_recheck(); /* a further one is in no other thread's context yet */
    }
}

void context_session_ends(void)
{
    if (sessions_open() == 0) {
        u64map_clear(&outers);
    }
    threads_recheck();
}

/* The next event of this thread looks the variables up again. */
static void recheck_here(void)
{
    if (thread_self != NULL) {
        gate_close(thread_self);
        thread_self->context_ver = 0;
    }
}

PyObject *context_enter(PyObject *number)
{
    if (session_variable == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "relive.sessions was not imported");
        return NULL;
    }
    PyObject *token = PyContextVar_Set(session_variable, number);
    recheck_here();
    return token;
}

/* Sets the session in the context of now; 0: none. */
static void enter_number(unsigned long number)
{
    PyObject *object = PyLong_FromUnsignedLong(number); /* owned */
    PyObject *token = object != NULL ? context_enter(object) : NULL;
    Py_XDECREF(object);
    Py_XDECREF(token);
}

void context_leave(PyObject *token)
{
    if (session_variable == NULL || PyContextVar_Reset(session_variable, token) != 0) {
        PyErr_Clear(); /* in another context: asynchronous generators are closed so */
        enter_number(0);
    }
    unsigned long active = number_in(session_variable), open = active;
    while (open != 0 && !session_is_open(open)) {
        const uint64_t *outer = u64map_get(&outers, open);
        open = outer != NULL ? (unsigned long)*outer : 0;
    }
    if (open != active) {
        enter_number(open);
    }
    recheck_here();
    PyErr_Clear();
}

void context_ends_outside(unsigned number, unsigned outer)
{
    if (outers.count >= OUTERS_MOST) {
        u64map_clear(&outers);
    }
    if (outer != 0) {
        (void)u64map_put(&outers, number, outer);
    }
}

void context_leave_if(unsigned number)
{
    if (session_variable != NULL && number_in(session_variable) == number) {
        enter_number(0);
    }
    PyErr_Clear();
}

unsigned context_active(void)
{
    return session_variable != NULL ? (unsigned)number_in(session_variable) : 0;
}

/* ---- for Python ---- */

static PyObject *set_variables(PyObject *module, PyObject *args)
{
    PyObject *one, *other;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!", &PyContextVar_Type, &one, &PyContextVar_Type, &other)) {
        return NULL;
    }
    Py_INCREF(one);
    Py_XSETREF(session_variable, one);
    Py_INCREF(other);
    Py_XSETREF(hidden_variable, other);
    Py_RETURN_NONE;
}

static PyObject *count_hidden(PyObject *module, PyObject *number)
{
    long change = PyLong_AsLong(number);
    (void)module;
    if (change == -1 && PyErr_Occurred()) {
        return NULL;
    }
    hidden += change;
    threads_recheck();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"follow", set_variables, METH_VARARGS,
     "The variables that hold a session's number, and whether"
     " nothing is recorded."},
    {"hide", count_hidden, METH_O, "So many more suppressions are in force."},
    {NULL, NULL, 0, NULL},
};

int context_add(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
