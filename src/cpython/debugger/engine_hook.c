/* Part of debugger.h: the engine of CPython 3.8 to 3.11.
 *
 * Why: a trace function slows down every line of every frame. A frame evaluator sees each frame
 * once, when it begins, and decides what this frame needs. Most frames need nothing and pay one
 * look at the co_extra of their code; loops pay nothing.
 *
 *                       frame begins (or a generator continues)
 *                                     |
 *                           evaluate_debugged()
 *                                     |
 *          +--------------------------+-----------------------------+
 *          | no site, nobody steps    | only sites on lines         | step, pause, data, RAISED, or
 *          v                          v                             v
 *    frame runs as it is        frame runs a copy             no copy, or a profiler counts code:
 *    (the usual case)           with probes (probes.h)        runs with the trace function on
 *                                     |                             |
 *                               probe reached:                      |
 *                               engine_probe()                      |
 *                                 debugger_sites() -> none: go on   |
 *                                 else: pending = sites,            |
 *                                 trace function on,                |
 *                                 jump by way of the tail           |
 *                                     |                             |
 *                                     +-----------+-----------------+
 *                                                 v
 *                       eval_trace() -> trace_debugged() -> line_begins() -> debugger_line()
 *
 * Invariants:
 * - A stop happens in a trace function, because only there frame.f_lineno may be set. So a probe
 *   leaves its breakpoints in debug_self.pending for the next line event. Only where another tool's
 *   trace function is on does the probe stop itself.
 * - run_debugged() restores the trace function of the caller when the frame ends. It leaves it on
 *   where a step continues in the caller, or if trace_running() ran meanwhile (running_reached).
 * - Frames that ran before a breakpoint was set cannot change their code. They are traced until
 *   they end; FRAME_ALREADY_RUNNING reports it.
 * - When the evaluator returns, the frame is gone: only its address may be used.
 *
 * Threads: under the GIL. `pending`, the step and the trace function belong to one thread;
 * running_reached and the sites belong to all. */
#include "debugger.h"

#include "debug_parts.h"
#include "eval_chain.h"
#include "probes.h"
#include "pyerror.h"

#if HAS_EVAL_HOOK

static PyObject *evaluate_debugged(HOOK_ARGS);

/* Handles an exception event. Tracing repeats it in each frame that the exception unwinds; only the
 * first has a traceback of one entry. */
static int exception_raised(native_frame *frame, PyObject *arg)
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

/* Handles an exception that has left a frame. The frame is gone; the traceback still has it. */
static void exception_unwound(PyCodeObject *code, native_frame *caller)
{
    struct pyerror error = pyerror_take_instance();
    if (error.traceback != NULL && PyTraceBack_Check(error.traceback) && error.value != NULL) {
        (void)PyException_SetTraceback(error.value, error.traceback);
        PyFrameObject *object = ((PyTracebackObject *)error.traceback)->tb_frame;
        if (debugger_unwound(code, caller, object, error.value) != 0) {
            pyerror_drop(&error);
            return; /* with the exception that replaces it */
        }
    }
    pyerror_put_back(&error);
}

static int is_in_copy(const struct debug_code *code, native_frame *frame)
{
    return code->copy != NULL && native_code(frame) == code->copy;
}

/* Returns the breakpoints that a probe of this frame has left, owned; NULL for none. */
static PyObject *take_pending_stop(native_frame *frame)
{
    PyObject *ids = debug_self.pending;
    if (ids != NULL && debug_self.pending_in == (uintptr_t)frame) {
        debug_self.pending = NULL;
        return ids;
    }
    return NULL;
}

/* Returns whether frames need nothing but their sites. */
static int is_only_for_sites(void)
{
    return debugger_is_quiet() && !(debugger.catches & CATCH_RAISED);
}

/* Returns whether the frame is at an instruction of a copy that the program does not have: in the
 * tail, or at a probe. The line event behind it is the real one. */
static int is_between(PyFrameObject *object)
{
    native_frame *frame = native_of(object);
    const struct debug_code *code = debugger_known(native_code(frame));
    return code != NULL && is_in_copy(code, frame) &&
           (native_instruction(frame) >= code->copy_tail ||
            (BYTECODE_TELLS_PROBES && probes_is_at(code, native_instruction(frame))));
}

/* Returns whether a frame of code with a copy needs that alone, while the debugger is quiet. */
static inline int is_only_for_copies(const struct debug_code *code)
{
    return !code->has_data && !code->is_main && debugger.rewrites &&
           !(debugger.catches & CATCH_RAISED) && !eval_wants.for_recorder &&
           debugger_step()->mode == STEP_NONE;
}

