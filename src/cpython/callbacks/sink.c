/* Why: the cost of a callback backend is the Python code that runs for each event. So C does what
 * happens for every event, and Python what is rare or belongs to the user.
 *
 *                          per event, in C                        Python
 *
 *   sink_wants() ------ kind bit; decision of this code? --no-->  decide(module), once per code
 *                              |
 *   sink_take() ------- same thread and task as before? ---no-->  context.state()
 *                              |
 *   accept_event() ---- make the event, if it is needed now
 *                              |-- event_filter, if there is one ->  event_filter(event)
 *                              |-- keep it, up to max_events
 *                              |
 *             batch == 0       +-- call_callback() ------------->  callback(event)
 *             batch != 0       +-- queue_event() ... full? ----->  wake()
 *                                       |
 *   the drain's thread:                 +-- take_waiting() ------>  list of events
 *
 * The queue is one buffer of entries without gaps; an entry that is not an event yet is followed by
 * the captured bytes:
 *
 *   | struct queued | values, more, padding to 8 | struct queued | struct queued | values, ...
 *     event == NULL                                event != NULL
 *
 * Invariants:
 * - Each entry owns its references. take_waiting() empties the queue before it makes any event, as
 *   that may run Python, which may queue more.
 * - After any call of Python, what the sink knew may have changed: state_*, wanted, the recording.
 *   accept_event() drops an event whose recording has ended.
 * - After ERRORS_MOST errors the callback is not called any more.
 *
 * Threads: every thread of the program delivers here, one at a time, under the GIL. */
#include "sink.h"

#include <stddef.h>
#include <string.h>

#include "pyerror.h"
#include "state.h"

#include "alloc.h"
#include "clock.h"

enum { KINDS = RL_EVENT_LINE + 1, ERRORS_MOST = 10 };

/* Cache of decisions: the last code object met for each code_id % WANTED. */
enum { WANTED = 1024 };
struct wanted {
    uint32_t code_id, is_known, is_wanted;
};

struct sink {
    PyObject_HEAD
        /* owned; None or NULL where there is none */
        PyObject *callback,
        *event_filter; /* callback(event), event_filter(event) */
    PyObject *decide;  /* decide(module): whether its events are wanted */
    PyObject *failed;  /* failed(name of the function, exception) */
    PyObject *context; /* has state() and thread_state(): objects with a trace_id
                          and a list `events` */
    PyObject *wake;    /* wake(): a list of `batch` events waits */
    PyObject *type;    /* of the events */
    PyObject *events;  /* a list */
    unsigned kinds;    /* a bit for each */
    unsigned flags, max_repr;
    Py_ssize_t max_events, batch, waiting, most_waiting;
    struct bytes_out queue; /* those that wait: struct queued, one after the other */
    struct wanted wanted[WANTED];
    /* cache of the last event's thread or task, and of its objects in Python */
    uint64_t state_thread;
    PyObject *state_task;                 /* owned weak reference, or NULL outside of tasks */
    PyObject *state_events, *state_trace; /* owned, or NULL: not known */
    uint64_t counts[KINDS], filtered, overflowed, errors, callback_ticks, backend_ticks;
};

static PyTypeObject *sink_type; /* process-wide, owned */

int sink_check(PyObject *object)
{
    return Py_TYPE(object) == sink_type;
}

unsigned sink_flags(const struct sink *sink)
{
    return sink->flags;
}

static PyObject *call_function(PyObject *function, PyObject *argument, PyObject *other)
{
    return PyObject_CallFunctionObjArgs(function, argument, other, NULL);
}

/* ---- which events ---- */

/* Returns what decide() answers for a module; 0 on errors. */
static int decide_wanted(struct sink *sink, PyObject *module)
{
    PyObject *name = module != NULL ? module : PyUnicode_FromString("");
    PyObject *answer = name != NULL ? call_function(sink->decide, name, NULL) : NULL; /* owned */
    int is_wanted = answer != NULL && PyObject_IsTrue(answer) == 1;
    if (module == NULL) {
        Py_XDECREF(name);
    }
    Py_XDECREF(answer);
    PyErr_Clear();
    return is_wanted;
}

