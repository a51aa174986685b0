/* Part of backends.h.
 * Why: PyEval_SetTrace is the last resort, which every version has. Its function also gets an event
 * for each line, recorded or not, and for each exception, which gives unwinds their type.
 * Threads: under the GIL, in the thread whose frame runs. */
#include <stdio.h>

#include "backends.h"
#include "state.h"
#include "traced.h"

static int record_trace_event(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
{
    (void)self;
    switch (what) {
    case PyTrace_CALL:
        traced_call(frame);
        break;
    case PyTrace_EXCEPTION:
        traced_exception(frame, arg);
        break;
    case PyTrace_LINE:
        if (recording.level == LEVEL_LINES) {
            traced_line(frame);
        }
        break;
    case PyTrace_RETURN:
        traced_return(frame, arg);
        break;
    default:
        break;
    }
    return 0;
}

static const struct traced settrace = {
    .name = "settrace",
    .hook = "_trace_hook",
    .function = record_trace_event,
};

static int probe_settrace(char *why, size_t size)
{
    const PyThreadState *ts = PyThreadState_Get();
    if (ts->c_tracefunc != NULL && ts->c_tracefunc != record_trace_event) {
        (void)snprintf(why, size, "somebody else's trace function is set in this thread");
        return 0;
    }
    (void)snprintf(why, size, "works everywhere; is called at every line and ignores it");
    return 1;
}

static int start_settrace(const struct backend_start *options)
{
    if (options->c_calls) {
        PyErr_SetString(PyExc_ValueError, "settrace does not see functions written in C");
        return -1;
    }
    return traced_start(&settrace);
}

static void stop_settrace(void)
{
    traced_stop(&settrace);
}

static int is_settrace_taken(void)
{
    return traced_taken(&settrace);
}

const struct backend backend_settrace = {
    .name = "settrace",
    .capabilities = SEES_RUNNING_END | SEES_EXC_TYPE | SEES_LINES | CALL_HAS_CELLS
#if CALLS_ARE_INLINED
                    | SEES_THROW
#endif
#if HAS_SET_TRACE_FOR_THREAD
                    | SEES_RUNNING_THREADS
#endif
    ,
    .empty_callback_ns = TRACED_NS,
    .probe = probe_settrace,
    .start = start_settrace,
    .stop = stop_settrace,
    .taken = is_settrace_taken,
};
