/* Part of backends.h.
 * Why: PyEval_SetProfile sees calls of functions written in C on every version, and serves where
 * the frame evaluator cannot. It is told per thread (traced.c). */
#include <stdio.h>

#include "backends.h"
#include "door.h"
#include "state.h"
#include "traced.h"

static int on_event(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
{
    (void)self;
    switch (what) {
    case PyTrace_CALL:
        traced_call(frame);
        break;
    case PyTrace_RETURN:
        traced_return(frame, arg);
        break;
    case PyTrace_C_CALL:
    case PyTrace_C_RETURN:
    case PyTrace_C_EXCEPTION:
        if (recording.c_calls) {
            recording_native(what == PyTrace_C_CALL     ? RL_EVENT_C_CALL
                             : what == PyTrace_C_RETURN ? RL_EVENT_C_RETURN
                                                        : RL_EVENT_C_RAISE,
                             arg, native_of(frame));
        }
        break;
    default:
        break;
    }
    return 0;
}

static const struct traced setprofile = {
    .name = "setprofile",
    .hook = "_profile_hook",
    .function = on_event,
};

static int probe(char *why, size_t size)
{
    const PyThreadState *ts = PyThreadState_Get();
    if (ts->c_profilefunc != NULL && ts->c_profilefunc != on_event) {
        (void)snprintf(why, size, "somebody else's profile function is set in this thread");
        return 0;
    }
    (void)snprintf(why, size, "sees functions written in C, and so is told of each of their calls");
    return 1;
}

static int start(const struct backend_start *options)
{
    (void)options;
    return traced_start(&setprofile);
}

static void stop(void)
{
    traced_stop(&setprofile);
}

static int taken(void)
{
    return traced_taken(&setprofile);
}

const struct backend backend_setprofile = {
    .name = "setprofile",
    .capabilities = SEES_C_CALLS | SEES_RUNNING_END | CALL_HAS_CELLS
#if CALLS_ARE_INLINED
                    | SEES_THROW
#endif
#if HAS_SET_FOR_THREAD
                    | SEES_RUNNING_THREADS
#endif
    ,
    .empty_callback_ns = TRACED_NS,
    .probe = probe,
    .start = start,
    .stop = stop,
    .taken = taken,
};
