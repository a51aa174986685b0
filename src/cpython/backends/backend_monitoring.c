/* Part of backends.h.
 * Why: sys.monitoring is the cheapest way to see calls on 3.12 and later. Specialised calls stay
 * inlined, and code that is not recorded costs nothing after its first event.
 *
 *     LINE, JUMP                                set for one code object, by enable_lines()
 *     START, RETURN, YIELD, RESUME, CALL        set for all code; a callback may return DISABLE
 *     THROW, UNWIND, RAISE, RERAISE, HANDLED    set for all code; must not return DISABLE
 *
 * Invariants: a location that was disabled comes back only by restart_events(), so
 * start_monitoring() calls it. A callback that the program calls by hand records nothing:
 * make_event() compares the callback's code with that of the current frame.
 * Threads: under the GIL. */

#include <stdio.h>

#include "backends.h"
#include "door.h"
#include "lineinfo.h"
#include "monitoring.h"

#include "map.h"

#if CAN_MONITOR

static PyObject *disable;             /* process-wide, borrowed: sys.monitoring.DISABLE */
static struct u64map with_lines;      /* addresses of living code with line events of ours */
static Py_ssize_t with_lines_at = -1; /* the co_extra index whose free function removes them */
static long line_events;              /* the bits of LINE and JUMP */
static int tool_id = -1;

/* Returns the frame of the code that raised the event; a callback in C has none of its own. */
static inline native_frame *get_current_frame(void)
{
    return native_current(PyThreadState_GetUnchecked());
}

/* Returns what a callback of a local event returns: DISABLE silences this location of the code. */
static inline PyObject *make_answer(enum verdict verdict)
{
    PyObject *result = verdict == VERDICT_DISABLE ? disable : Py_None;
    return Py_NewRef(result);
}

/* Fills the event and returns whether args[0] is the code of the current frame. It is, unless the
 * program has called the callback by hand. */
static inline int make_event(struct event *event, PyObject *const *args, size_t n, unsigned kind)
{
    native_frame *frame = get_current_frame();
    *event = (struct event){.kind = kind, .code = (PyCodeObject *)args[0], .frame = frame};
    return PyVectorcall_NARGS(n) >= 2 && frame != NULL && (PyObject *)native_code(frame) == args[0];
}

static PyObject *record_start(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                              PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_CALL), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_CALL;
    return make_answer(recording_event(&event));
}

static PyObject *record_return(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                               PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_RETURN), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_RETURN;
    event.arg = PyVectorcall_NARGS(n) >= 3 ? args[2] : NULL;
    return make_answer(recording_event(&event));
}

static PyObject *record_yield(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                              PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_YIELD), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_YIELD;
    event.arg = PyVectorcall_NARGS(n) >= 3 ? args[2] : NULL;
    return make_answer(recording_event(&event));
}

static PyObject *record_resume(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                               PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_RESUME), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_RESUME;
    return make_answer(recording_event(&event));
}

/* Fills the event of an exception, args[2]. Its callbacks must not return DISABLE. */
static inline int make_exception_event(struct event *event, PyObject *const *args, size_t n,
                                       unsigned kind)
{
    if (!make_event(event, args, n, kind) || PyVectorcall_NARGS(n) < 3 ||
        !PyExceptionInstance_Check(args[2])) {
        return 0;
    }
    event->arg = args[2];
    return 1;
}

/* Inline, so that `kind` is a constant of each callback. */
static inline __attribute__((always_inline)) PyObject *record_exception(PyObject *const *args,
                                                                        size_t n, unsigned kind)
{
    struct event event;
    if (make_exception_event(&event, args, n, kind)) {
        (void)recording_event(&event);
    }
    Py_RETURN_NONE;
}

static PyObject *record_throw(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                              PyObject *Py_UNUSED(names))
{
    return record_exception(args, n, RL_EVENT_THROW);
}

static PyObject *record_unwind(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                               PyObject *Py_UNUSED(names))
{
    return record_exception(args, n, RL_EVENT_UNWIND);
}

static PyObject *record_raise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                              PyObject *Py_UNUSED(names))
{
    return record_exception(args, n, RL_EVENT_RAISE);
}

/* Records that an exception is raised again, after a handler or a finally has seen it. */
static PyObject *record_reraise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                PyObject *Py_UNUSED(names))
{
    struct event event;
    if (make_exception_event(&event, args, n, RL_EVENT_RAISE)) {
        event.is_again = 1;
        (void)recording_event(&event);
    }
    Py_RETURN_NONE;
}

