/* Why: callbacks must see what the file gets: the same filters, the same skipped calls. So an event
 * is recorded first, and its own rows are read back and completed, once for all sinks.
 *
 *   tap_event(): remember lane.cur
 *     |
 *   recording_event(event) ------> ... | DATA values | CALL frame |
 *     |                                ^ old lane.cur              ^ lane.cur
 *   find_last_event(): reads the rows between; none of them is deliverable -> nothing to do
 *     |
 *   deliver_event(): suppresses recording, saves the current exception
 *     |-- keep_values()        copies the values: rows are freed when the recording stops
 *     |-- format_traceback()   calls Python, if an exception is wanted
 *     |-- for each sink that wants it: complete_event() once, then sink_take()
 *     v
 *   restores the exception and the gate
 *
 * Invariants:
 * - If the event took a new chunk (lane.chunk changed), its rows begin at lane.rows.
 * - Python may run at each call of a sink, so other threads may stop the recording or set other
 *   sinks. deliver_event() holds its own references, and stops when recording.stamp changes.
 * - Callbacks never see events of callbacks: the gate is SUPPRESSED meanwhile.
 *
 * Threads: any thread that is recorded, under the GIL. All threads share the variables below. */
#include "tap.h"

#include <string.h>

#include "capture.h"
#include "door.h"
#include "gate.h"
#include "loops.h"
#include "open_frames.h"
#include "pairs.h"
#include "policy.h"
#include "pyerror.h"
#include "pyframe.h"
#include "pytext.h"
#include "rows.h"
#include "sink.h"
#include "state.h"
#include "traced_threads.h"
#include "word.h"

#include "alloc.h"
#include "value.h"

static PyObject *sinks; /* process-wide, owned: a tuple */
/* Called as traceback(kind, code, line, exception or None, follows): a str or None. `follows` is 1
 * where the event before in this thread was one of an exception, too. */
static PyObject *traceback_of; /* process-wide, owned */
static unsigned wants;         /* SINK_LOCALS, ...: what any sink wants */
static struct u64map began;    /* frame -> ticks of its call */

/* Cache: the module's name of the last code object met for each code_id % MODULES. */
enum { MODULES = 1024 };
static struct module_of {
    uint32_t code_id;
    PyObject *name; /* owned, or NULL */
} modules[MODULES];

static void forget_modules(void)
{
    for (size_t i = 0; i < MODULES; i++) {
        Py_CLEAR(modules[i].name);
    }
}

/* Returns the name of the frame's module: borrowed, NULL where it has none. */
static PyObject *module_of(uint32_t code_id, native_frame *frame)
{
    struct module_of *known = &modules[code_id % MODULES];
    if (known->name == NULL || known->code_id != code_id) {
        PyObject *name = pytext_module(native_globals(frame));
        Py_XINCREF(name);
        known->code_id = code_id;
        Py_XSETREF(known->name, name);
    }
    return known->name;
}

/* ---- rows ---- */

static int is_delivered_kind(unsigned kind)
{
    return (kind >= RL_EVENT_CALL && kind <= RL_EVENT_LINE) || kind == RL_EVENT_RUNNING;
}

/* Reads the last event of these rows that callbacks get. Returns 0 where there is none. */
static int find_last_event(const uint8_t *row, const uint8_t *end, struct sink_event *captured)
{
    struct bytes_in values = {0};
    int is_found = 0;
    while (row < end) {
        uint32_t first = get32(row + RL_ROW_TICKS);
        unsigned kind = get32(row + RL_ROW_KIND) >> RL_ID_BITS;
        uint32_t units = row_units(kind, first);
        if (kind == RL_ROW_DATA) {
            values = bytes_in_of(row + RL_ROW_FRAME, first);
        } else if (kind < RL_EVENT_KINDS) {
            if (is_delivered_kind(kind)) {
                /* a generator that was suspended before the recording began now runs again */
                kind = kind == RL_EVENT_RUNNING ? RL_EVENT_RESUME : kind;
                captured->kind = kind;
                captured->ticks = first; /* since the lane's base */
                captured->frame = get64(row + RL_ROW_FRAME);
                captured->values = values;
                is_found = 1;
            }
            values = (struct bytes_in){0};
        }
        row += (size_t)units * RL_ROW_BYTES;
    }
    return is_found;
}

/* ---- what is not in the rows ---- */

/* Appends the bytes of a capture to the thread's buffer. */
static void put_more(struct thread *t, struct capture *c)
{
    bytes_put(&t->callback_more, c->bytes, capture_size(c));
}

