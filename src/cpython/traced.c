/* Why: see traced.h. Threads that start later: `threading.setprofile` and `settrace` hooks are
 * Python's own way; the Python side of Relive asks for each new thread (relive/_threads.py). */
#include "traced.h"

#define SUSPENDS (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)

void traced_call(PyFrameObject *object)
{
    native_frame *frame = native_of(object);
    struct event event = {RL_EVENT_CALL, native_code(frame), frame, NULL};
    if (event.code->co_flags & SUSPENDS && !traced_is_first(frame)) {
        event.kind = traced_is_throw(frame) ? RL_EVENT_THROW : RL_EVENT_RESUME;
        if (event.kind == RL_EVENT_THROW && !native_was_started(frame)) {
            return; /* thrown into before it began: told as the unwind alone, so not at all */
        }
    }
    (void)session_event(&event);
}

void traced_return(PyFrameObject *object, PyObject *returned, PyObject *exc)
{
    native_frame *frame = native_of(object);
    struct event event = {RL_EVENT_RETURN, native_code(frame), frame, NULL};
    if (returned == NULL) {
        event.kind = RL_EVENT_UNWIND;
        event.exc = exc;
    } else if (event.code->co_flags & SUSPENDS && native_is_suspended(frame)) {
        event.kind = RL_EVENT_YIELD;
    }
    (void)session_event(&event);
}
