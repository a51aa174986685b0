/* Why: see tap.h. Everything that one event needs is put together once, for all sinks that want it.
 */
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

static PyObject *sinks; /* process-wide, owned: a tuple of them */
/* Called as traceback(kind, code, line, exception or None, whether the event before in this thread
 * was one of an exception too); a str or None. */
static PyObject *traceback_of; /* process-wide, owned */
static unsigned wants;         /* TOLD_LOCALS, ...: what any of them wants */
static struct u64map began;    /* frame -> ticks of its call */

/* Of the code that was met last, by its id: the module's name. */
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

/* Of the code that the frame runs; borrowed, NULL where it has none. */
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

static int is_told(unsigned kind)
{
    return (kind >= RL_EVENT_CALL && kind <= RL_EVENT_LINE) || kind == RL_EVENT_RUNNING;
}

/* The last event of these rows that a listener is told of. */
static int find_told(const uint8_t *row, const uint8_t *end, struct told *told)
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
            if (is_told(kind)) {
                /* a generator that was suspended before the recording goes on */
                kind = kind == RL_EVENT_RUNNING ? RL_EVENT_RESUME : kind;
                told->kind = kind;
                told->ticks = first; /* since the lane's base */
                told->frame = get64(row + RL_ROW_FRAME);
                told->values = values;
                is_found = 1;
            }
            values = (struct bytes_in){0};
        }
        row += (size_t)units * RL_ROW_BYTES;
    }
    return is_found;
}

/* ---- what is not in the rows ---- */

static int is_exception(unsigned kind)
{
    return kind == RL_EVENT_UNWIND || kind == RL_EVENT_RAISE || kind == RL_EVENT_HANDLED ||
           kind == RL_EVENT_THROW;
}

/* Appends what was captured. */
static void put_more(struct thread *t, struct capture *c)
{
    bytes_put(&t->told, c->bytes, capture_size(c));
}

/* The variables of the frame as the filter has them, one after the other by slot. */
static void put_locals(struct thread *t, const struct event *event, struct told *told)
{
    enum { PIECE = 2048 }; /* so much at once: the rest of the room is for long values */
    PyCodeObject *code = event->code;
    const struct policy *policy = policy_of(told->code_id);
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
    told->local_bytes = t->told.len;
}

/* What the row of an exception that goes on through its frames leaves out. */
static void put_exception(struct thread *t, const struct event *event, const struct told *told)
{
    struct capture *c = NULL;
    int has_none = bytes_left(&told->values) == 0 || *told->values.at == RL_VALUE_UNSET;
    if (has_none && event->arg != NULL) {
        c = rows_capture(t, policy_of(told->code_id));
    }
    if (c != NULL) {
        capture_exception(c, event->arg, event->raw, 0);
        put_more(t, c);
    }
}

/* A line, or minus an offset in the code that it can be found by. */
static int place_of(native_frame *frame)
{
    int offset = native_byte_offset(frame);
    return offset >= 0 ? -offset : native_code(frame)->co_firstlineno;
}

/* How long the frame has run, where it ends. */
static uint64_t duration_of(const struct told *told)
{
    uint64_t since = 0;
    if (told->kind == RL_EVENT_CALL) {
        (void)u64map_put(&began, told->frame, told->ticks);
    } else if ((told->kind == RL_EVENT_RETURN || told->kind == RL_EVENT_UNWIND) &&
               u64map_remove(&began, told->frame, &since)) {
        return told->ticks - since;
    }
    return TOLD_NO_DURATION;
}

