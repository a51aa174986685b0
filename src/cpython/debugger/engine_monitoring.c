/* Part of debugger.h.
 * Why: on 3.12+ sys.monitoring stops a program where it is wanted and costs nothing elsewhere.
 *
 *   PY_START, PY_RESUME   everywhere, once a place: code is looked at and then left alone
 *   LINE                  local to code with breakpoints, and to code that is stepped through;
 *                         each line that is not wanted is disabled when it is told
 *   RETURN, YIELD, UNWIND while some thread steps: where the frame that it steps in is left; where
 *                         breakpoints on data want to know what a last line has changed
 *   RAISE, UNWIND         where breakpoints on exceptions want them
 *
 * A tool id of its own, so that what is disabled here is still told to the recorder. PY_START stays
 * on in functions that are one line: without it some versions tell no LINE of them. */
#include "debugger.h"
#include "monitoring.h"

#if CAN_MONITOR

static PyObject *disable; /* process-wide, borrowed */
static int tool = -1;
static long always, stepping, line, leaving, unwind, raising; /* bits of events */

static native_frame *current(void)
{
    return native_current(PyThreadState_GetUnchecked());
}

/* The frame that runs, where it is of the code that is told of. */
static native_frame *frame_of(PyObject *const *args, size_t n)
{
    native_frame *frame = current();
    int is_it =
        PyVectorcall_NARGS(n) >= 2 && frame != NULL && (PyObject *)native_code(frame) == args[0];
    return is_it ? frame : NULL;
}

static PyObject *answer(int is_wanted)
{
    return Py_NewRef(is_wanted ? Py_None : disable);
}

static void set_lines(struct debug_code *code, int is_on)
{
    long events = line | (code->has_data ? leaving : 0);
    /* Off and on: lines that were disabled come back only so. */
    if (tool < 0 || monitoring_set_local(tool, code->code, 0) != 0 ||
        (is_on && monitoring_set_local(tool, code->code, events) != 0)) {
        PyErr_Clear();
    }
}

static PyObject *begins(PyObject *const *args, size_t n)
{
    native_frame *frame = frame_of(args, n);
    if (frame == NULL || debug_self.is_inside) {
        Py_RETURN_NONE;
    }
    struct debug_code *known = debugger_known((PyCodeObject *)args[0]);
    struct debug_code *code = known != NULL ? known : debugger_code_of(frame);
    if (code == NULL) {
        return answer(0);
    }
    if (debug_self.is_internal) {
        Py_RETURN_NONE;
    }
    debugger.counts.py_start_callbacks++;
    debugger.counts.cache_hits += known != NULL;
    debugger.counts.frames_evaluated++;
    debugger.counts.frames_traced += debugger_wants(code) != 0;
    if (code->is_main) {
        debugger_main_begins(code, frame);
    } else if (debugger_wants(code) && (known == NULL || code->site_count == 0)) {
        set_lines(code, 1);
    }
    return answer(debugger.steps != 0 || debugger.waits_for_main || debugger.pause_wanted ||
                  code->is_one_line || code->has_data || code->site_count != 0);
}

static PyObject *on_start(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                          PyObject *Py_UNUSED(names))
{
    native_frame *frame = frame_of(args, n);
    const struct debug_code *known = frame != NULL ? debugger_known((PyCodeObject *)args[0]) : NULL;
    if (known != NULL && known->has_data) {
        debug_data_begins(known, frame);
    }
    return begins(args, n);
}

static PyObject *on_resume(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                           PyObject *Py_UNUSED(names))
{
    return begins(args, n);
}

static PyObject *on_line(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                         PyObject *Py_UNUSED(names))
{
    native_frame *frame = frame_of(args, n);
    struct debug_code *code = frame != NULL ? debugger_code_of(frame) : NULL;
    if (code == NULL || debug_self.is_inside) {
        Py_RETURN_NONE;
    }
    uint32_t number = LONG_COUNT(args[1]) == 1 ? LONG_DIGITS(args[1])[0] : 0;
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
    return answer(is_wanted);
}