/* Records that a handler has caught the exception. Clean-ups that the compiler makes have this
 * event too; native_is_handler() leaves them out. */
static PyObject *record_handled(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                PyObject *Py_UNUSED(names))
{
    struct event event;
    if (make_exception_event(&event, args, n, RL_EVENT_HANDLED) && PyLong_CheckExact(args[1]) &&
        LONG_COUNT(args[1]) == 1) {
        int offset = (int)LONG_DIGITS(args[1])[0];
        if (native_is_handler(event.code, offset)) {
            event.handler = offset + 1;
            (void)recording_event(&event);
        }
    }
    Py_RETURN_NONE;
}

static PyObject *record_line(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                             PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_LINE), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_LINE;
    event.line = LONG_COUNT(args[1]) == 1 ? LONG_DIGITS(args[1])[0] : 0;
    return make_answer(recording_event(&event));
}

/* LINE has no event for a loop that stays on its line; a jump back within the line stands for one.
 */
static PyObject *record_jump(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                             PyObject *Py_UNUSED(names))
{
    struct event event;
    if (!make_event(&event, args, n, RL_EVENT_LINE) || PyVectorcall_NARGS(n) < 3 ||
        !PyLong_CheckExact(args[1]) || !PyLong_CheckExact(args[2])) {
        Py_RETURN_NONE;
    }
    Py_ssize_t from = PyLong_AsSsize_t(args[1]), to = PyLong_AsSsize_t(args[2]);
    uint64_t word = codeinfo_get(event.code);
    event.line = to <= from ? lineinfo_line(event.code, word, (int)to) : 0;
    if (event.line == 0 || event.line != lineinfo_line(event.code, word, (int)from)) {
        return Py_NewRef(disable);
    }
    return make_answer(recording_event(&event));
}

/* Records an event of a function written in C. It has no frame; `frame` is the caller's. */
static PyObject *record_native(PyObject *const *args, size_t n, unsigned kind)
{
    native_frame *frame = get_current_frame();
    if (PyVectorcall_NARGS(n) >= 3 && frame != NULL && (PyObject *)native_code(frame) == args[0]) {
        recording_native(kind, args[2], frame);
    }
    Py_RETURN_NONE;
}

static PyObject *record_c_call(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                               PyObject *Py_UNUSED(names))
{
    return record_native(args, n, RL_EVENT_C_CALL);
}

static PyObject *record_c_return(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                 PyObject *Py_UNUSED(names))
{
    return record_native(args, n, RL_EVENT_C_RETURN);
}

static PyObject *record_c_raise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                                PyObject *Py_UNUSED(names))
{
    return record_native(args, n, RL_EVENT_C_RAISE);
}

/* The callbacks, by event. Those with is_native are registered only for --c-calls. */
static const struct handler {
    const char *event; /* its name in sys.monitoring.events */
    vectorcallfunc function;
    int is_native;
} handlers[] = {
    {"PY_START", record_start, 0},
    {"PY_RETURN", record_return, 0},
    {"PY_YIELD", record_yield, 0},
    {"PY_RESUME", record_resume, 0},
    {"PY_THROW", record_throw, 0},
    {"PY_UNWIND", record_unwind, 0},
    {"LINE", record_line, 0},
    {"JUMP", record_jump, 0},
    {"RAISE", record_raise, 0},
    {"RERAISE", record_reraise, 0},
    {"EXCEPTION_HANDLED", record_handled, 0},
    {"CALL", record_c_call, 1},
    {"C_RETURN", record_c_return, 1},
    {"C_RAISE", record_c_raise, 1},
};
#define HANDLERS (sizeof handlers / sizeof *handlers)

static int probe_monitoring(char *why, size_t size)
{
    int id = monitoring_choose(-1);
    if (id < 0 && tool_id < 0) {
        (void)snprintf(why, size, "the tool ids 4, 3 and 5 of sys.monitoring are all taken");
        return 0;
    }
    (void)snprintf(why, size,
                   "cheapest here: 35 to 39 ns a recorded call; excluded code costs nothing");
    return 1;
}

static int is_of_lines(const struct handler *handler)
{
    return handler->function == record_line || handler->function == record_jump;
}

/* Returns whether the event is set for all code. C_RETURN and C_RAISE come with CALL and cannot be
 * set alone; line events are set for one code object at a time. */
static int is_on_from_the_start(const struct handler *handler)
{
    return !is_of_lines(handler) && (!handler->is_native || handler->function == record_c_call);
}

