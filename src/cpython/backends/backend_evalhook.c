/* Part of backends.h.
 * Why: on CPython 3.8 to 3.11 a frame evaluator (PEP 523) is the cheapest way to see calls.
 *
 *     interpreter --> evaluate_frame()
 *                       recording_event(CALL | RESUME | THROW)
 *                       run_frame() --> eval_below(): the debugger's evaluator, another tool's or
 *                                       the interpreter's own runs the frame
 *                       recording_event(RETURN | YIELD | UNWIND)
 *
 * Invariants: the second event is left out when the recording has changed meanwhile, since the
 * frame is not known in the new one. Code with VERDICT_DISABLE has no second event either.
 *
 * On 3.11, below a floor of the thread's stack, the hook runs the frame without any hook set
 * (eval_chain.h); the gap is counted. Threads: under the GIL. */
#include <stdio.h>

#include "backends.h"
#include "door.h"
#include "eval_chain.h"
#include "lineinfo.h"
#include "state.h"
#include "traced.h"

#if HAS_EVAL_HOOK

#define SUSPENDS (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)

/* Returns whether this run of a generator's code only makes the generator (3.11). */
static inline int is_creation(native_frame *frame)
{
#if HOOK_SEES_GENERATOR_CREATION
    return (native_code(frame)->co_flags & SUSPENDS) && frame->owner == FRAME_OWNED_BY_THREAD;
#else
    (void)frame;
    return 0;
#endif
}

/* Returns the kind of event for the entry of a frame that can be suspended; 0: no event. */
static unsigned entry_kind(native_frame *frame, int is_throw)
{
    if (is_creation(frame)) {
        return 0;
    }
    if (native_was_started(frame)) {
        return is_throw ? RL_EVENT_THROW : RL_EVENT_RESUME;
    }
    if (is_throw && PyErr_ExceptionMatches(PyExc_GeneratorExit)) {
        return 0; /* closed before it began: 3.12+ has no event either */
    }
    return RL_EVENT_CALL;
}

static PyObject *evaluate_frame(HOOK_ARGS);

/* Records lines and exceptions of frames at level lines. evaluate_frame() records calls and
 * returns. */
static int trace_frame(PyFrameObject *frame, int what, PyObject *arg)
{
    if (recording.level != LEVEL_LINES || recording.recorder == NULL) {
        return 0;
    }
    if (what == PyTrace_LINE) {
        traced_line(frame);
    } else if (what == PyTrace_EXCEPTION) {
        traced_exception(frame, arg);
    }
    return 0;
}

/* Runs a frame with the trace function on or off, for it alone. */
static PyObject *run_traced(int is_on, HOOK_ARGS)
{
    PyThreadState *state = PyThreadState_Get();
    int before = trace_switch(state, eval_trace, is_on), wanted = eval_wants.for_recorder;
    eval_wants = (struct eval_wants){.for_recorder = is_on};
    PyObject *result = eval_below(EVAL_RECORDER, HOOK_PASS);
    int keeps_on = eval_wants.for_caller; /* once: it is about this frame's caller */
    eval_wants = (struct eval_wants){.for_recorder = wanted};
    if (!keeps_on) {
        trace_switch_restore(state, eval_trace, before);
    }
    return result;
}

/* Runs a frame. At level lines the trace function is switched on or off for it first. */
static inline PyObject *run_frame(enum verdict verdict, HOOK_ARGS)
{
    return __builtin_expect(recording.level == LEVEL_LINES, 0)
               ? run_traced(verdict == VERDICT_LINES, HOOK_PASS)
               : eval_below(EVAL_RECORDER, HOOK_PASS);
}

/* Runs a frame near the end of the C stack. Calls made from it are unseen; the gap is counted. */
static __attribute__((noinline)) PyObject *evaluate_deep(HOOK_ARGS)
{
    if (recording.recorder != NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_DEEP, 1);
    }
    return eval_deep(EVAL_RECORDER, HOOK_PASS);
}

/* The pending exception, and what it is made from where there is no instance yet. */
static void take_pending_exception(struct event *event)
{
    const PyThreadState *state = PyThreadState_Get();
    PyObject *type = state->curexc_type, *value = state->curexc_value;
    int is_instance = value != NULL && type != NULL && PyType_Check(type) &&
                      PyObject_TypeCheck(value, (PyTypeObject *)type);
    event->arg = is_instance ? value : type;
    event->raw = is_instance ? NULL : value;
}

/* Returns the line at which the exception came to the frame, or 0 where it is not known. The frame
 * itself may be in a clean-up by now. */
