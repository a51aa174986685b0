/* Part of backends.h.
 * Why: sys.monitoring (3.12+) is the cheapest way to see calls there: specialised calls stay
 * inlined, and code that is not wanted costs nothing after its first event.
 *
 * A location that was DISABLEd comes back only by restart_events(), so start() calls it. DISABLE
 * may be returned only from local events (START, RETURN, YIELD, RESUME, CALL); the others are
 * global and must not. */

#include <stdio.h>

#include "backends.h"
#include "door.h"
#include "monitoring.h"

#include "map.h"

#if CAN_MONITOR

static PyObject *disable;             /* process-wide, borrowed: sys.monitoring.DISABLE */
static struct u64map with_lines;      /* addresses of living code with line events of ours */
static Py_ssize_t with_lines_at = -1; /* the co_extra index whose free function removes them */
static long line_events;              /* the bits of LINE and JUMP */
static int tool_id = -1;

static inline native_frame *current(void)
{
    return native_current(PyThreadState_GetUnchecked());
}

static inline PyObject *answer(enum verdict verdict)
{
    PyObject *result = verdict == VERDICT_DISABLE ? disable : Py_None;
    return Py_NewRef(result);
}

/* The code in args[0] is that of the current frame, but for a callback called by hand. */
static inline int make_event(struct event *event, PyObject *const *args, size_t n, unsigned kind)
{
    native_frame *frame = current();
    *event = (struct event){.kind = kind, .code = (PyCodeObject *)args[0], .frame = frame};
    return PyVectorcall_NARGS(n) >= 2 && frame != NULL && (PyObject *)native_code(frame) == args[0];
}

static PyObject *on_start(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                          PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_CALL), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_CALL;
    return answer(recording_event(&event));
}

static PyObject *on_return(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                           PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_RETURN), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_RETURN;
    event.arg = PyVectorcall_NARGS(n) >= 3 ? args[2] : NULL;
    return answer(recording_event(&event));
}

static inline PyObject *on_other(PyObject *const *args, size_t n, unsigned kind, int is_local)
{
    struct event event;
    if (make_event(&event, args, n, kind)) {
        event.arg = PyVectorcall_NARGS(n) >= 3 ? args[2] : NULL;
        enum verdict verdict = recording_event(&event);
        if (is_local) {
            return answer(verdict);
        }
    }
    Py_RETURN_NONE;
}

static PyObject *on_yield(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                          PyObject *Py_UNUSED(names))
{
    return on_other(args, n, RL_EVENT_YIELD, 1);
}

static PyObject *on_resume(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                           PyObject *Py_UNUSED(names))
{
    return on_other(args, n, RL_EVENT_RESUME, 1);
}

static PyObject *on_throw(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                          PyObject *Py_UNUSED(names))
{
    return on_other(args, n, RL_EVENT_THROW, 0);
}

static PyObject *on_unwind(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                           PyObject *Py_UNUSED(names))
{
    return on_other(args, n, RL_EVENT_UNWIND, 0);
}

static PyObject *on_raise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                          PyObject *Py_UNUSED(names))
{
    return on_other(args, n, RL_EVENT_RAISE, 0);
}

static PyObject *on_reraise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                            PyObject *Py_UNUSED(names))
{
    struct event event;
    if (make_event(&event, args, n, RL_EVENT_RAISE) && PyVectorcall_NARGS(n) >= 3) {
        event.arg = args[2];
        event.is_again = 1;
        (void)recording_event(&event);
    }
    Py_RETURN_NONE;
}

static PyObject *on_handled(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                            PyObject *Py_UNUSED(names))
{
    struct event event;
    if (make_event(&event, args, n, RL_EVENT_HANDLED) && PyVectorcall_NARGS(n) >= 3 &&
        PyLong_CheckExact(args[1])) {
        Py_ssize_t offset = PyLong_AsSsize_t(args[1]);
        int line = PyCode_Addr2Line(event.code, (int)offset + (int)sizeof(_Py_CODEUNIT));
        if (native_is_handler(event.code, offset)) {
            event.arg = args[2];
            event.line = line > 0 ? (uint32_t)line : 0;
            event.handler = (int)offset + 1;
            (void)recording_event(&event);
        }
    }
    Py_RETURN_NONE;
}

static PyObject *on_line(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                         PyObject *Py_UNUSED(names))
{
    struct event event;
    if (__builtin_expect(!make_event(&event, args, n, RL_EVENT_LINE), 0)) {
        Py_RETURN_NONE;
    }
    event.kind = RL_EVENT_LINE;
    event.line = LONG_COUNT(args[1]) == 1 ? LONG_DIGITS(args[1])[0] : 0;
    return answer(recording_event(&event));
}

/* LINE is silent about a loop that stays on its line; a jump back within one tells of each turn. */
static PyObject *on_jump(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                         PyObject *Py_UNUSED(names))
{
    struct event event;
    if (!make_event(&event, args, n, RL_EVENT_LINE) || PyVectorcall_NARGS(n) < 3 ||
        !PyLong_CheckExact(args[1]) || !PyLong_CheckExact(args[2])) {
        Py_RETURN_NONE;
    }
    Py_ssize_t from = PyLong_AsSsize_t(args[1]), to = PyLong_AsSsize_t(args[2]);
    int line = to <= from ? PyCode_Addr2Line(event.code, (int)to) : 0;
    if (line <= 0 || line != PyCode_Addr2Line(event.code, (int)from)) {
        return Py_NewRef(disable);
    }
    event.line = (uint32_t)line;
    return answer(recording_event(&event));
}