int sink_wants(struct sink *sink, unsigned kind, uint32_t code_id, PyObject *module)
{
    struct wanted *known = &sink->wanted[code_id % WANTED];
    if ((sink->kinds >> kind & 1) == 0) {
        return 0;
    }
    if (known->is_known && known->code_id == code_id) {
        return known->is_wanted != 0;
    }
    int is_wanted = decide_wanted(sink, module); /* Python runs: *known may change meanwhile */
    *known = (struct wanted){code_id, 1, (uint32_t)is_wanted};
    return is_wanted;
}

/* ---- the thread or task that it belongs to ---- */

static void forget_state(struct sink *sink)
{
    Py_CLEAR(sink->state_task);
    Py_CLEAR(sink->state_events);
    Py_CLEAR(sink->state_trace);
}

static int state_is_of(const struct sink *sink, uint64_t thread, PyObject *task)
{
    PyObject *known = sink->state_task != NULL ? compat_referent(sink->state_task) : NULL;
    return sink->state_trace != NULL && known == task && sink->state_thread == thread;
}

/* Makes state_* those of this thread or task. Returns -1 where its context failed. */
static int find_state(struct sink *sink, uint64_t thread, PyObject *task)
{
    if (state_is_of(sink, thread, task)) {
        return 0;
    }
    forget_state(sink);
    PyObject *state = PyObject_CallMethod(sink->context, task != NULL ? "state" : "thread_state",
                                          NULL); /* owned */
    PyObject *trace = state != NULL ? PyObject_CallMethod(state, "trace", NULL) : NULL;
    PyObject *events = trace != NULL ? PyObject_GetAttrString(state, "events") : NULL;
    PyObject *reference = events != NULL && task != NULL ? PyWeakref_NewRef(task, NULL) : NULL;
    Py_XDECREF(state);
    if (events == NULL || !PyList_Check(events) || (task != NULL && reference == NULL)) {
        Py_XDECREF(trace);
        Py_XDECREF(events);
        return -1;
    }
    forget_state(sink); /* Python ran */
    sink->state_task = reference;
    sink->state_trace = trace;
    sink->state_events = events;
    sink->state_thread = thread;
    return 0;
}

/* ---- the callback ---- */

/* Counts the current exception and passes it to failed(). KeyboardInterrupt is meant for the
 * program and is raised there. */
static void report_failure(struct sink *sink, const char *name)
{
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        PyErr_SetInterrupt(); /* it was meant for the program, which gets it next */
        return;
    }
    sink->errors++;
    struct pyerror error = pyerror_take_instance();
    PyObject *text = PyUnicode_FromString(name); /* owned */
    PyObject *done =
        text != NULL && error.value != NULL ? call_function(sink->failed, text, error.value) : NULL;
    if (done == NULL) {
        PyErr_WriteUnraisable(sink->failed);
    }
    Py_XDECREF(done);
    Py_XDECREF(text);
    pyerror_drop(&error);
}

/* Calls the callback with an event or a list of events, and adds up its time. */
static void call_callback(struct sink *sink, PyObject *event)
{
    PyObject *callback = sink->callback;
    if (sink->errors >= ERRORS_MOST) {
        return;
    }
    uint64_t began = clock_ticks();
    Py_INCREF(callback);
    PyObject *done = call_function(callback, event, NULL);
    Py_DECREF(callback);
    if (done == NULL) {
        report_failure(sink, "callback");
    }
    Py_XDECREF(done);
    sink->callback_ticks += clock_ticks() - began;
}

/* ---- what waits for the thread that drains it ---- */

/* An event, or what it will be made from; then the captured bytes follow. */
struct queued {
    PyObject *event;            /* owned; or NULL, and: */
    PyObject *trace;            /* owned */
    struct names *names;        /* a share */
    struct sink_event captured; /* its objects are owned here */
};

