/* Why: on CPython 3.8 to 3.11 a frame evaluator looks at each frame that begins, and switches the
 * trace function on for those alone that have breakpoints or are stepped through. Other frames pay
 * one look at their code's co_extra; loops pay nothing.
 *
 *   frame -> hook() -> sites or step? -> trace on for this frame -> on_trace() -> debugger_line()
 *                                     -> trace off                                (the usual case)
 *
 * Frames that ran already are traced until they end: that is FRAME_ALREADY_RUNNING. */
#include "debugger.h"
#include "eval_chain.h"

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
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL && PyTraceBack_Check(traceback) && value != NULL) {
        (void)PyException_SetTraceback(value, traceback);
        PyFrameObject *object = ((PyTracebackObject *)traceback)->tb_frame;
        if (debugger_unwound(code, caller, object, value) != 0) {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
            return; /* with what has taken its place */
        }
    }
    PyErr_Restore(type, value, traceback);
}

static int on_trace(PyObject *self, PyFrameObject *object, int what, PyObject *arg)
{
    native_frame *frame = native_of(object);
    (void)self;
    if (!debugger.is_on || debug_self.is_inside) {
        return 0;
    }
    if (what == PyTrace_LINE) {
        struct debug_code *code = debugger_code_of(frame);
        if (code != NULL && debugger_is_quiet() &&
            !debugger_is_marked(code, native_instruction(frame))) {
            return 0;
        }
        int number = native_line(frame);
        return code != NULL && number > 0 ? debugger_line(code, frame, (uint32_t)number) : 0;
    }
    if (what == PyTrace_EXCEPTION) {
        return debugger.catches & CATCH_RAISED ? raised(frame, arg) : 0;
    }
    if (what == PyTrace_RETURN) {
        debugger.counts.py_return_callbacks++;
        debugger_left(frame, arg == NULL              ? STEP_UNWIND
                             : traced_is_yield(frame) ? STEP_YIELD
                                                      : STEP_RETURN);
    }
    return 0;
}

static PyObject *run_gated(int is_on, HOOK_ARGS)
{
    PyThreadState *state = PyThreadState_Get();
    int before = line_gate(state, on_trace, is_on);
    if (is_on && before < 0) {
        debugger_reason("FOREIGN_TRACE_FUNCTION", PyUnicode_AsUTF8(native_code(frame)->co_name));
    }
    debugger.counts.scoped_trace_installs += is_on && before >= 0;
    PyObject *result = eval_below(EVAL_DEBUGGER, HOOK_PASS);
    const struct step *step = debugger_step();
    int is_stepping = step->mode == STEP_IN ||
                      (step->mode != STEP_NONE && step->frame == (uintptr_t)native_current(state));
    if (is_stepping && !debug_self.is_inside) {
        (void)line_gate(state, on_trace, 1); /* the caller is stepped through from here on */
    } else {
        line_gate_restore(state, on_trace, before);
    }
    return result;
}

static __attribute__((noinline)) PyObject *look(HOOK_ARGS)
{
    if (__builtin_expect(debug_self.is_inside || debug_self.is_internal, 0)) {
        return run_gated(0, HOOK_PASS);
    }
    struct debug_code *known = debugger_known(native_code(frame));
    struct debug_code *code = known != NULL ? known : debugger_code_of(frame);
    debugger.counts.cache_hits += known != NULL;
    debugger.counts.frames_evaluated++;
    if (code != NULL && code->is_main) {
        debugger_main_begins(code, frame);
        return run_gated(1, HOOK_PASS);
    }
    int is_wanted =
        code != NULL && (debugger_wants(code) || debugger_step()->frame == (uintptr_t)frame);
    if (!is_wanted && debugger_step()->mode == STEP_NONE &&
        !line_gate_is_on(PyThreadState_GetUnchecked(), on_trace)) {
        return eval_below(EVAL_DEBUGGER, HOOK_PASS);
    }
    return run_gated(is_wanted, HOOK_PASS);
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

static PyObject *hook(HOOK_ARGS)
{
    PyCodeObject *code = native_code(frame);
    uintptr_t identity = (uintptr_t)frame;
    const struct debug_code *known = debugger_known(native_code(frame));
    if (__builtin_expect(known != NULL && known->site_count == 0 && debugger_is_quiet() &&
                             !line_gate_is_on(PyThreadState_GetUnchecked(), on_trace),
                         1)) {
        debugger.counts.fast_path_hits++;
        return left(eval_below(EVAL_DEBUGGER, HOOK_PASS), identity, code);
    }
    return left(look(HOOK_PASS), identity, code);
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
        if (ts->c_tracefunc == on_trace) {
            line_gate_put(ts, NULL);
        }
    }
}

/* The thread's running frames are traced, those that begin only where they are wanted. */
static void trace_running(PyThreadState *ts)
{
    if (line_gate_reach(ts, on_trace) != 0) {
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
            is_wanted |= code != NULL && (all ? code->is_users : code->site_count != 0);
        }
        if (is_wanted) {
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

/* The evaluator is there only while something is wanted of it; under somebody else's it stays. */
static void refresh(void)
{
    int is_wanted = debugger.points != 0 || debugger.catches != 0 || !debugger_is_quiet();
    if (is_wanted) {
        eval_chain_put(EVAL_DEBUGGER, hook);
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