/* Captures the frame's variables by slot, filtered like recorded ones. */
static void put_locals(struct thread *t, const struct event *event, struct sink_event *captured)
{
    enum { PIECE = 2048 }; /* flushed beyond this size; the rest of the buffer is for long values */
    PyCodeObject *code = event->code;
    const struct policy *policy = policy_of(captured->code_id);
    Py_ssize_t filtered = policy != NULL && policy->slots != NULL ? policy->slot_count : 0;
    struct capture *c = rows_capture_always(t, policy);
    if (c == NULL) {
        return;
    }
    for (Py_ssize_t slot = 0, count = native_slots(code); slot < count; slot++) {
        PyObject *value = frame_variable(code, event->frame, slot); /* borrowed */
        if (slot < filtered && value != NULL) {
            capture_filtered(
                c, value,
                pairs_slot(policy, policy->slots, (uint32_t)slot, code, event->frame, value));
        } else {
            capture_value(c, value);
        }
        if (c->p - c->bytes > PIECE) {
            put_more(t, c);
            c = rows_capture_always(t, policy);
        }
    }
    put_more(t, c);
    captured->local_bytes = t->callback_more.len;
}

/* Captures the exception where the row has none: rows omit it while it unwinds more frames. */
static void put_exception(struct thread *t, const struct event *event,
                          const struct sink_event *captured)
{
    struct capture *c = NULL;
    int has_none = bytes_left(&captured->values) == 0 || *captured->values.at == RL_VALUE_UNSET;
    if (has_none && event->arg != NULL) {
        c = rows_capture(t, policy_of(captured->code_id));
    }
    if (c != NULL) {
        capture_exception(c, event->arg, event->raw, 0);
        put_more(t, c);
    }
}

/* Returns a line, or minus a byte offset, from which an event finds its line on demand. */
static int get_place(native_frame *frame)
{
    int offset = native_byte_offset(frame);
    return offset >= 0 ? -offset : native_code(frame)->co_firstlineno;
}

/* Returns how long the frame has run, at its end. Remembers its begin at a call. */
static uint64_t duration_of(const struct sink_event *captured)
{
    uint64_t since = 0;
    if (captured->kind == RL_EVENT_CALL) {
        (void)u64map_put(&began, captured->frame, captured->ticks);
    } else if ((captured->kind == RL_EVENT_RETURN || captured->kind == RL_EVENT_UNWIND) &&
               u64map_remove(&began, captured->frame, &since)) {
        return captured->ticks - since;
    }
    return SINK_NO_DURATION;
}

/* Returns the traceback's text from Python: a new str, or NULL. */
static PyObject *format_traceback(struct thread *t, const struct event *event, unsigned kind)
{
    int goes_on = t->was_exception;
    t->was_exception = sink_kind_is_exception(kind);
    if (!t->was_exception || !(wants & SINK_EXCEPTIONS)) {
        return NULL;
    }
    PyObject *raised = event->arg != NULL ? event->arg : Py_None;
    PyObject *text = PyObject_CallFunction(traceback_of, "IOiOi", kind, event->code,
                                           native_line(event->frame), raised, goes_on);
    if (text == NULL) {
        PyErr_WriteUnraisable(traceback_of);
    } else if (!PyUnicode_CheckExact(text)) {
        Py_CLEAR(text);
    }
    return text;
}

/* Adds what is not in the rows: lines, caller, task, local variables. Sets *name to a new reference
 * to the task's name, or leaves it. */
static void complete_event(struct thread *t, const struct event *event, struct sink_event *captured,
                           PyObject *task, PyObject **name)
{
    native_frame *caller = frames_caller(event->frame);
    captured->line = captured->kind == RL_EVENT_LINE   ? (int)event->line
                     : captured->kind == RL_EVENT_CALL ? event->code->co_firstlineno
                                                       : get_place(event->frame);
    if (caller != NULL) {
        captured->caller = native_code(caller);
        captured->caller_line = get_place(caller);
    }
    if (task != NULL) {
        captured->task = *name = loops_task_name(t);
    }
    bytes_out_reset(&t->callback_more);
    int is_same = captured->thread >> 32 == recording.stamp >> 32; /* Python may have run */
    if (is_same && wants & SINK_LOCALS && event->code->co_flags & CO_OPTIMIZED) {
        captured->has_locals = 1;
        /* A function that begins has no variables but its parameters. */
        if (captured->kind != RL_EVENT_CALL || bytes_left(&captured->values) == 0) {
            put_locals(t, event, captured);
        }
    }
    if (is_same && sink_kind_is_exception(captured->kind)) {
        put_exception(t, event, captured);
    }
    captured->more = bytes_in_of(t->callback_more.data, t->callback_more.len);
    captured->ident = PyThread_get_thread_ident();
}

/* ---- delivery ---- */

/* Copies the row's values into the thread: the row is freed when the recording stops. */
static void keep_values(struct thread *t, struct sink_event *captured)
{
    size_t n = bytes_left(&captured->values);
    bytes_out_reset(&t->callback_values);
    if (n != 0) {
        bytes_put(&t->callback_values, captured->values.at, n);
    }
    captured->values = bytes_in_of(t->callback_values.data, t->callback_values.failed ? 0 : n);
}