static size_t pad_size(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* Appends an entry, or counts it as lost where the queue is full. Wakes the drain's thread when a
 * batch is complete. */
static void queue_event(struct sink *sink, const struct queued *what)
{
    const struct sink_event *captured = &what->captured;
    size_t values = bytes_left(&captured->values), more = bytes_left(&captured->more);
    uint8_t *p = NULL;
    if (sink->waiting >= sink->most_waiting ||
        (p = bytes_room(&sink->queue, sizeof *what + pad_size(values + more))) == NULL) {
        sink->overflowed++;
        return;
    }
    struct queued *entry = (struct queued *)(void *)p;
    *entry = *what;
    Py_XINCREF(what->event);
    if (what->event == NULL) {
        p += sizeof *what;
        if (values != 0) {
            memcpy(p, captured->values.at, values);
        }
        if (more != 0) {
            memcpy(p + values, captured->more.at, more);
        }
        entry->names = names_share();
        Py_INCREF(what->trace);
        Py_INCREF(captured->code);
        Py_XINCREF(captured->caller);
        Py_XINCREF(captured->module);
        Py_XINCREF(captured->task);
        Py_XINCREF(captured->traceback);
    }
    sink->queue.len += sizeof *what + pad_size(values + more);
    if (++sink->waiting == sink->batch) {
        PyObject *done =
            call_function(sink->wake, NULL, NULL); /* once: the thread takes all that waits */
        Py_XDECREF(done);
    }
}

/* Returns the event of an entry and drops the entry's references. `p` points to its bytes. */
static PyObject *unqueue_event(struct sink *sink, struct queued *entry, const uint8_t *p)
{
    struct sink_event *captured = &entry->captured;
    size_t values = bytes_left(&captured->values), more = bytes_left(&captured->more);
    PyObject *event = entry->event;
    if (event == NULL) {
        captured->values = bytes_in_of(p, values);
        captured->more = bytes_in_of(p + values, more);
        event = sink_event_new((PyTypeObject *)sink->type, captured, entry->names, entry->trace,
                               sink->flags, sink->max_repr);
        Py_DECREF(entry->trace);
        Py_DECREF(captured->code);
        Py_XDECREF(captured->caller);
        Py_XDECREF(captured->module);
        Py_XDECREF(captured->task);
        Py_XDECREF(captured->traceback);
    }
    return event;
}

/* Empties the queue into a new list. Returns NULL without memory; the events are then counted as
 * lost. */
static PyObject *take_waiting(struct sink *sink)
{
    struct bytes_out taken = sink->queue;
    PyObject *list = PyList_New(0);
    memset(&sink->queue, 0, sizeof sink->queue);
    sink->waiting = 0;
    for (size_t at = 0; at < taken.len;) {
        struct queued *entry = (struct queued *)(void *)(taken.data + at);
        size_t bytes = bytes_left(&entry->captured.values) + bytes_left(&entry->captured.more);
        at += sizeof *entry;
        PyObject *event = unqueue_event(sink, entry, taken.data + at); /* owned */
        at += pad_size(bytes);
        if (event == NULL || list == NULL || PyList_Append(list, event) != 0) {
            PyErr_Clear();
            sink->overflowed++;
        }
        Py_XDECREF(event);
    }
    bytes_out_fini(&taken);
    return list != NULL ? list : PyErr_NoMemory();
}

/* ---- one event ---- */

/* Returns whether event_filter wants the event; after an error, it does. */
static int passes_filter(struct sink *sink, PyObject *event)
{
    PyObject *answer = call_function(sink->event_filter, event, NULL); /* owned */
    int is_wanted = answer != NULL ? PyObject_IsTrue(answer) : -1;
    if (is_wanted < 0) {
        report_failure(sink, "event_filter");
    }
    Py_XDECREF(answer);
    return is_wanted != 0;
}

/* Keeps the event for get_events(). Returns 0 without memory. */
static int keep_event(struct sink *sink, PyObject *event, PyObject *list)
{
    if (PyList_Append(list, event) != 0 || PyList_Append(sink->events, event) != 0) {
        PyErr_Clear();
        return 0;
    }
    return 1;
}

/* Delivers one event. `list` has the kept events of its thread or task. */
static void accept_event(struct sink *sink, const struct sink_event *captured, PyObject *list)
{
    int is_kept = PyList_GET_SIZE(list) < sink->max_events;
    if (captured->thread >> 32 != recording.stamp >> 32) {
        sink->overflowed++; /* Python ran and its recording has ended: its numbers mean nothing now
                             */
        return;
    }
    struct queued waits = {.trace = sink->state_trace, .captured = *captured};
    if (is_kept || sink->batch == 0 || sink->event_filter != Py_None) {
        waits.event = sink_event_new((PyTypeObject *)sink->type, captured, names_share(),
                                     waits.trace, sink->flags, sink->max_repr);
        if (waits.event == NULL) {
            PyErr_Clear();
            sink->overflowed++;
            return;
        }
        waits.captured.values = waits.captured.more = (struct bytes_in){0};
    }
    if (sink->event_filter != Py_None && !passes_filter(sink, waits.event)) {
        sink->filtered++;
    } else {
        sink->counts[captured->kind]++;
        sink->overflowed += !is_kept || !keep_event(sink, waits.event, list);
        if (sink->batch != 0) {
            queue_event(sink, &waits);
        } else if (sink->callback != Py_None) {
            call_callback(sink, waits.event);
        }
    }
    Py_XDECREF(waits.event);
}

void sink_take(struct sink *sink, const struct sink_event *captured, PyObject *task)
{
    Py_INCREF(sink);
    if (find_state(sink, captured->thread, task) == 0) {
        PyObject *list = sink->state_events;
        Py_INCREF(list);
        accept_event(sink, captured, list);
        Py_DECREF(list);
    } else {
        PyErr_WriteUnraisable(sink->context);
    }
    sink->backend_ticks += clock_ticks() - captured->ticks;
    Py_DECREF(sink);
}

/* ---- for Python ---- */

static PyObject *sink_forget(struct sink *self, PyObject *ignored)
{
    (void)ignored;
    forget_state(self);
    Py_RETURN_NONE;
}

static PyObject *sink_begin(struct sink *self, PyObject *ignored)
{
    (void)ignored;
    memset(self->wanted, 0, sizeof self->wanted);
    Py_RETURN_NONE;
}

static PyObject *sink_clear_events(struct sink *self, PyObject *ignored)
{
    (void)ignored;
    PyObject *fresh = PyList_New(0), *before = self->events;
    if (fresh == NULL) {
        return NULL;
    }
    self->events = fresh;
    Py_DECREF(before);
    memset(self->counts, 0, sizeof self->counts);
    self->filtered = self->overflowed = self->errors = 0;
    self->callback_ticks = self->backend_ticks = 0;
    Py_RETURN_NONE;
}

static PyObject *sink_events(struct sink *self, PyObject *ignored)
{
    (void)ignored;
    return PyList_GetSlice(self->events, 0, PyList_GET_SIZE(self->events));
}

static PyObject *sink_take_waiting(struct sink *self, PyObject *ignored)
{
    (void)ignored;
    return take_waiting(self);
}

/* Delivers a list of events; the drain calls this in its own thread, which is not recorded. */
static PyObject *sink_tell(struct sink *self, PyObject *events)
{
    call_callback(self, events);
    Py_RETURN_NONE;
}

static PyObject *sink_stats(struct sink *self, PyObject *ignored)
{
    (void)ignored;
    PyObject *counts = PyTuple_New(KINDS);
    for (int i = 0; counts != NULL && i < KINDS; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(self->counts[i]);
        if (number == NULL) {
            Py_CLEAR(counts);
        } else {
            PyTuple_SET_ITEM(counts, i, number);
        }
    }
    return counts == NULL
               ? NULL
               : Py_BuildValue("(NnKKKdd)", counts, PyList_GET_SIZE(self->events),
                               (unsigned long long)self->filtered,
                               (unsigned long long)self->overflowed,
                               (unsigned long long)self->errors, sink_seconds(self->callback_ticks),
                               sink_seconds(self->backend_ticks));
}

static int sink_init(struct sink *self, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"callback",   "event_filter", "decide",       "failed", "context",
                               "wake",       "type",         "kinds",        "flags",  "max_repr",
                               "max_events", "batch",        "most_waiting", NULL};
    PyObject *o[7];
    if (!PyArg_ParseTupleAndKeywords(args, names, "OOOOOOOIIInnn", keywords, &o[0], &o[1], &o[2],
                                     &o[3], &o[4], &o[5], &o[6], &self->kinds, &self->flags,
                                     &self->max_repr, &self->max_events, &self->batch,
                                     &self->most_waiting)) {
        return -1;
    }
    if (self->events != NULL || !PyType_Check(o[6])) {
        PyErr_SetString(PyExc_TypeError, "a sink is initialized once, with a type of events");
        return -1;
    }
    PyObject **const into[] = {&self->callback, &self->event_filter, &self->decide, &self->failed,
                               &self->context,  &self->wake,         &self->type};
    for (size_t i = 0; i < sizeof into / sizeof *into; i++) {
        Py_INCREF(o[i]);
        *into[i] = o[i];
    }
    self->events = PyList_New(0);
    return self->events != NULL ? 0 : -1;
}

