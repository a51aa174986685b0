/* Part of debugger.h: the engine of CPython 3.12 and newer.
 *
 * Why: sys.monitoring reports lines of single code objects, and costs nothing elsewhere.
 *
 *   PY_START, PY_RESUME   everywhere, until code has been checked; then it is disabled there
 *   LINE, JUMP            in code with breakpoints, and in code that is stepped through or to be
 *                         paused; lines and jumps that are not needed are disabled there. A jump
 *                         back within a line begins the line again, without a LINE event
 *   RETURN, YIELD, UNWIND while a thread steps: to notice that the frame of its step ends;
 *                         with breakpoints on data: to check what the last line has changed
 *   RAISE, UNWIND         while breakpoints on exceptions need them
 *
 * Invariants: the tool id is the debugger's own, so an event that is disabled here still reaches
 * the recorder. PY_START stays enabled in functions of one line: without it some versions report no
 * LINE there. Under the GIL. */
#include "debugger.h"
#include "monitoring.h"
#include "pyerror.h"

#if CAN_MONITOR

static PyObject *disable; /* process-wide, borrowed */
static int tool = -1;
/* bits of events */
static long always, stepping, line, jump, leaving, unwind, raising, ending, instruction;

static native_frame *get_running_frame(void)
{
    return native_current(PyThreadState_GetUnchecked());
}

/* Returns the running frame if it runs the event's code, else NULL. */
static native_frame *get_event_frame(PyObject *const *args, size_t n)
{
    native_frame *frame = get_running_frame();
    int is_it =
        PyVectorcall_NARGS(n) >= 2 && frame != NULL && (PyObject *)native_code(frame) == args[0];
    return is_it ? frame : NULL;
}

/* Returns what a callback returns: None, or DISABLE for an event that is not needed. */
static PyObject *reply_to_event(int is_wanted)
{
    return Py_NewRef(is_wanted ? Py_None : disable);
}

/* An exception that is set already, such as the one that quits, stays. */
static void set_lines(struct debug_code *code, int is_on)
{
    struct pyerror before = pyerror_take();
    long events = line | jump | (code->has_data ? leaving : 0);
    /* Clearing first enables lines again that were disabled. */
    if (tool < 0 || monitoring_set_local(tool, code->code, 0) != 0 ||
        (is_on && monitoring_set_local(tool, code->code, events) != 0)) {
        PyErr_Clear();
    }
    pyerror_put_back(&before);
}

static PyObject *code_begins(PyObject *const *args, size_t n)
{
    native_frame *frame = get_event_frame(args, n);
    if (frame == NULL || debug_self.is_inside) {
        Py_RETURN_NONE;
    }
    struct debug_code *known = debugger_known((PyCodeObject *)args[0]);
    struct debug_code *code = known != NULL ? known : debugger_code_of(frame);
    if (code == NULL) {
        return reply_to_event(0);
    }
    if (debug_self.is_internal) {
        Py_RETURN_NONE;
    }
    debugger_check_bound();
    debugger.counts.py_start_callbacks++;
    debugger.counts.cache_hits += known != NULL;
    debugger.counts.frames_evaluated++;
    debugger.counts.frames_traced += debugger_wants(code) != 0;
    debugger_enters(code, frame, native_caller(frame));
    if (code->is_main) {
        debugger_main_begins(code, frame);
    } else if (debugger_wants(code) && (known == NULL || code->site_count == 0)) {
        set_lines(code, 1);
    }
    if (debugger_follows() && debugger_event(frame, STEP_CALL, Py_None) != 0) {
        return NULL;
    }
    return reply_to_event(debugger.steps != 0 || debugger.waits_for_main || debugger.pause_wanted ||
                          code->is_one_line || code->has_data || code->site_count != 0);
}

static PyObject *debug_on_start(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                PyObject *Py_UNUSED(names))
{
    native_frame *frame = get_event_frame(args, n);
    const struct debug_code *known = frame != NULL ? debugger_known((PyCodeObject *)args[0]) : NULL;
    if (known != NULL && known->has_data) {
        debug_data_begins(known, frame);
    }
    return code_begins(args, n);
}

static PyObject *debug_on_resume(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                 PyObject *Py_UNUSED(names))
{
    return code_begins(args, n);
}

/* Handles the beginning of a line. Returns what the callback returns. */
static PyObject *line_begins(struct debug_code *code, native_frame *frame, uint32_t number)
{
    debugger.counts.line_callbacks++;
    PyObject *ids = code->site_count != 0 ? debugger_sites(code, frame, number) : NULL;
    if (debugger_line(code, frame, number, ids) != 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < code->site_count; i++) {
        if (code->sites[i].line == number) {
            Py_RETURN_NONE;
        }
    }
    int is_wanted = debugger.steps != 0 || debugger.pause_wanted;
    debugger.counts.line_disabled += !is_wanted;
    return reply_to_event(is_wanted);
}

