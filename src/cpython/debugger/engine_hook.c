/* Part of debugger.h.
 * Why: on CPython 3.8 to 3.11 a frame evaluator looks at each frame that begins. One whose code has
 * breakpoints runs a copy of the code that asks a probe at their lines (probes.h); the trace
 * function is on for frames alone that are stepped through, or cannot have a copy. Other frames pay
 * one look at their code's co_extra; loops pay nothing.
 *
 *   frame -> hook() -> sites? -> copy -> engine_probe() -> debugger_sites() -> trace on until the
 *                                        next instruction -> eval_trace() -> debugger_line()
 *                   -> step?  -> trace on for this frame -> eval_trace() -> debugger_line()
 *                   -> neither: trace off                                  (the usual case)
 *
 * So that every stop is one of a trace function, where a line may be set, a probe stops only where
 * the line begins behind it. Frames that ran already are traced until they end: that is
 * FRAME_ALREADY_RUNNING. */
#include "debugger.h"
#include "eval_chain.h"
#include "probes.h"
#include "pyerror.h"

#if HAS_EVAL_HOOK

static PyObject *hook(HOOK_ARGS);

/* It is raised in the frame that its traceback begins and ends with. */
static int raised(native_frame *frame, PyObject *arg)
{
    if (arg == NULL || !PyTuple_Check(arg) || PyTuple_GET_SIZE(arg) != 3 ||
        traced_is_end_of_iteration(frame, PyTuple_GET_ITEM(arg, 0))) {
        return 0;
    }
    PyObject *type = PyTuple_GET_ITEM(arg, 0), *value = PyTuple_GET_ITEM(arg, 1);
    const PyTracebackObject *traceback = (PyTracebackObject *)PyTuple_GET_ITEM(arg, 2);
    if (PyTraceBack_Check(traceback) && traceback->tb_next != NULL) {
        return 0;
    }
    return debugger_raised(frame, PyExceptionInstance_Check(value) ? value : type);
}

/* The frame is gone where the evaluator has left it; the traceback still shows it. */
static void unwound(PyCodeObject *code, native_frame *caller)
{
    struct pyerror error = pyerror_take_instance();
    if (error.traceback != NULL && PyTraceBack_Check(error.traceback) && error.value != NULL) {
        (void)PyException_SetTraceback(error.value, error.traceback);
        PyFrameObject *object = ((PyTracebackObject *)error.traceback)->tb_frame;
        if (debugger_unwound(code, caller, object, error.value) != 0) {
            pyerror_drop(&error);
            return; /* with what has taken its place */
        }
    }
    pyerror_put_back(&error);
}

static int is_in_copy(const struct debug_code *code, native_frame *frame)
{
    return code->copy != NULL && native_code(frame) == code->copy;
}

/* What a probe of this frame has left to be done, owned; NULL: nothing. */
static PyObject *take_pending(native_frame *frame)
{
    PyObject *ids = debug_self.pending;
    if (ids != NULL && debug_self.pending_in == (uintptr_t)frame) {
        debug_self.pending = NULL;
        return ids;
    }
    return NULL;
}

/* Nothing but sites is wanted of this frame. */
static int is_only_for_sites(void)
{
    return debugger_is_quiet() && !(debugger.catches & CATCH_RAISED);
}

/* In a copy: a place that is none of the code's. Where it belongs to a line that begins, its probe
 * sees to it that the line is told behind it. */
static int is_between(PyFrameObject *object)
{
    native_frame *frame = native_of(object);
    const struct debug_code *code = debugger_known(native_code(frame));
    return code != NULL && is_in_copy(code, frame) &&
           (native_instruction(frame) >= code->copy_tail ||
            (BYTECODE_TELLS_PROBES && probes_is_at(code, native_instruction(frame))));
}

static int line_begins(native_frame *frame)
{
    struct debug_code *code = debugger_code_of(frame);
    int number = native_line(frame), done = 0;
    if (code == NULL || number <= 0) {
        return 0;
    }
    int is_copy = is_in_copy(code, frame);
    debugger.counts.line_callbacks++;
    int is_marked =
        native_code(frame) != code->code || debugger_is_marked(code, native_instruction(frame));
    PyObject *ids = take_pending(frame);
    if (ids == NULL && code->site_count != 0 && !is_copy && is_marked) {
        ids = debugger_sites(code, frame, (uint32_t)number);
    }
    if (ids != NULL || !debugger_is_quiet()) {
        done = debugger_line(code, frame, (uint32_t)number, ids);
    }
    if (is_in_copy(code, frame) && is_only_for_sites() && !eval_wants.for_recorder) {
        trace_switch_leave(PyThreadState_Get(), eval_trace); /* its probes are enough */
    }
    return done;
}