/* A new str, or NULL. */
static PyObject *ask_traceback(struct thread *t, const struct event *event, unsigned kind)
{
    int goes_on = t->was_exception;
    t->was_exception = is_exception(kind);
    if (!t->was_exception || !(wants & TOLD_EXCEPTIONS)) {
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

/* Completes what sinks are told; *traceback and *name are what the caller must drop. */
static void describe(struct thread *t, const struct event *event, struct told *told, PyObject *task,
                     PyObject **name)
{
    native_frame *caller = frames_caller(event->frame);
    told->line = told->kind == RL_EVENT_LINE   ? (int)event->line
                 : told->kind == RL_EVENT_CALL ? event->code->co_firstlineno
                                               : place_of(event->frame);
    if (caller != NULL) {
        told->caller = native_code(caller);
        told->caller_line = place_of(caller);
    }
    if (task != NULL) {
        told->task = *name = loops_task_name(t);
    }
    bytes_out_reset(&t->told);
    int is_same = told->thread >> 32 == recording.stamp >> 32; /* Python may have run */
    if (is_same && wants & TOLD_LOCALS && event->code->co_flags & CO_OPTIMIZED) {
        told->has_locals = 1;
        /* A function that begins has no variables but its parameters. */
        if (told->kind != RL_EVENT_CALL || bytes_left(&told->values) == 0) {
            put_locals(t, event, told);
        }
    }
    if (is_same && is_exception(told->kind)) {
        put_exception(t, event, told);
    }
    told->more = bytes_in_of(t->told.data, t->told.len);
    told->ident = PyThread_get_thread_ident();
}

/* ---- telling ---- */

/* The row's values, in memory of our own: the row goes when the recording stops. */
static void keep_values(struct thread *t, struct told *told)
{
    size_t n = bytes_left(&told->values);
    bytes_out_reset(&t->told_values);
    if (n != 0) {
        bytes_put(&t->told_values, told->values.at, n);
    }
    told->values = bytes_in_of(t->told_values.data, t->told_values.failed ? 0 : n);
}

static void tell(struct thread *t, const struct event *event, struct told *told)
{
    PyObject *name = NULL, *all = sinks;
    struct pyerror error = {0};
    int is_raised = is_exception(told->kind) && PyErr_Occurred() != NULL;
    if (is_raised) {
        error = pyerror_take();
    }
    uint64_t gate = gate_suppress(t);
    uint64_t stamp = recording.stamp;
    Py_INCREF(all);
    recording.outside++;
    told->code = event->code;
    told->thread = recording.stamp | t->lane.thread;
    told->code_id = CODE_ID(codeinfo_get(event->code));
    told->module = module_of(told->code_id, event->frame);
    Py_XINCREF(told->module); /* other threads may set other sinks while Python runs */
    keep_values(t, told);
    told->traceback = ask_traceback(t, event, told->kind); /* owned */
    PyObject *task = loops_task();                         /* owned, or NULL */
    int is_described = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all); i++) {
        struct sink *sink = (struct sink *)PyTuple_GET_ITEM(all, i);
        if (!sink_wants(sink, told->kind, told->code_id, told->module)) {
            continue;
        }
        if (recording.stamp != stamp) {
            break; /* another thread has stopped the recording that names all this */
        }
        if (!is_described) {
            told->duration = duration_of(told);
            describe(t, event, told, task, &name);
            is_described = 1;
        }
        sink_take(sink, told, task);
    }
    Py_XDECREF(task);
    Py_XDECREF(name);
    Py_XDECREF(told->traceback);
    Py_XDECREF(told->module);
    Py_DECREF(all);
    recording.outside--;
    gate_resume(t, gate);
    if (is_raised) {
        pyerror_put_back(&error);
    }
}

static enum verdict tap_event(struct thread *t, const struct event *event)
{
    uint64_t chunk = t->lane.chunk;
    const uint8_t *cur = t->lane.cur;
    struct told told = {0};
    Py_INCREF(event->code);
    if (t->gate == GATE_TAP) {
        gate_open(t);
    }
    enum verdict verdict = recording_event(event);
    if (t->lane.recorder != NULL && t->lane.cur != NULL) {
        const uint8_t *begin = chunk == t->lane.chunk && cur != NULL ? cur : t->lane.rows;
        if (find_told(begin, t->lane.cur, &told)) {
            told.ticks += t->lane.base;
            if (told.kind == RL_EVENT_LINE) {
                told.frame = frames_top(t);
            }
            tell(t, event, &told);
        }
    }
    Py_DECREF(event->code);
    if (gate_is_open(t) && listener.is_on) {
        gate_tap(t);
    }
    return verdict;
}

/* ---- for Python ---- */

static PyObject *tap(PyObject *module, PyObject *args)
{
    PyObject *list, *function;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &list, &function)) {
        return NULL;
    }
    wants = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list); i++) {
        if (!sink_check(PyTuple_GET_ITEM(list, i))) {
            PyErr_SetString(PyExc_TypeError, "a tuple of sinks is wanted");
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
        told_clock_begin();
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

static PyObject *suppress(PyObject *module, PyObject *flag)
{
    (void)module;
    return PyBool_FromLong(tap_suppress(PyObject_IsTrue(flag) == 1));
}

static PyMethodDef methods[] = {
    {"tap", tap, METH_VARARGS, "Sets the sinks that are told; an empty tuple takes them away."},
    {"suppress", suppress, METH_O, "Nothing of this thread is recorded, until it is undone."},
    {NULL, NULL, 0, NULL},
};

int tap_add(PyObject *module)
{
    listener.event = tap_event;
    listener.forget = names_forget;
    listener.forked = names_forked;
    return told_event_add(module) != 0 || sink_add(module) != 0
               ? -1
               : PyModule_AddFunctions(module, methods);
}