static uint32_t small_number(PyObject *o)
{
    return LONG_COUNT(o) == 1 ? LONG_DIGITS(o)[0] : 0;
}

static PyObject *debug_on_line(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                               PyObject *Py_UNUSED(names))
{
    native_frame *frame = get_event_frame(args, n);
    struct debug_code *code = frame != NULL ? debugger_code_of(frame) : NULL;
    if (code == NULL || debug_self.is_inside) {
        Py_RETURN_NONE;
    }
    return line_begins(code, frame, small_number(args[1]));
}

static PyObject *debug_on_jump(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                               PyObject *Py_UNUSED(names))
{
    native_frame *frame = get_event_frame(args, n);
    struct debug_code *code = frame != NULL ? debugger_code_of(frame) : NULL;
    if (code == NULL || debug_self.is_inside || PyVectorcall_NARGS(n) < 3) {
        Py_RETURN_NONE;
    }
    int from = (int)small_number(args[1]), to = (int)small_number(args[2]);
    int number = to < from ? PyCode_Addr2Line((PyCodeObject *)args[0], to) : 0;
    if (number <= 0 || PyCode_Addr2Line((PyCodeObject *)args[0], from) != number) {
        return reply_to_event(0); /* it goes on, or to a line that has its own event */
    }
    return line_begins(code, frame, (uint32_t)number);
}

static PyObject *frame_left(PyObject *const *args, size_t n, enum step_event how)
{
    native_frame *frame = get_event_frame(args, n);
    struct debug_code *known = frame != NULL ? debugger_known(native_code(frame)) : NULL;
    int has_data = known != NULL && known->has_data && how != STEP_YIELD, done = 0;
    debugger.counts.py_return_callbacks++;
    if (has_data && !debug_self.is_inside) {
        done = debugger_data_left(known, frame);
    }
    if (done == 0 && frame != NULL && debugger_follows()) {
        PyObject *value = how != STEP_UNWIND && PyVectorcall_NARGS(n) >= 3 ? args[2] : Py_None;
        done = debugger_event(frame, how, value);
    }
    if (frame != NULL) {
        debugger_left(frame, how);
    }
    return done != 0 ? NULL : reply_to_event(debugger.steps != 0 || has_data);
}

static PyObject *debug_on_return(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                 PyObject *Py_UNUSED(names))
{
    return frame_left(args, n, STEP_RETURN);
}

static PyObject *debug_on_yield(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                PyObject *Py_UNUSED(names))
{
    return frame_left(args, n, STEP_YIELD);
}