/* Registers the callbacks and sets the events of all code. 0, or -1 with an exception. */
static int register_handlers(int c_calls)
{
    long mask = 0, bit;
    for (size_t i = 0; i < HANDLERS; i++) {
        const struct handler *handler = &handlers[i];
        if (handler->is_native && !c_calls) {
            continue;
        }
        if (monitoring_register(tool_id, handler->event, handler->function, &bit) != 0) {
            return -1;
        }
        mask |= is_on_from_the_start(handler) ? bit : 0;
        line_events |= is_of_lines(handler) ? bit : 0;
    }
    return monitoring_set(tool_id, mask);
}

/* Removes a code object that dies, or whose entry is about to be set again. */
static void forget_line_events(void *code)
{
    (void)u64map_remove(&with_lines, (uintptr_t)code, NULL);
}

/* The program must find no object of ours, so code is known by its address alone. The co_extra of
 * the code holds that address too, since the free function receives nothing else. */
static int remember_line_events(PyCodeObject *code)
{
    if (with_lines_at < 0 && (with_lines_at = compat_request_extra_index(forget_line_events)) < 0) {
        return -1;
    }
    return compat_set_extra((PyObject *)code, with_lines_at, code) != 0
               ? -1
               : u64map_put(&with_lines, (uintptr_t)code, 0);
}

/* Sets line events for one code object. They are cleared first, since events that an earlier
 * recording has left disabled come back only so. */
static void enable_lines(PyCodeObject *code)
{
    if (remember_line_events(code) != 0 || monitoring_set_local(tool_id, code, 0) != 0 ||
        monitoring_set_local(tool_id, code, line_events) != 0) {
        PyErr_Clear();
    }
}

/* Some versions leave local events behind when a tool id is freed. Code that dies meanwhile leaves
 * the table; entries move only towards the place that is looked at. */
static void disable_all_lines(void)
{
    for (size_t i = 0; i < with_lines.capacity; i++) {
        while (with_lines.entries[i].key != 0) {
            PyCodeObject *code = (PyCodeObject *)(uintptr_t)with_lines.entries[i].key; /* NOLINT */
            (void)u64map_remove(&with_lines, (uintptr_t)code, NULL);
            Py_INCREF(code);
            if (monitoring_set_local(tool_id, code, 0) != 0) {
                PyErr_Clear();
            }
            Py_DECREF(code);
        }
    }
    u64map_fini(&with_lines);
}

static void stop_monitoring(void)
{
    if (tool_id >= 0) {
        disable_all_lines();
        monitoring_free(tool_id);
        tool_id = -1;
    }
}

static int start_monitoring(const struct backend_start *options)
{
    disable = monitoring_disable();
    if (disable == NULL || monitoring_take(options->tool_id, &tool_id) != 0) {
        return -1;
    }
    if (register_handlers(options->c_calls) != 0 || monitoring_restart() != 0) {
        stop_monitoring();
        return -1;
    }
    return 0;
}

/* The program may free our id, take it, or switch its events off. */
static int is_monitoring_taken(void)
{
    return !monitoring_is_ours(tool_id);
}

/* Which code is wanted may differ in the child's recording; nothing else does. */
static void restart_after_fork(void)
{
    if (monitoring_restart() != 0) {
        PyErr_Clear();
    }
}

#else

static int probe_monitoring(char *why, size_t size)
{
    (void)snprintf(why, size,
                   IS_FREE_THREADED ? "free-threaded builds are not supported yet"
                                    : "sys.monitoring exists from 3.12 on");
    return 0;
}

static int start_monitoring(const struct backend_start *options)
{
    (void)options;
    PyErr_SetString(PyExc_RuntimeError, "sys.monitoring does not exist on this version");
    return -1;
}

static void stop_monitoring(void) {}

static int is_monitoring_taken(void)
{
    return 0;
}

static void restart_after_fork(void) {}

static void enable_lines(PyCodeObject *code)
{
    (void)code;
}

#endif

const struct backend backend_monitoring = {
    .name = "monitoring",
    .capabilities = SEES_THROW | SEES_C_CALLS | SEES_RUNNING_END | SEES_RUNNING_THREADS |
                    SEES_EXC_TYPE | SEES_RAISE | SEES_LINES | CALL_HAS_CELLS,
    .empty_callback_ns = 11,
    .probe = probe_monitoring,
    .start = start_monitoring,
    .stop = stop_monitoring,
    .taken = is_monitoring_taken,
    .want_lines = enable_lines,
    .after_fork = restart_after_fork,
};