static int visit_waiting(const struct sink *self, visitproc visit, void *arg)
{
    for (size_t at = 0; at < self->queue.len;) {
        struct queued *entry = (struct queued *)(void *)(self->queue.data + at);
        const struct sink_event *captured = &entry->captured;
        Py_VISIT(entry->event);
        if (entry->event == NULL) {
            Py_VISIT(entry->trace);
            Py_VISIT(captured->code);
            Py_VISIT(captured->caller);
            Py_VISIT(captured->module);
            Py_VISIT(captured->task);
            Py_VISIT(captured->traceback);
        }
        at += sizeof *entry + pad_size(bytes_left(&captured->values) + bytes_left(&captured->more));
    }
    return 0;
}

static int sink_traverse(struct sink *self, visitproc visit, void *arg)
{
    VISIT_TYPE(self);
    Py_VISIT(self->callback);
    Py_VISIT(self->event_filter);
    Py_VISIT(self->decide);
    Py_VISIT(self->failed);
    Py_VISIT(self->context);
    Py_VISIT(self->wake);
    Py_VISIT(self->type);
    Py_VISIT(self->events);
    Py_VISIT(self->state_task);
    Py_VISIT(self->state_events);
    Py_VISIT(self->state_trace);
    return visit_waiting(self, visit, arg);
}