/* Delivers one event to every sink that wants it. The current exception stays as it was. */
static void deliver_event(struct thread *t, const struct event *event, struct sink_event *captured)
{
    PyObject *name = NULL, *all = sinks;
    struct pyerror error = {0};
    int is_raised = sink_kind_is_exception(captured->kind) && PyErr_Occurred() != NULL;
    if (is_raised) {
        error = pyerror_take();
    }
    uint64_t gate = gate_suppress(t);
    uint64_t stamp = recording.stamp;
    Py_INCREF(all);
    recording.outside++;
    captured->code = event->code;
    captured->thread = recording.stamp | t->lane.thread;
    captured->code_id = CODE_ID(codeinfo_get(event->code));
    captured->module = module_of(captured->code_id, event->frame);
    Py_XINCREF(captured->module); /* other threads may set other sinks while Python runs */
    keep_values(t, captured);
    captured->traceback = format_traceback(t, event, captured->kind); /* owned */
    PyObject *task = loops_task();                                    /* owned, or NULL */
    int is_described = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all); i++) {
        struct sink *sink = (struct sink *)PyTuple_GET_ITEM(all, i);
        if (!sink_wants(sink, captured->kind, captured->code_id, captured->module)) {
            continue;
        }
        if (recording.stamp != stamp) {
            break; /* another thread has stopped the recording that names all this */
        }
        if (!is_described) {
            captured->duration = duration_of(captured);
            complete_event(t, event, captured, task, &name);
            is_described = 1;
        }
        sink_take(sink, captured, task);
    }
    Py_XDECREF(task);
    Py_XDECREF(name);
    Py_XDECREF(captured->traceback);
    Py_XDECREF(captured->module);
    Py_DECREF(all);
    recording.outside--;
    gate_resume(t, gate);
    if (is_raised) {
        pyerror_put_back(&error);
    }
}

/* Records an event, then delivers it (listener.event). */
static enum verdict tap_event(struct thread *t, const struct event *event)
{
    uint64_t chunk = t->lane.chunk;
    const uint8_t *cur = t->lane.cur;
    struct sink_event captured = {0};
    Py_INCREF(event->code);
    if (t->gate == GATE_TAP) {
        gate_open(t);
    }
    enum verdict verdict = recording_event(event);
    if (t->lane.recorder != NULL && t->lane.cur != NULL) {
        const uint8_t *begin = chunk == t->lane.chunk && cur != NULL ? cur : t->lane.rows;
        if (find_last_event(begin, t->lane.cur, &captured)) {
            captured.ticks += t->lane.base;
            if (captured.kind == RL_EVENT_LINE) {
                captured.frame = frames_top(t);
            }
            deliver_event(t, event, &captured);
        }
    }
    Py_DECREF(event->code);
    if (gate_is_open(t) && listener.is_on) {
        gate_tap(t);
    }
    return verdict;
}

/* ---- for Python ---- */

static PyObject *set_sinks(PyObject *module, PyObject *args)
{
    PyObject *list, *function;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &list, &function)) {
        return NULL;
    }
    wants = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list); i++) {
        if (!sink_check(PyTuple_GET_ITEM(list, i))) {
            PyErr_SetString(PyExc_TypeError, "expected a tuple of sinks");
            return NULL;
        }
        wants |= sink_flags((struct sink *)PyTuple_GET_ITEM(list, i));
    }
    Py_INCREF(list);
    Py_XSETREF(sinks, list);
    Py_INCREF(function);
    Py_XSETREF(traceback_of, function);
    listener.is_on = PyTuple_GET_SIZE(list) != 0;
    u64map_clear(&began);
    forget_modules();
    if (listener.is_on) {
        sink_clock_begin();
    }
    threads_recheck();
    Py_RETURN_NONE;
}

int tap_suppress(int is_on)
{
    struct thread *t = threads_own();
    if (t != NULL && is_on) {
        (void)gate_suppress(t);
    } else if (t != NULL) {
        gate_resume(t, GATE_CLOSED);
    }
    return t != NULL;
}

static PyObject *set_suppressed(PyObject *module, PyObject *flag)
{
    (void)module;
    return PyBool_FromLong(tap_suppress(PyObject_IsTrue(flag) == 1));
}

static PyMethodDef methods[] = {
    {"tap", set_sinks, METH_VARARGS,
     "Sets the sinks that get events; an empty tuple removes them."},
    {"suppress", set_suppressed, METH_O,
     "Suppresses recording in this thread (True), or ends it (False)."},
    {NULL, NULL, 0, NULL},
};

int tap_add(PyObject *module)
{
    listener.event = tap_event;
    listener.forget = names_forget;
    listener.forked = names_forked;
    return sink_event_add(module) != 0 || sink_add(module) != 0
               ? -1
               : PyModule_AddFunctions(module, methods);
}