int engine_probe(struct debug_code *code, native_frame *frame, uint32_t line)
{
    PyThreadState *state = PyThreadState_Get();
    debugger.counts.line_callbacks++;
    PyObject *ids = debugger_sites(code, frame, line); /* owned */
    if (ids == NULL) {
        return PyErr_Occurred() ? -1
                                : BYTECODE_TELLS_PROBES && trace_switch_is_on(state, eval_trace);
    }
    if (trace_switch(state, eval_trace, 1) < 0) {
        debugger_reason("FOREIGN_TRACE_FUNCTION", PyUnicode_AsUTF8(native_code(frame)->co_name));
        Py_DECREF(ids);
        return 0;
    }
    Py_XDECREF(debug_self.pending);
    debug_self.pending = ids;
    debug_self.pending_in = (uintptr_t)frame;
    return 1;
}

/* `arg`: what it returns; NULL: an exception leaves it. */
static int leaves(native_frame *frame, const PyObject *arg)
{
    struct debug_code *code = debugger_known(native_code(frame));
    enum step_event how = arg == NULL              ? STEP_UNWIND
                          : traced_is_yield(frame) ? STEP_YIELD
                                                   : STEP_RETURN;
    debugger.counts.py_return_callbacks++;
    int done =
        code != NULL && code->has_data && how != STEP_YIELD ? debugger_data_left(code, frame) : 0;
    debugger_left(frame, how);
    return done;
}

static int trace(PyFrameObject *object, int what, PyObject *arg)
{
    native_frame *frame = native_of(object);
    if (!debugger.is_on || debug_self.is_inside) {
        return 0;
    }
    if (what == PyTrace_LINE) {
        return line_begins(frame);
    }
    if (what == PyTrace_EXCEPTION) {
        return debugger.catches & CATCH_RAISED ? raised(frame, arg) : 0;
    }
    return what == PyTrace_RETURN ? leaves(frame, arg) : 0;
}

/* How often the frames that ran already were switched on, which those above must not undo. */
static uint64_t running_reached;

static PyObject *run_gated(int is_on, HOOK_ARGS)
{
    PyThreadState *state = PyThreadState_Get();
    int before = trace_switch(state, eval_trace, is_on || eval_wants.for_recorder);
    uint64_t reached = running_reached;
    if (is_on && before < 0) {
        debugger_reason("FOREIGN_TRACE_FUNCTION", PyUnicode_AsUTF8(native_code(frame)->co_name));
    }
    debugger.counts.scoped_trace_installs += is_on && before >= 0;
    PyObject *result = eval_below(EVAL_DEBUGGER, HOOK_PASS);
    Py_XDECREF(take_pending(frame)); /* it was left before the line began */
    const struct step *step = debugger_step();
    int is_stepping = step->mode == STEP_IN ||
                      (step->mode != STEP_NONE && step->frame == (uintptr_t)native_current(state));
    if ((is_stepping && !debug_self.is_inside) || reached != running_reached) {
        (void)trace_switch(state, eval_trace, 1);
        eval_wants.for_caller = 1;
    } else {
        trace_switch_restore(state, eval_trace, before);
    }
    return result;
}

/* Whether the frame's breakpoints are told by probes. Those on data are not: they want to know
 * where it is left too. */
static int has_probes(struct debug_code *code, native_frame *frame)
{
    if (code->site_count == 0 || code->has_data || !debugger.rewrites) {
        return 0;
    }
    if (native_is_fresh(frame) && code->code == native_code(frame)) {
        PyCodeObject *copy = probes_copy(code);
        if (copy != NULL) {
            native_set_code(frame, copy);
        }
    }
    return is_in_copy(code, frame);
}

/* The frame has run; of it and its code only the addresses are known. */
static inline PyObject *left(PyObject *result, uintptr_t frame, PyCodeObject *code)
{
    if (__builtin_expect(result == NULL, 0) &&
        (debugger.catches & (CATCH_UNCAUGHT | CATCH_UNHANDLED)) != 0) {
        native_frame *caller = native_current(PyThreadState_GetUnchecked());
        if (debugger_leaves(frame, caller)) {
            unwound(code, caller);
        }
    }
    return result;
}