static int sink_clear(struct sink *self)
{
    PyObject *waited = self->type != NULL ? take_waiting(self) : NULL; /* owned */
    Py_XDECREF(waited);
    forget_state(self);
    Py_CLEAR(self->callback);
    Py_CLEAR(self->event_filter);
    Py_CLEAR(self->decide);
    Py_CLEAR(self->failed);
    Py_CLEAR(self->context);
    Py_CLEAR(self->wake);
    Py_CLEAR(self->type);
    Py_CLEAR(self->events);
    return 0;
}

static void sink_dealloc(struct sink *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)sink_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"begin", (PyCFunction)sink_begin, METH_NOARGS,
     "Forgets what decide() answered: numbers of code change."},
    {"forget_state", (PyCFunction)sink_forget, METH_NOARGS,
     "Forgets the cached context of the last event."},
    {"events", (PyCFunction)sink_events, METH_NOARGS, "Returns a list of the kept events."},
    {"clear", (PyCFunction)sink_clear_events, METH_NOARGS, "Forgets events and counts."},
    {"take_waiting", (PyCFunction)sink_take_waiting, METH_NOARGS,
     "Returns a list of the events that wait."},
    {"tell", (PyCFunction)sink_tell, METH_O, "Calls the callback, guarded and timed."},
    {"stats", (PyCFunction)sink_stats, METH_NOARGS,
     "(events by kind, kept, filtered, overflowed, errors, seconds in the callback, in all)"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_init, sink_init},
    {Py_tp_dealloc, sink_dealloc},
    {Py_tp_traverse, sink_traverse},
    {Py_tp_clear, sink_clear},
    {Py_tp_methods, methods},
    {Py_tp_doc, "Receives the events of one callback backend."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "relive._core.Sink",
    .basicsize = sizeof(struct sink),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int sink_add(PyObject *module)
{
    sink_type = (PyTypeObject *)PyType_FromSpec(&spec);
    Py_XINCREF(sink_type);
    if (sink_type == NULL || PyModule_AddObject(module, "Sink", (PyObject *)sink_type) != 0) {
        Py_XDECREF(sink_type);
        return -1;
    }
    return 0;
}