/* Returns whether a profiler counts the code objects that run, as cProfile does. A copy would be
 * another function for it, so the frame keeps its code and is traced. Where another tool traces,
 * only a copy can stop. */
static inline int is_counted(const PyThreadState *state)
{
    return __builtin_expect(profile_is_foreign(state, eval_own_profile), 0) &&
           !trace_is_foreign(state, eval_trace);
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
    PyObject *ids = take_pending_stop(frame);
    if (ids == NULL && code->site_count != 0 && !is_copy && is_marked) {
        ids = debugger_sites(code, frame, (uint32_t)number);
    }
    if (ids != NULL || !debugger_is_quiet()) {
        done = debugger_line(code, frame, (uint32_t)number, ids);
    }
    if (is_in_copy(code, frame) && is_only_for_sites() && !eval_wants.for_recorder) {
        trace_switch_leave(PyThreadState_Get(),
                           eval_trace); /* probes suffice for the rest of the frame */
    }
    return done;
}

/* Stops at a probe, without a trace function: another tool has its own on. Takes `ids`. A probe has
 * no line, or that before, so the frame object gets the line until the stop ends. */
static int stop_at_probe(native_frame *frame, uint32_t line, PyObject *ids)
{
    PyFrameObject *object = compat_frame_object(frame); /* borrowed */
    if (object == NULL) {
        Py_DECREF(ids);
        return -1;
    }
    int line_before = object->f_lineno;
    int had_trace = object->f_trace != NULL;
    object->f_lineno = (int)line;
    if (!had_trace) {
        Py_INCREF(Py_None);
        object->f_trace = Py_None; /* 3.8 and 3.9 look at f_lineno only with one */
    }
    int done = debugger_stop(frame, object, "breakpoint", ids, NULL);
    object->f_lineno = line_before;
    if (!had_trace && object->f_trace == Py_None) {
        Py_CLEAR(object->f_trace);
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
        /* Another tool traces: the probe itself stops, takes `ids`, and the line goes on. */
        return stop_at_probe(frame, line, ids);
    }
    Py_XDECREF(debug_self.pending);
    debug_self.pending = ids;
    debug_self.pending_in = (uintptr_t)frame;
    return 1;
}

/* Handles the end of a frame, or a yield. `arg` is the result; NULL = an exception leaves it. */
static int frame_leaves(native_frame *frame, PyObject *arg)
{
    struct debug_code *code = debugger_known(native_code(frame));
    enum step_event how = arg == NULL              ? STEP_UNWIND
                          : traced_is_yield(frame) ? STEP_YIELD
                                                   : STEP_RETURN;
    debugger.counts.py_return_callbacks++;
    int done =
        code != NULL && code->has_data && how != STEP_YIELD ? debugger_data_left(code, frame) : 0;
    if (done == 0) {
        done = debugger_event(frame, how, arg != NULL ? arg : Py_None);
    }
    debugger_left(frame, how);
    return done;
}

static int trace_debugged(PyFrameObject *object, int what, PyObject *arg)
{
    native_frame *frame = native_of(object);
    if (!debugger.is_on || debug_self.is_inside) {
        return 0;
    }
    if (what == PyTrace_LINE) {
        return line_begins(frame);
    }
    if (what == PyTrace_CALL) {
        return debugger_event(frame, STEP_CALL, Py_None);
    }
    if (what == PyTrace_EXCEPTION) {
        int done = debugger.catches & CATCH_RAISED ? exception_raised(frame, arg) : 0;
        return done == 0 && arg != NULL ? debugger_event(frame, STEP_RAISE, arg) : done;
    }
    return what == PyTrace_RETURN ? frame_leaves(frame, arg) : 0;
}

/* Counts calls of trace_running(): run_debugged() must not restore the trace function over one. */
static uint64_t running_reached;

/* Called when a frame is over: `before` is what trace_switch() returned as it began, `reached` what
 * running_reached was. Leaves the trace function as the caller needs it. */
static void frame_is_over(PyThreadState *state, native_frame *frame, int before, uint64_t reached)
{
    Py_XDECREF(take_pending_stop(frame)); /* the frame ended before the line began */
    const struct step *step = debugger_step();
    int is_stepping = debugger_steps_in() ||
                      (step->mode != STEP_NONE && step->frame == (uintptr_t)native_current(state));
    if ((is_stepping && !debug_self.is_inside) || reached != running_reached) {
        (void)trace_switch(state, eval_trace, 1);
        eval_wants.for_caller = 1;
    } else {
        trace_switch_restore(state, eval_trace, before);
    }
}