static PyObject *run_looked_at(struct debug_code *code, HOOK_ARGS)
{
    if (code->has_data && native_is_fresh(frame)) {
        debug_data_begins(code, frame);
    }
    int has = has_probes(code, frame);
    if (code->is_main) {
        debugger_main_begins(code, frame);
        return run_gated(1, HOOK_PASS);
    }
    int is_wanted = (code->site_count != 0 && !has) || debugger_wants_all(code) ||
                    debugger_step()->frame == (uintptr_t)frame;
    debugger.counts.frames_traced += is_wanted || has;
    if (!is_wanted && !has && debugger_step()->mode == STEP_NONE &&
        !trace_switch_is_on(PyThreadState_GetUnchecked(), eval_trace)) {
        return eval_below(EVAL_DEBUGGER, HOOK_PASS);
    }
    return run_gated(is_wanted, HOOK_PASS);
}

static __attribute__((noinline)) PyObject *look(HOOK_ARGS)
{
    if (__builtin_expect(debug_self.is_inside || debug_self.is_internal, 0)) {
        return run_gated(0, HOOK_PASS);
    }
    PyCodeObject *original = native_code(frame);
    uintptr_t identity = (uintptr_t)frame;
    const struct debug_code *known = debugger_known(original);
    struct debug_code *code = debugger_code_of(frame);
    if (code == NULL) {
        return eval_below(EVAL_DEBUGGER, HOOK_PASS);
    }
    debugger.counts.cache_hits += known != NULL;
    debugger.counts.frames_evaluated++;
    Py_INCREF(original); /* the frame may run a copy in its place */
    PyObject *result = left(run_looked_at(code, HOOK_PASS), identity, original);
    Py_DECREF(original);
    return result;
}

static PyObject *hook(HOOK_ARGS)
{
    PyCodeObject *code = native_code(frame);
    uintptr_t identity = (uintptr_t)frame;
    const struct debug_code *known = debugger_known(code);
    if (__builtin_expect(eval_is_deep(), 0)) {
        debugger.counts.deep_frames++;
        return eval_deep(EVAL_DEBUGGER, HOOK_PASS);
    }
    if (__builtin_expect(known != NULL && known->site_count == 0 && !debug_self.is_internal &&
                             debugger_is_quiet() &&
                             !trace_switch_is_on(PyThreadState_GetUnchecked(), eval_trace),
                         1)) {
        debugger.counts.fast_path_hits++;
        return left(eval_below(EVAL_DEBUGGER, HOOK_PASS), identity, code);
    }
    return look(HOOK_PASS);
}

static void refresh(void);

static int start(void)
{
    if (CALLS_ARE_INLINED && Py_GetRecursionLimit() > 10000) {
        PyErr_Format(PyExc_RuntimeError,
                     "the recursion limit is %d: on this version a frame evaluator needs C stack "
                     "for each call, and over 10000 that can end the process",
                     Py_GetRecursionLimit());
        return -1;
    }
    refresh();
    return 0;
}

static void stop(void)
{
    eval_chain_take(EVAL_DEBUGGER);
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts->c_tracefunc == eval_trace && !eval_hooks[EVAL_RECORDER].is_wanted) {
            trace_switch_put(ts, NULL);
        }
    }
}

/* The thread's running frames are traced, those that begin only where they are wanted. */
static void trace_running(PyThreadState *ts)
{
    if (trace_switch_reach(ts, eval_trace) != 0) {
        debugger_reason("FOREIGN_TRACE_FUNCTION", "a frame that runs already");
    }
}

static void reach_running(int all)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        int is_wanted = 0;
        for (native_frame *f = native_current(ts); f != NULL; f = native_caller(f)) {
            const struct debug_code *code = debugger_code_of(f);
            is_wanted |= code != NULL &&
                         (all ? code->is_users : code->site_count != 0 && !is_in_copy(code, f));
        }
        if (is_wanted) {
            running_reached++;
            trace_running(ts);
            debugger_reason("FRAME_ALREADY_RUNNING", "traced until it ends");
        }
    }
}

/* Frames that begin look for themselves; the caller is switched on when its callee ends. */
static void arm(struct debug_code *code)
{
    (void)code;
}

static const struct eval_user user = {.evaluate = hook, .trace = trace, .is_between = is_between};

/* The evaluator is there only while something is wanted of it; under somebody else's it stays. */
static void refresh(void)
{
    int is_wanted = debugger.points != 0 || debugger.catches != 0 || !debugger_is_quiet();
    if (is_wanted) {
        eval_chain_put(EVAL_DEBUGGER, &user);
    } else {
        eval_chain_take(EVAL_DEBUGGER);
    }
    /* The step may be in a frame that is not traced: this thread's are, from here on. */
    if (debugger_step()->mode != STEP_NONE) {
        trace_running(PyThreadState_Get());
    }
}

const struct debug_engine debug_engine = {
    .name = "hook",
    .start = start,
    .stop = stop,
    .arm = arm,
    .reach_running = reach_running,
    .refresh = refresh,
};

#endif
