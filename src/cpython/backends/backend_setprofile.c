/* Part of backends.h.
 * Why: PyEval_SetProfile sees calls of functions written in C on every version, and works where the
 * frame evaluator does not. The function is set for one thread at a time (traced.c).
 * Threads: under the GIL, in the thread whose frame runs. */
#include <stdio.h>

#include "backends.h"
#include "door.h"
#include "eval_chain.h"
#include "state.h"
#include "traced.h"

static int record_profile_event(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
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
    .function = record_profile_event,
};

static int probe_setprofile(char *why, size_t size)
{
    const PyThreadState *ts = PyThreadState_Get();
    if (ts->c_profilefunc != NULL && ts->c_profilefunc != record_profile_event) {
        (void)snprintf(why, size, "somebody else's profile function is set in this thread");
        return 0;
    }
    (void)snprintf(why, size,
                   "sees functions written in C, and so is called at each of their calls");
    return 1;
}

static int start_setprofile(const struct backend_start *options)
{
    (void)options;
#if HAS_EVAL_HOOK
    eval_own_profile = record_profile_event;
#endif
    return traced_start(&setprofile);
}

static void stop_setprofile(void)
{
    traced_stop(&setprofile);
}

static int is_setprofile_taken(void)
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
    .probe = probe_setprofile,
    .start = start_setprofile,
    .stop = stop_setprofile,
    .taken = is_setprofile_taken,
};
