/* Why: see traced.h. Each thread has its own trace and profile function.
 *
 *     thread that runs at the start      set_in_all_threads() sets the C function
 *     thread that `threading` starts     its hook, join_new_thread(), sets the C function
 *     later thread of `_thread` alone    not seen
 *
 * join_new_thread() is the first trace or profile function of such a thread, at the level of
 * Python. It puts the C function in its own place. Threads: under the GIL. */
#include "traced.h"

#include <string.h>

#include "exception_rows.h"
#include "pyerror.h"
#include "state.h"
#include "word.h"

#define SUSPENDS (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)

void traced_call(PyFrameObject *object)
{
    native_frame *frame = native_of(object);
    struct event event = {.kind = RL_EVENT_CALL, .code = native_code(frame), .frame = frame};
    if (event.code->co_flags & SUSPENDS && !traced_is_first(frame)) {
        event.kind = traced_is_throw(frame) ? RL_EVENT_THROW : RL_EVENT_RESUME;
        if (event.kind == RL_EVENT_THROW && !native_was_started(frame)) {
            event.kind = RL_EVENT_CALL; /* thrown into before it began */
        }
    }
    if (thread_self != NULL && thread_self->pending_in == frame && event.kind == RL_EVENT_CALL) {
        thread_self->pending_in = NULL; /* of an earlier frame at this address */
    }
    (void)recording_event(&event);
}

void traced_return(PyFrameObject *object, PyObject *returned)
{
    native_frame *frame = native_of(object);
    struct event event = {
        .kind = RL_EVENT_RETURN, .code = native_code(frame), .frame = frame, .arg = returned};
    if (returned == NULL) {
        event.kind = RL_EVENT_UNWIND;
        event.arg = NULL;
    } else if (event.code->co_flags & SUSPENDS && traced_is_yield(frame)) {
        event.kind = RL_EVENT_YIELD;
#if UNWIND_LOOKS_LIKE_NONE
    } else if (returned == Py_None && !traced_is_at_return(frame)) {
        event.kind = RL_EVENT_UNWIND;
        event.arg = NULL;
#endif
    }
    (void)recording_event(&event);
}

void traced_line(PyFrameObject *object)
{
    native_frame *frame = native_of(object);
    int line = object->f_lineno > 0 ? object->f_lineno : PyFrame_GetLineNumber(object);
    struct event event = {.kind = RL_EVENT_LINE,
                          .code = native_code(frame),
                          .frame = frame,
                          .line = line > 0 ? (uint32_t)line : 0};
    struct thread *t = thread_self;
    if (t != NULL && t->pending_in == frame) {
        exception_put_pending(t, &event); /* the frame goes on: a handler has met it, here */
    }
    (void)recording_event(&event);
}

void traced_exception(PyFrameObject *object, PyObject *arg)
{
    native_frame *frame = native_of(object);
    struct event event = {.kind = RL_EVENT_RAISE, .code = native_code(frame), .frame = frame};
    if (arg == NULL || !PyTuple_CheckExact(arg) || PyTuple_GET_SIZE(arg) != 3 ||
        traced_is_end_of_iteration(frame, PyTuple_GET_ITEM(arg, 0))) {
        return;
    }
    PyObject *type = PyTuple_GET_ITEM(arg, 0), *value = PyTuple_GET_ITEM(arg, 1);
    int is_instance = PyExceptionInstance_Check(value);
    event.arg = is_instance ? value : type;
    event.raw = is_instance ? NULL : value;
    if (recording.level == LEVEL_LINES || listener.is_on) {
        (void)recording_event(&event);
    }
    struct thread *t = thread_self;
    uint64_t info = codeinfo_get(event.code);
    if (thread_is_recorded(t) && codeinfo_is_valid(info) && !(info & CODE_EXCLUDED)) {
        exception_keep_pending(t, &event);
    }
}

static const struct traced *running; /* the mechanism that is on, or NULL */

/* Returns whether `traced` sets profile functions; else it sets trace functions. */
static int is_profile_kind(const struct traced *traced)
{
    return strcmp(traced->name, "setprofile") == 0;
}