/* Runs a frame with the trace function on or off, and restores it behind. */
static PyObject *run_debugged(int is_on, HOOK_ARGS)
{
    PyThreadState *state = PyThreadState_Get();
    int before = trace_switch(state, eval_trace, is_on || eval_wants.for_recorder);
    uint64_t reached = running_reached;
    if (is_on && before < 0) {
        debugger_reason("FOREIGN_TRACE_FUNCTION", PyUnicode_AsUTF8(native_code(frame)->co_name));
    }
    debugger.counts.scoped_trace_installs += is_on && before >= 0;
    PyObject *result = eval_below(EVAL_DEBUGGER, HOOK_PASS);
    frame_is_over(state, frame, before, reached);
    return result;
}

/* Returns whether probes report the frame's breakpoints; gives a new frame its copy. Breakpoints on
 * data are not for probes: they also need the end of the frame. */
static int has_probes(struct debug_code *code, native_frame *frame)
{
    if (code->site_count == 0 || code->has_data || !debugger.rewrites ||
        debugger_step()->into.code != 0) { /* which is at instructions of the code itself */
        return 0;
    }
    if (native_is_fresh(frame) && code->code == native_code(frame) &&
        !is_counted(PyThreadState_GetUnchecked())) {
        PyCodeObject *copy = probes_copy(code);
        if (copy != NULL) {
            native_set_code(frame, copy);
        }
    }
    return is_in_copy(code, frame);
}

/* Passes on the result of a frame, after a look at the exception that has left it. The frame is
 * gone: `frame` is only an address. */
static inline PyObject *pass_result(PyObject *result, uintptr_t frame, PyCodeObject *code)
{
    if (__builtin_expect(result == NULL, 0) &&
        (debugger.catches & (CATCH_UNCAUGHT | CATCH_UNHANDLED)) != 0) {
        native_frame *caller = native_current(PyThreadState_GetUnchecked());
        if (debugger_leaves(frame, caller)) {
            exception_unwound(code, caller);
        }
    }
    return result;
}