static uint32_t find_traceback_line(native_frame *frame)
{
    PyObject *object = PyThreadState_Get()->curexc_traceback;
    if (object == NULL || !PyTraceBack_Check(object)) {
        return 0;
    }
    const PyTracebackObject *last = (PyTracebackObject *)object;
    PyCodeObject *code = native_code(frame);
    if (native_of(last->tb_frame) != frame) {
        return 0;
    }
    return last->tb_lineno > 0 ? (uint32_t)last->tb_lineno
                               : lineinfo_line(code, codeinfo_get(code), last->tb_lasti);
}

static PyObject *evaluate_frame(HOOK_ARGS)
{
    struct event event = {.kind = RL_EVENT_CALL, .code = native_code(frame), .frame = frame};
    int suspends = event.code->co_flags & SUSPENDS;
    if (__builtin_expect(suspends, 0) && (event.kind = entry_kind(frame, is_throw)) == 0) {
        return eval_below(EVAL_RECORDER, HOOK_PASS);
    }
    if (__builtin_expect(is_throw, 0)) {
        take_pending_exception(&event);
    }
    enum verdict verdict = recording_event(&event);
    if (verdict == VERDICT_DISABLE) {
        return run_frame(verdict, HOOK_PASS);
    }
    uint64_t stamp = recording.stamp;
    PyObject *result = __builtin_expect(eval_is_deep(), 0) ? evaluate_deep(HOOK_PASS)
                                                           : run_frame(verdict, HOOK_PASS);
    if (__builtin_expect(stamp != recording.stamp, 0)) {
        return result; /* another recording, or a forked child: this frame is not known there */
    }
    event.kind = RL_EVENT_RETURN;
    event.arg = result;
    if (__builtin_expect(result == NULL, 0)) {
        event.kind = RL_EVENT_UNWIND;
        event.line = find_traceback_line(frame);
        take_pending_exception(&event);
    } else if (__builtin_expect(suspends, 0) && native_is_suspended(frame)) {
        event.kind = RL_EVENT_YIELD;
    }
    (void)recording_event(&event);
    return result;
}

/* Returns whether the hook can work here, and writes why or why not. On 3.11 hooked calls use C
 * stack, so a recursion limit over 10000 rules the hook out. */
static int probe_evalhook(char *why, size_t size)
{
    if (CALLS_ARE_INLINED && Py_GetRecursionLimit() > 10000) {
        (void)snprintf(why, size,
                       "the recursion limit is %d: on this version a frame evaluator needs C stack "
                       "for each call, and over 10000 that can end the process",
                       Py_GetRecursionLimit());
        return 0;
    }
    (void)snprintf(why, size, "cheapest here: 12 to 24 ns a recorded call");
    return 1;
}

static const struct eval_user user = {.evaluate = evaluate_frame, .trace = trace_frame};

/* Inserts the hook into the chain of evaluators (eval_chain.h). */
static int start_evalhook(const struct backend_start *options)
{
    if (options->c_calls) {
        PyErr_SetString(PyExc_ValueError, "evalhook does not see functions written in C");
        return -1;
    }
    eval_chain_put(EVAL_RECORDER, &user);
    return 0;
}

/* Removes the hook, and the trace function from every thread unless the debugger uses it. */
static void stop_evalhook(void)
{
    eval_chain_take(EVAL_RECORDER);
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts->c_tracefunc == eval_trace && !eval_hooks[EVAL_DEBUGGER].is_wanted) {
            trace_switch_put(ts, NULL);
        }
    }
}

/* Returns whether another tool's evaluator is called before ours. */
static int is_evalhook_taken(void)
{
    return eval_hooks[EVAL_RECORDER].is_wanted && eval_chain_is_covered();
}

#else

static int probe_evalhook(char *why, size_t size)
{
    (void)snprintf(why, size,
                   "from 3.12 on a frame evaluator costs recursion depth; monitoring is cheaper");
    return 0;
}

static int start_evalhook(const struct backend_start *options)
{
    (void)options;
    PyErr_SetString(PyExc_RuntimeError, "evalhook does not exist on this version");
    return -1;
}

static void stop_evalhook(void) {}

static int is_evalhook_taken(void)
{
    return 0;
}

#endif

const struct backend backend_evalhook = {
    .name = "evalhook",
    .capabilities = SEES_THROW | SEES_EXC_TYPE | SEES_LINES,
    .empty_callback_ns = CALLS_ARE_INLINED ? 6 : 1,
    .probe = probe_evalhook,
    .start = start_evalhook,
    .stop = stop_evalhook,
    .taken = is_evalhook_taken,
};