static PyObject *left(PyObject *const *args, size_t n, enum step_event how)
{
    native_frame *frame = frame_of(args, n);
    struct debug_code *known = frame != NULL ? debugger_known(native_code(frame)) : NULL;
    int has_data = known != NULL && known->has_data && how != STEP_YIELD, done = 0;
    debugger.counts.py_return_callbacks++;
    if (has_data && !debug_self.is_inside) {
        done = debugger_data_left(known, frame);
    }
    if (frame != NULL) {
        debugger_left(frame, how);
    }
    return done != 0 ? NULL : answer(debugger.steps != 0 || has_data);
}

static PyObject *on_return(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                           PyObject *Py_UNUSED(names))
{
    return left(args, n, STEP_RETURN);
}

static PyObject *on_yield(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                          PyObject *Py_UNUSED(names))
{
    return left(args, n, STEP_YIELD);
}

static PyObject *on_unwind(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                           PyObject *Py_UNUSED(names))
{
    native_frame *frame = frame_of(args, n);
    if (frame != NULL && (debugger.steps != 0 || debugger.watches != 0)) {
        PyObject *done = left(args, n, STEP_UNWIND); /* owned */
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

static PyObject *on_raise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                          PyObject *Py_UNUSED(names))
{
    native_frame *frame = frame_of(args, n);
    /* It is raised in the frame that its traceback begins and ends with. */
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
    Py_RETURN_NONE;
}

static int start(void)
{
    static const struct {
        const char *event;
        vectorcallfunc function;
        long *bits;
    } handlers[] = {
        {"PY_START", on_start, &always},   {"PY_RESUME", on_resume, &always},
        {"LINE", on_line, &line},          {"PY_RETURN", on_return, &leaving},
        {"PY_YIELD", on_yield, &stepping}, {"PY_UNWIND", on_unwind, &unwind},
        {"RAISE", on_raise, &raising},
    };
    disable = monitoring_disable();
    if (disable == NULL || monitoring_take(-1, &tool) != 0) {
        return -1;
    }
    always = stepping = line = leaving = unwind = raising = 0;
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

static void stop(void)
{
    for (struct debug_code *code = debugger.codes; code != NULL; code = code->next) {
        set_lines(code, 0); /* some versions leave local events behind when an id is freed */
    }
    if (tool >= 0) {
        monitoring_free(tool);
    }
    tool = -1;
}

static void arm(struct debug_code *code)
{
    set_lines(code, code->site_count != 0 || debugger.steps != 0 || debugger.pause_wanted);
    /* Where it begins has been told and switched off while nothing was wanted of it. */
    if ((code->has_data || code->is_one_line) && tool >= 0 && monitoring_restart() != 0) {
        PyErr_Clear();
    }
}

static void reach_running(int all)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        for (native_frame *f = native_current(ts); f != NULL; f = native_caller(f)) {
            struct debug_code *known = debugger_known(native_code(f));
            struct debug_code *code = known != NULL ? known : debugger_code_of(f);
            if (code != NULL && (all ? code->is_users : known == NULL && code->site_count != 0)) {
                set_lines(code, 1);
            }
        }
    }
}

/* What was disabled while nobody stepped is wanted again. */
static void refresh(void)
{
    int is_on = debugger.steps != 0;
    long events = always | (is_on ? stepping | leaving | unwind : 0);
    events |= debugger.watches != 0 ? unwind : 0;
    events |= debugger.catches & CATCH_RAISED ? raising : 0;
    events |= debugger.catches & (CATCH_UNCAUGHT | CATCH_UNHANDLED) ? unwind : 0;
    if (tool >= 0 && (monitoring_set(tool, events) != 0 || (is_on && monitoring_restart() != 0))) {
        PyErr_Clear();
    }
}

const struct debug_engine debug_engine = {
    .name = "monitoring",
    .start = start,
    .stop = stop,
    .arm = arm,
    .reach_running = reach_running,
    .refresh = refresh,
};

#elif IS_FREE_THREADED

static int start(void)
{
    PyErr_SetString(PyExc_RuntimeError, "free-threaded builds are not supported yet");
    return -1;
}

static void stop(void) {}
static void arm(struct debug_code *code)
{
    (void)code;
}
static void reach_running(int all)
{
    (void)all;
}

const struct debug_engine debug_engine = {"none", start, stop, arm, reach_running, stop};

#endif