static PyObject *debug_on_unwind(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                 PyObject *Py_UNUSED(names))
{
    native_frame *frame = get_event_frame(args, n);
    if (frame != NULL && (debugger.steps != 0 || debugger.watches != 0)) {
        PyObject *done = frame_left(args, n, STEP_UNWIND); /* owned */
        if (done == NULL) {
            return NULL;
        }
        Py_DECREF(done);
    }
    if (frame != NULL && (debugger.catches & (CATCH_UNCAUGHT | CATCH_UNHANDLED)) &&
        PyVectorcall_NARGS(n) >= 3 && debugger_leaves((uintptr_t)frame, native_caller(frame)) &&
        debugger_unwound((PyCodeObject *)args[0], native_caller(frame), compat_frame_object(frame),
                         args[2]) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Stops at an exception, in each frame that it passes, where the thread follows. */
static int follow_exception(native_frame *frame, PyObject *exception)
{
    if (!debugger_follows() || !PyExceptionInstance_Check(exception)) {
        return 0;
    }
    PyObject *traceback = ((PyBaseExceptionObject *)exception)->traceback;
    PyObject *value = PyTuple_Pack(3, (PyObject *)Py_TYPE(exception), exception,
                                   traceback != NULL ? traceback : Py_None); /* owned */
    int done = value != NULL ? debugger_event(frame, STEP_RAISE, value) : -1;
    Py_XDECREF(value);
    return done;
}

static PyObject *debug_on_ending(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                 PyObject *Py_UNUSED(names))
{
    native_frame *frame = get_event_frame(args, n);
    if (frame != NULL && PyVectorcall_NARGS(n) >= 3 && follow_exception(frame, args[2]) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *debug_on_instruction(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                      PyObject *Py_UNUSED(names))
{
    native_frame *frame = get_event_frame(args, n);
    if (frame != NULL && !debug_self.is_inside) {
        struct debug_code *code = debugger_code_of(frame);
        int done = debugger_event(frame, STEP_INSTRUCTION, Py_None);
        if (code != NULL && (done != 0 || debugger_step()->begin == 0)) {
            set_lines(code, 1); /* one instruction is enough */
        }
        if (done != 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *debug_on_raise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                PyObject *Py_UNUSED(names))
{
    native_frame *frame = get_event_frame(args, n);
    /* RAISE repeats in frames that the exception unwinds; the first has a traceback of one entry.
     */
    PyObject *traceback =
        frame != NULL && PyVectorcall_NARGS(n) >= 3 && PyExceptionInstance_Check(args[2])
            ? ((PyBaseExceptionObject *)args[2])->traceback
            : NULL;
    int is_first = traceback == NULL || !PyTraceBack_Check(traceback) ||
                   ((PyTracebackObject *)traceback)->tb_next == NULL;
    if (frame != NULL && is_first && PyVectorcall_NARGS(n) >= 3 &&
        debugger_raised(frame, args[2]) != 0) {
        return NULL;
    }
    if (frame != NULL && PyVectorcall_NARGS(n) >= 3 && follow_exception(frame, args[2]) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int start_tool(void)
{
    static const struct {
        const char *event;
        vectorcallfunc function;
        long *bits;
    } handlers[] = {
        {"PY_START", debug_on_start, &always},
        {"PY_RESUME", debug_on_resume, &always},
        {"LINE", debug_on_line, &line},
        {"JUMP", debug_on_jump, &jump},
        {"PY_RETURN", debug_on_return, &leaving},
        {"PY_YIELD", debug_on_yield, &stepping},
        {"PY_UNWIND", debug_on_unwind, &unwind},
        {"RAISE", debug_on_raise, &raising},
        {"STOP_ITERATION", debug_on_ending, &ending},
        {"INSTRUCTION", debug_on_instruction, &instruction},
    };
    disable = monitoring_disable();
    if (disable == NULL || monitoring_take(-1, &tool) != 0) {
        return -1;
    }
    always = stepping = line = jump = leaving = unwind = raising = ending = instruction = 0;
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        long bit = 0;
        if (monitoring_register(tool, handlers[i].event, handlers[i].function, &bit) != 0) {
            monitoring_free(tool);
            return -1;
        }
        *handlers[i].bits |= bit;
    }
    if (monitoring_set(tool, always) != 0 || monitoring_restart() != 0) {
        monitoring_free(tool);
        return -1;
    }
    return 0;
}

static void stop_tool(void)
{
    for (struct debug_code *code = debugger.codes; code != NULL; code = code->next) {
        set_lines(code, 0); /* some versions keep local events when an id is freed */
    }
    if (tool >= 0) {
        monitoring_free(tool);
    }
    tool = -1;
}

static void arm_lines(struct debug_code *code)
{
    set_lines(code, code->site_count != 0 || debugger.steps != 0 || debugger.pause_wanted);
    /* PY_START may have been disabled in this code before it had breakpoints. */
    if ((code->has_data || code->is_one_line) && tool >= 0 && monitoring_restart() != 0) {
        PyErr_Clear();
    }
}

static void arm_next_instruction(struct debug_code *code)
{
    if (tool >= 0 && monitoring_set_local(tool, code->code, line | jump | instruction) != 0) {
        PyErr_Clear();
    }
}

static void reach_running_lines(int all)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        for (native_frame *f = native_current(ts); f != NULL; f = native_caller(f)) {
            struct debug_code *known = debugger_known(native_code(f));
            struct debug_code *code = known != NULL ? known : debugger_code_of(f);
            if (code != NULL && (all ? code->is_users : known == NULL && code->site_count != 0)) {
                set_lines(code, 1);
            }
            if (code != NULL && code->has_data) {
                debug_data_meets(code, f);
            }
        }
    }
}

/* Sets the global events. A step and a pause also enable again what was disabled before: a
 * suspended coroutine is met only where it resumes. */
static void refresh_events(void)
{
    struct pyerror before = pyerror_take();
    int is_on = debugger.steps != 0;
    long events = always | (is_on ? stepping | leaving | unwind : 0);
    events |= debugger.follows != 0 ? raising | ending : 0;
    events |= debugger.watches != 0 ? unwind : 0;
    events |= debugger.catches & CATCH_RAISED ? raising : 0;
    events |= debugger.catches & (CATCH_UNCAUGHT | CATCH_UNHANDLED) ? unwind : 0;
    if (tool >= 0 && (monitoring_set(tool, events) != 0 ||
                      ((is_on || debugger.pause_wanted) && monitoring_restart() != 0))) {
        PyErr_Clear();
    }
    pyerror_put_back(&before);
}

const struct debug_engine debug_engine = {
    .name = "monitoring",
    .start = start_tool,
    .stop = stop_tool,
    .arm = arm_lines,
    .arm_instruction = arm_next_instruction,
    .reach_running = reach_running_lines,
    .refresh = refresh_events,
};

#elif IS_FREE_THREADED

static int start_tool(void)
{
    PyErr_SetString(PyExc_RuntimeError, "free-threaded builds are not supported yet");
    return -1;
}

static void stop_tool(void) {}
static void arm_lines(struct debug_code *code)
{
    (void)code;
}
static void reach_running_lines(int all)
{
    (void)all;
}

const struct debug_engine debug_engine = {.name = "none",
                                          .start = start_tool,
                                          .stop = stop_tool,
                                          .arm = arm_lines,
                                          .reach_running = reach_running_lines,
                                          .refresh = stop_tool};

#endif