static PyObject *on_native(PyObject *const *args, size_t n, unsigned kind)
{
    native_frame *frame = current();
    if (PyVectorcall_NARGS(n) >= 3 && frame != NULL && (PyObject *)native_code(frame) == args[0]) {
        recording_native(kind, args[2], frame);
    }
    Py_RETURN_NONE;
}

static PyObject *on_c_call(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                           PyObject *Py_UNUSED(names))
{
    return on_native(args, n, RL_EVENT_C_CALL);
}

static PyObject *on_c_return(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                             PyObject *Py_UNUSED(names))
{
    return on_native(args, n, RL_EVENT_C_RETURN);
}

static PyObject *on_c_raise(PyObject *Py_UNUSED(self), PyObject *const *args, size_t n,
                            PyObject *Py_UNUSED(names))
{
    return on_native(args, n, RL_EVENT_C_RAISE);
}

static const struct handler {
    const char *event; /* its name in sys.monitoring.events */
    vectorcallfunc function;
    int is_native;
} handlers[] = {
    {"PY_START", on_start, 0},
    {"PY_RETURN", on_return, 0},
    {"PY_YIELD", on_yield, 0},
    {"PY_RESUME", on_resume, 0},
    {"PY_THROW", on_throw, 0},
    {"PY_UNWIND", on_unwind, 0},
    {"LINE", on_line, 0},
    {"JUMP", on_jump, 0},
    {"RAISE", on_raise, 0},
    {"RERAISE", on_reraise, 0},
    {"EXCEPTION_HANDLED", on_handled, 0},
    {"CALL", on_c_call, 1},
    {"C_RETURN", on_c_return, 1},
    {"C_RAISE", on_c_raise, 1},
};
#define HANDLERS (sizeof handlers / sizeof *handlers)

static int probe(char *why, size_t size)
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
    return handler->function == on_line || handler->function == on_jump;
}

/* C_RETURN and C_RAISE come with CALL; they cannot be asked for alone. Lines are asked for code by
 * code. */
static int is_on_from_the_start(const struct handler *handler)
{
    return !is_of_lines(handler) && (!handler->is_native || handler->function == on_c_call);
}

static int register_all(int c_calls)
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

/* Its code object dies, or is about to be put there again. */
static void forget_lines(void *code)
{
    (void)u64map_remove(&with_lines, (uintptr_t)code, NULL);
}

/* The program must find no object of ours, so code is known by its address alone. That lies in the
 * code's co_extra too: its free function gets nothing else to tell the code by. */
static int remember_lines(PyCodeObject *code)
{
    if (with_lines_at < 0 && (with_lines_at = compat_request_extra_index(forget_lines)) < 0) {
        return -1;
    }
    return compat_set_extra((PyObject *)code, with_lines_at, code) != 0
               ? -1
               : u64map_put(&with_lines, (uintptr_t)code, 0);
}

/* Off and on: events that an earlier recording has left disabled come back only so. */
static void want_lines(PyCodeObject *code)
{
    if (remember_lines(code) != 0 || monitoring_set_local(tool_id, code, 0) != 0 ||
        monitoring_set_local(tool_id, code, line_events) != 0) {
        PyErr_Clear();
    }
}

/* Some versions leave local events behind when a tool id is freed. Code that dies meanwhile leaves
 * the table; entries move only towards the place that is looked at. */
static void drop_lines(void)
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

static void stop(void)
{
    if (tool_id >= 0) {
        drop_lines();
        monitoring_free(tool_id);
        tool_id = -1;
    }
}

static int start(const struct backend_start *options)
{
    disable = monitoring_disable();
    if (disable == NULL || monitoring_take(options->tool_id, &tool_id) != 0) {
        return -1;
    }
    if (register_all(options->c_calls) != 0 || monitoring_restart() != 0) {
        stop();
        return -1;
    }
    return 0;
}

/* The program may free our id, take it, or switch its events off. */
static int taken(void)
{
    return !monitoring_is_ours(tool_id);
}

/* Which code is wanted may differ in the child's recording; nothing else does. */
static void after_fork(void)
{
    if (monitoring_restart() != 0) {
        PyErr_Clear();
    }
}

#else

static int probe(char *why, size_t size)
{
    (void)snprintf(why, size,
                   IS_FREE_THREADED ? "free-threaded builds are not supported yet"
                                    : "sys.monitoring exists from 3.12 on");
    return 0;
}

static int start(const struct backend_start *options)
{
    (void)options;
    PyErr_SetString(PyExc_RuntimeError, "sys.monitoring does not exist on this version");
    return -1;
}

static void stop(void) {}

static int taken(void)
{
    return 0;
}

static void after_fork(void) {}

static void want_lines(PyCodeObject *code)
{
    (void)code;
}

#endif

const struct backend backend_monitoring = {
    .name = "monitoring",
    .capabilities = SEES_THROW | SEES_C_CALLS | SEES_RUNNING_END | SEES_RUNNING_THREADS |
                    SEES_EXC_TYPE | SEES_RAISE | SEES_LINES | CALL_HAS_CELLS,
    .empty_callback_ns = 11,
    .probe = probe,
    .start = start,
    .stop = stop,
    .taken = taken,
    .want_lines = want_lines,
    .after_fork = after_fork,
};