void traced_set_here(const struct traced *traced)
{
    if (is_profile_kind(traced)) {
        PyEval_SetProfile(traced->function, NULL);
    } else {
        PyEval_SetTrace(traced->function, NULL);
    }
}

/* Returns whether the function that is set in the thread is ours. */
static int has_our_function(const struct traced *traced, const PyThreadState *ts)
{
    return (is_profile_kind(traced) ? ts->c_profilefunc : ts->c_tracefunc) == traced->function;
}

/* Sets or clears the function in a thread. In another thread that is possible only on some versions
 * (HAS_SET_FOR_THREAD, HAS_SET_TRACE_FOR_THREAD). */
static void set_in_thread(const struct traced *traced, PyThreadState *ts, Py_tracefunc function)
{
    if (ts == PyThreadState_Get()) {
        if (is_profile_kind(traced)) {
            PyEval_SetProfile(function, NULL);
        } else {
            PyEval_SetTrace(function, NULL);
        }
        return;
    }
#if HAS_SET_FOR_THREAD
    if (is_profile_kind(traced)) {
        (void)_PyEval_SetProfile(ts, function, NULL);
    }
#endif
#if HAS_SET_TRACE_FOR_THREAD
    if (!is_profile_kind(traced)) {
        (void)_PyEval_SetTrace(ts, function, NULL);
    }
#endif
}

/* Sets the function in every thread, or clears it where it is ours. */
static void set_in_all_threads(const struct traced *traced, int is_on)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (is_on || has_our_function(traced, ts)) {
            set_in_thread(traced, ts, is_on ? traced->function : NULL);
        }
    }
}

/* The Python-level hook of a thread that has just started: (frame, event, arg). */
static PyObject *join_new_thread(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *frame = PyTuple_GET_SIZE(args) == 3 ? PyTuple_GET_ITEM(args, 0) : NULL;
    PyObject *event = frame != NULL ? PyTuple_GET_ITEM(args, 1) : NULL;
    if (running != NULL && recording.recorder != NULL) {
        traced_set_here(running);
        if (frame != NULL && PyFrame_Check(frame) && PyUnicode_Check(event) &&
            PyUnicode_CompareWithASCIIString(event, "call") == 0) {
            traced_call((PyFrameObject *)frame);
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef join_method = {"relive", join_new_thread, METH_VARARGS, "Joins this thread."};

/* Sets or clears the hook of `threading` for new threads. A hook of the program's stays. */
static int hook_new_threads(const struct traced *traced, int is_on)
{
    static PyObject *joiner; /* process-wide, owned */
    PyObject *threading = PyImport_ImportModule("threading");
    if (joiner == NULL) {
        joiner = PyCFunction_New(&join_method, NULL);
    }
    PyObject *now = threading != NULL ? PyObject_GetAttrString(threading, traced->hook) : NULL;
    int failed = joiner == NULL || now == NULL;
    if (!failed && (is_on ? now == Py_None : now == joiner)) {
        PyObject *done =
            PyObject_CallMethod(threading, traced->name, "O", is_on ? joiner : Py_None);
        failed = done == NULL;
        Py_XDECREF(done);
    }
    Py_XDECREF(now);
    Py_XDECREF(threading);
    return failed ? -1 : 0;
}

int traced_start(const struct traced *traced)
{
    if (hook_new_threads(traced, 1) != 0) {
        return -1;
    }
    running = traced;
    set_in_all_threads(traced, 1);
    return 0;
}

int traced_taken(const struct traced *traced)
{
    int taken = 0;
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        int is_empty = (is_profile_kind(traced) ? ts->c_profilefunc : ts->c_tracefunc) == NULL;
        /* Other threads may never have had ours (see above); this one has. */
        taken += !has_our_function(traced, ts) && (!is_empty || ts == PyThreadState_Get());
    }
    return taken;
}

void traced_stop(const struct traced *traced)
{
    running = NULL;
    struct pyerror error = pyerror_take();
    set_in_all_threads(traced, 0);
    if (hook_new_threads(traced, 0) != 0) {
        PyErr_Clear();
    }
    pyerror_put_back(&error);
}