/* Returns whether all that a frame does is to make a generator, or a coroutine. */
static int makes_generator(native_frame *frame)
{
    return HOOK_SEES_GENERATOR_CREATION && native_is_fresh(frame) &&
           (native_code(frame)->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0;
}

static PyObject *run_looked_at(struct debug_code *code, HOOK_ARGS)
{
    if (code->has_data && native_is_fresh(frame)) {
        debug_data_begins(code, frame);
    }
    int has = has_probes(code, frame);
    if (code->is_main) {
        debugger_main_begins(code, frame);
        return run_debugged(1, HOOK_PASS);
    }
    if (!makes_generator(frame)) {
        debugger_enters(code, frame, native_current(PyThreadState_GetUnchecked()));
    }
    int is_wanted = (code->site_count != 0 && !has) || debugger_wants_all(code) ||
                    debugger_step()->frame == (uintptr_t)frame;
    debugger.counts.frames_traced += is_wanted || has;
    if (!is_wanted && !has && debugger_step()->mode == STEP_NONE &&
        !trace_switch_is_on(PyThreadState_GetUnchecked(), eval_trace)) {
        return eval_below(EVAL_DEBUGGER, HOOK_PASS);
    }
    return run_debugged(is_wanted, HOOK_PASS);
}

/* The slow path: makes the record of new code, and decides what the frame needs. */
static __attribute__((noinline)) PyObject *look_at_frame(HOOK_ARGS)
{
    if (__builtin_expect(debug_self.is_inside || debug_self.is_internal, 0)) {
        return run_debugged(0, HOOK_PASS);
    }
    PyCodeObject *original = native_code(frame);
    uintptr_t identity = (uintptr_t)frame;
    const struct debug_code *known = debugger_known(original);
    struct debug_code *code = debugger_code_of(frame);
    if (code == NULL) {
        return eval_below(EVAL_DEBUGGER, HOOK_PASS);
    }
    debugger_check_bound();
    debugger.counts.cache_hits += known != NULL;
    debugger.counts.frames_evaluated++;
    Py_INCREF(original); /* the frame may run a copy in its place */
    PyObject *result = pass_result(run_looked_at(code, HOOK_PASS), identity, original);
    Py_DECREF(original);
    return result;
}

/* Runs a new frame of code whose breakpoints are all probes, while nothing steps: the usual case of
 * a function that has one. It costs little more than a function without. */
static inline PyObject *run_copy(struct debug_code *code, HOOK_ARGS)
{
    PyThreadState *state = PyThreadState_GetUnchecked();
    uint64_t reached = running_reached;
    debugger.counts.cache_hits++;
    debugger.counts.frames_evaluated++;
    debugger.counts.frames_traced++;
    PyCodeObject *own = native_lend_code(frame, code->copy);
    PyObject *result = eval_below(EVAL_DEBUGGER, HOOK_PASS);
    if (__builtin_expect(debug_self.pending != NULL || reached != running_reached ||
                             !debugger_is_quiet() || trace_switch_is_on(state, eval_trace),
                         0)) {
        frame_is_over(state, frame, 0, reached);
    }
    result = pass_result(result, (uintptr_t)frame, own);
    native_take_back(frame, own);
    return result;
}

static PyObject *evaluate_debugged(HOOK_ARGS)
{
    PyCodeObject *code = native_code(frame);
    uintptr_t identity = (uintptr_t)frame;
    struct debug_code *known = debugger_known(code);
    if (__builtin_expect(eval_is_deep(), 0)) {
        debugger.counts.deep_frames++;
        return eval_deep(EVAL_DEBUGGER, HOOK_PASS);
    }
    if (__builtin_expect(known != NULL && !debug_self.is_internal && debugger_is_quiet() &&
                             !trace_switch_is_on(PyThreadState_GetUnchecked(), eval_trace),
                         1)) {
        if (known->site_count == 0) {
            debugger.counts.fast_path_hits++;
            return pass_result(eval_below(EVAL_DEBUGGER, HOOK_PASS), identity, code);
        }
        if (known->copy != NULL && code == known->code && native_is_fresh(frame) &&
            is_only_for_copies(known) && !is_counted(PyThreadState_GetUnchecked())) {
            return run_copy(known, HOOK_PASS);
        }
    }
    return look_at_frame(HOOK_PASS);
}

static void refresh_hook(void);

static int start_hook(void)
{
    if (CALLS_ARE_INLINED && Py_GetRecursionLimit() > 10000) {
        PyErr_Format(PyExc_RuntimeError,
                     "the recursion limit is %d: on this version a frame evaluator needs C stack "
                     "for each call, and over 10000 that can end the process",
                     Py_GetRecursionLimit());
        return -1;
    }
    refresh_hook();
    return 0;
}

static void stop_hook(void)
{
    eval_chain_take(EVAL_DEBUGGER);
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        if (ts->c_tracefunc == eval_trace && !eval_hooks[EVAL_RECORDER].is_wanted) {
            trace_switch_put(ts, NULL);
        }
    }
}

/* Switches the trace function on for the frames of a thread that run already. */
static void trace_running(PyThreadState *ts)
{
    if (trace_switch_reach(ts, eval_trace) != 0) {
        debugger_reason("FOREIGN_TRACE_FUNCTION", "a frame that runs already");
    }
}

static void reach_running_hook(int all)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        int is_wanted = 0;
        for (native_frame *f = native_current(ts); f != NULL; f = native_caller(f)) {
            const struct debug_code *code = debugger_code_of(f);
            is_wanted |= code != NULL &&
                         (all ? code->is_users : code->site_count != 0 && !is_in_copy(code, f));
            if (code != NULL && code->has_data) {
                debug_data_meets(code, f);
            }
        }
        if (is_wanted) {
            running_reached++;
            trace_running(ts);
            debugger_reason("FRAME_ALREADY_RUNNING", "traced until it ends");
        }
    }
}

/* Does nothing: a frame that begins is checked anyway, and run_debugged() switches a caller on when
 * its callee ends. */
static void arm_hook(struct debug_code *code)
{
    (void)code;
}

static const struct eval_user user = {
    .evaluate = evaluate_debugged, .trace = trace_debugged, .is_between = is_between};

/* Sets the evaluator only while it is needed. */
static void refresh_hook(void)
{
    int is_wanted = debugger.points != 0 || debugger.catches != 0 || !debugger_is_quiet();
    if (is_wanted) {
        eval_chain_put(EVAL_DEBUGGER, &user);
    } else {
        eval_chain_take(EVAL_DEBUGGER);
    }
    /* The step may be in a frame that is not traced, so this thread's frames are from here on. */
    if (debugger_step()->mode != STEP_NONE) {
        trace_running(PyThreadState_Get());
    }
}

const struct debug_engine debug_engine = {
    .name = "hook",
    .start = start_hook,
    .stop = stop_hook,
    .arm = arm_hook,
    .reach_running = reach_running_hook,
    .refresh = refresh_hook,
};

#endif
