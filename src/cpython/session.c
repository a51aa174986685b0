/* Why: see session.h. This file holds what is not on the hot path: new threads, frames that are not
 * simple calls, start, stop and fork.
 *
 * Rules of a hook: it keeps a pending exception, never raises, never runs Python code, and counts
 * what it could not record. */
#include "session.h"

#include <string.h>

#include "alloc.h"
#include "collections.h"
#include "output.h"
#include "status.h"

struct session session;
_Thread_local struct thread *thread_self;

/* ---- rows that come with a prefix ---- */

/* Between the prefix and its event no refill may come: reserves room for both. */
static int reserve(struct thread *t, uint32_t units)
{
    return lane_reserve(&t->lane, units, clock_ticks());
}

static void put_prefix(struct thread *t, unsigned kind, uint32_t first, uint32_t id, uint64_t frame)
{
    lane_row(&t->lane, first, kind, id, frame);
    t->lane.extras++;
}

static uint32_t exception_id(struct thread *t, PyObject *exc)
{
    if (exc == NULL || session.recorder == NULL) {
        return 0;
    }
    PyTypeObject *type = PyType_Check(exc) ? (PyTypeObject *)exc : Py_TYPE(exc);
    return recorder_string(session.recorder, &t->lane, type->tp_name, strlen(type->tp_name));
}

struct capture *session_capture(struct thread *t)
{
    if (session.level == LEVEL_CALLS) {
        return NULL;
    }
    if (t->capture == NULL && (t->capture = rl_zalloc_apart(1, sizeof *t->capture)) == NULL) {
        return NULL;
    }
    capture_begin(t->capture, &t->lane);
    return t->capture;
}

/* An event that comes with an exception: told with it, or kept since a trace function told it. */
static void put_exception(struct thread *t, const struct event *event, uint32_t id, uint64_t frame)
{
    int line = event->line != 0 ? (int)event->line : native_line(event->frame);
    int is_kept = event->arg == NULL && t->pending_in == event->frame;
    uint32_t exc = is_kept ? t->pending_type : exception_id(t, event->arg);
    struct capture *c = event->arg != NULL ? session_capture(t) : NULL;
    const uint8_t *bytes = t->pending;
    uint32_t len = is_kept ? t->pending_len : 0;
    if (c != NULL) {
        capture_exception(c, event->arg, event->raw, event->is_again ? RL_EXCEPTION_AGAIN : 0);
        bytes = c->bytes;
        len = capture_size(c);
    }
    if (reserve(t, (len != 0 ? lane_data_units(len) : 0) + 2)) {
        put_prefix(t, RL_ROW_EXC, line > 0 ? (uint32_t)line : 0, exc, 0);
        if (len != 0) {
            lane_data(&t->lane, bytes, len);
        }
        (void)lane_put(&t->lane, event->kind, id, frame);
    }
}

void session_put_arguments(struct thread *t, const struct event *event, uint32_t id, uint64_t frame)
{
    struct capture *c = session_capture(t);
    if (c == NULL) {
        (void)lane_put(&t->lane, RL_EVENT_CALL, id, frame);
        return;
    }
    capture_arguments(c, event->code, event->frame,
                      (session.backend->capabilities & CALL_HAS_CELLS) != 0);
    (void)lane_put_values(&t->lane, RL_EVENT_CALL, id, frame, c->bytes, capture_size(c));
}

void session_put_value(struct thread *t, unsigned kind, uint32_t id, uint64_t frame,
                       PyObject *value)
{
    struct capture *c = value != NULL ? session_capture(t) : NULL;
    if (c == NULL) {
        (void)lane_put(&t->lane, kind, id, frame);
        return;
    }
    capture_value(c, value);
    (void)lane_put_values(&t->lane, kind, id, frame, c->bytes, capture_size(c));
}

void session_exception(struct thread *t, const struct event *event, uint64_t info)
{
    /* The interpreter tells a raise again in each frame that it passes through, and in clean-ups.
     */
    int is_news = event->kind == RL_EVENT_HANDLED ||
                  (event->is_again ? t->caught == event->arg
                                   : t->leaving != event->arg || t->left_at != t->lane.cur);
    const struct open_frame *top = &t->stack[t->depth];
    t->leaving = NULL;
    t->caught = event->kind == RL_EVENT_HANDLED ? event->arg : NULL;
    if (is_news && top->key == event->frame) {
        put_exception(t, event, CODE_ID(info), top->frame);
    }
}

void session_keep_pending(struct thread *t, const struct event *event)
{
    struct capture *c = session_capture(t);
    t->pending_len = 0;
    if (c != NULL) {
        capture_exception(c, event->arg, event->raw, 0);
        if (capture_size(c) > sizeof t->pending - 16) {
            PyObject *type =
                PyType_Check(event->arg) ? event->arg : (PyObject *)Py_TYPE(event->arg);
            capture_begin(c, &t->lane);
            capture_exception(c, type, NULL, 0);
        }
        t->pending_len = capture_size(c);
        memcpy(t->pending, c->bytes, t->pending_len);
    }
    t->pending_type = exception_id(t, event->arg);
    t->pending_in = event->frame;
}

void session_put_pending(struct thread *t, const struct event *event)
{
    uint64_t info = codeinfo_get(event->code);
    const struct open_frame *top = &t->stack[t->depth];
    t->pending_in = NULL;
    if (top->key == event->frame && t->pending_len != 0 &&
        reserve(t, lane_data_units(t->pending_len) + 2)) {
        put_prefix(t, RL_ROW_EXC, event->line, t->pending_type, 0);
        lane_data(&t->lane, t->pending, t->pending_len);
        (void)lane_put(&t->lane, RL_EVENT_HANDLED, CODE_ID(info), top->frame);
    }
}

/* ---- the stack of open frames ---- */

int session_push(struct thread *t)
{
    if (t->depth + 2 >= t->cap) {
        struct open_frame *stack = rl_zalloc_apart(t->cap, 2 * sizeof *stack);
        if (stack == NULL) {
            return -1;
        }
        memcpy(stack, t->stack, t->cap * sizeof *stack);
        rl_free(t->stack);
        t->stack = stack;
        t->cap *= 2;
    }
    t->depth++;
    return 0;
}

static void push_frame(struct thread *t, native_frame *key, uint64_t frame, uint32_t id,
                       uint32_t flags)
{
    if (session_push(t) != 0) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
        return;
    }
    t->stack[t->depth] = (struct open_frame){key, frame, id, flags, NULL};
}

/* Takes a frame out of the stack; its snapshot is the caller's. */
static void remove_at(struct thread *t, uint32_t at)
{
    memmove(&t->stack[at], &t->stack[at + 1], (t->depth - at) * sizeof *t->stack);
    t->depth--;
}

static uint32_t find_key(const struct thread *t, const native_frame *key)
{
    for (uint32_t i = t->depth; i > 0; i--) {
        if (t->stack[i].key == key) {
            return i;
        }
    }
    return 0;
}

/* Who called a frame that is being entered. A frame evaluator is told before the frame is linked to
 * its caller, which then is still the current one; the other mechanisms are told inside the frame.
 */
static native_frame *caller_of(native_frame *frame)
{
    native_frame *now = native_current(PyThreadState_GetUnchecked());
    return now == frame ? native_caller(now) : now;
}

/* The word of a frame that is on the interpreter's stack. */
static uint64_t info_of(native_frame *frame)
{
    uint64_t info = codeinfo_get(native_code(frame));
    return info != 0 && (info ^ session.stamp) >> 32 == 0
               ? info
               : codeinfo_make(native_code(frame), native_globals(frame));
}

/* Finds the recorded caller of a new frame where the top of the stack may be another's: frames
 * whose end nobody saw are closed, and a switch to another greenlet is written. */
static void resync(struct thread *t, native_frame *frame)
{
    uint32_t at = 0;
    native_frame *caller = caller_of(frame);
    while (caller != NULL && (at = find_key(t, caller)) == 0) {
        caller = native_caller(caller);
    }
    for (uint32_t i = t->depth; i > at; i--) {
        if (t->stack[i].flags & FRAME_RUNNING) {
            (void)lane_put(&t->lane, RL_EVENT_CLOSED, t->stack[i].id, t->stack[i].frame);
            lines_free(t->stack[i].snapshot);
            remove_at(t, i);
        }
    }
    if (at != t->depth && reserve(t, 2)) {
        struct open_frame now = t->stack[at];
        put_prefix(t, RL_ROW_SWITCH, 0, 0, at != 0 ? now.frame : 0);
        if (at != 0) {
            remove_at(t, at);
            push_frame(t, now.key, now.frame, now.id, now.flags);
            t->stack[t->depth].snapshot = now.snapshot;
        }
    }
}

/* ---- snapshots of suspended frames ---- */

static void keep_snapshot(uint64_t frame, struct snapshot *snapshot)
{
    if (snapshot != NULL &&
        u64map_put(&session.snapshots, frame, (uint64_t)(uintptr_t)snapshot) != 0) {
        lines_free(snapshot);
    }
}

static struct snapshot *take_snapshot(uint64_t frame)
{
    uint64_t at = 0;
    (void)u64map_remove(&session.snapshots, frame, &at);
    return (struct snapshot *)(uintptr_t)at;
}

static void forget_snapshots(struct u64map *snapshots)
{
    for (size_t i = 0; i < snapshots->capacity; i++) {
        if (snapshots->entries[i].key != 0) {
            lines_free((struct snapshot *)(uintptr_t)snapshots->entries[i].value);
        }
    }
    u64map_clear(snapshots);
}

static void forget_stack(struct thread *t)
{
    for (; t->depth > 0; t->depth--) {
        lines_free(t->stack[t->depth].snapshot);
    }
}

/* A generator that is entered: its identity, and the kind of row that says what happens. */
static uint64_t enter_generator(struct thread *t, const struct event *event, uint32_t id,
                                unsigned *kind)
{
    uint64_t key = (uint64_t)(uintptr_t)event->frame;
    uint64_t *known = u64map_get(&session.generators, key);
    if (known != NULL && event->kind != RL_EVENT_CALL) {
        return *known;
    }
    if (known != NULL) {
        /* A start at a known address: the old one was closed and nothing told so. */
        (void)lane_put(&t->lane, RL_EVENT_CLOSED, id, *known);
        lines_free(take_snapshot(*known));
    }
    uint64_t frame = t->lane.next_frame++;
    if (event->kind == RL_EVENT_RESUME ||
        (event->kind == RL_EVENT_THROW && native_was_started(event->frame))) {
        *kind = RL_EVENT_RUNNING; /* it was suspended before the recording began */
    } else {
        *kind = RL_EVENT_CALL;
    }
    if (u64map_put(&session.generators, key, frame) != 0) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
    }
    return frame;
}

void session_enter_slow(struct thread *t, const struct event *event, uint64_t info)
{
    uint32_t id = CODE_ID(info);
    unsigned kind = event->kind;
    uint32_t flags = info & CODE_SUSPENDS ? FRAME_SUSPENDS : 0;
    if (session.needs_resync || (t->stack[t->depth].flags & FRAME_RUNNING &&
                                 !(session.backend->capabilities & SEES_RUNNING_END))) {
        resync(t, event->frame);
    }
    uint64_t frame =
        flags & FRAME_SUSPENDS ? enter_generator(t, event, id, &kind) : t->lane.next_frame++;
    if (session.has_asyncio && event->code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE) &&
        !(t->stack[t->depth].flags & FRAME_SUSPENDS)) {
        tasks_enter(t, event, kind == RL_EVENT_CALL);
        tasks_entered(t, frame, kind == RL_EVENT_THROW);
    }
    struct event told = *event;
    told.kind = kind;
    if (kind == RL_EVENT_CALL && info & CODE_ARGS) {
        session_put_arguments(t, event, id, frame);
    } else if (kind == RL_EVENT_THROW) {
        put_exception(t, &told, id, frame);
    } else if (kind == RL_EVENT_RESUME && info & CODE_VALUES) {
        PyObject *sent = native_sent(event->frame);
        session_put_value(t, kind, id, frame, sent != Py_None ? sent : NULL);
    } else {
        (void)lane_put(&t->lane, kind, id, frame);
    }
    uint32_t depth = t->depth;
    push_frame(t, event->frame, frame, id, flags);
    if (t->depth != depth && info & CODE_LINES && kind != RL_EVENT_CALL) {
        t->stack[t->depth].snapshot = take_snapshot(frame);
    }
}

void session_leave_slow(struct thread *t, const struct event *event, uint64_t info)
{
    uint64_t key = (uint64_t)(uintptr_t)event->frame;
    uint32_t at = t->stack[t->depth].key == event->frame ? t->depth : find_key(t, event->frame);
    uint64_t frame = 0;
    int is_generator = (info & CODE_SUSPENDS) != 0;
    if (at != 0) {
        frame = t->stack[at].frame;
    } else if (is_generator && u64map_get(&session.generators, key) != NULL) {
        frame = *u64map_get(&session.generators, key);
    } else {
        recorder_count_loss(session.recorder, RL_LOSS_UNMATCHED, 1);
        return;
    }
    if (info & CODE_LINES) {
        if (t->pending_in == event->frame && event->kind != RL_EVENT_UNWIND) {
            struct event caught = *event;
            caught.line = (uint32_t)native_line(event->frame);
            session_put_pending(t, &caught);
        }
        lines_leave(t, event, CODE_ID(info));
    }
    if (event->kind == RL_EVENT_UNWIND) {
        put_exception(t, event, CODE_ID(info), frame);
        t->leaving = event->arg;
        t->left_at = t->lane.cur;
    } else {
        session_put_value(t, event->kind, CODE_ID(info), frame,
                          info & CODE_VALUES ? event->arg : NULL);
    }
    if (t->pending_in == event->frame) {
        t->pending_in = NULL;
    }
    if (t->task_count != 0) {
        tasks_leave(t, frame, event->kind != RL_EVENT_YIELD);
    }
    if (at != 0) {
        if (event->kind == RL_EVENT_YIELD) {
            keep_snapshot(frame, t->stack[at].snapshot);
        } else {
            lines_free(t->stack[at].snapshot);
        }
        remove_at(t, at);
    }
    if (is_generator && event->kind != RL_EVENT_YIELD) {
        (void)u64map_remove(&session.generators, key, NULL);
    }
}

void session_native(unsigned kind, PyObject *callable, native_frame *caller)
{
    struct event event = {.kind = kind, .code = native_code(caller), .frame = caller};
    struct thread *t = thread_self;
    if (t == NULL || t->stamp != session.stamp) {
        t = session_thread(&event);
    }
    if (t == NULL || (info_of(caller) & CODE_EXCLUDED)) {
        return;
    }
    uint32_t id = codeinfo_native(callable);
    if (id != 0) {
        (void)lane_put(&t->lane, kind, id, t->stack[t->depth].frame);
    }
}

/* ---- threads ---- */

static uint64_t top_frame(void *owner)
{
    const struct thread *t = owner;
    return t->stack[t->depth].frame;
}

/* The frames that run already, outermost first. `frame` itself too where it was not told yet. */
static void record_running(struct thread *t, native_frame *frame)
{
    enum { MOST = 4096 };
    native_frame **found = rl_alloc(MOST, sizeof *found);
    uint32_t count = 0;
    for (; found != NULL && frame != NULL && count < MOST; frame = native_caller(frame)) {
        if (!(info_of(frame) & CODE_EXCLUDED)) {
            found[count++] = frame;
        }
    }
    while (count-- > 0) {
        uint64_t info = info_of(found[count]);
        uint64_t identity = t->lane.next_frame++;
        (void)lane_put(&t->lane, RL_EVENT_RUNNING, CODE_ID(info), identity);
        push_frame(t, found[count], identity, CODE_ID(info),
                   FRAME_RUNNING | (info & CODE_SUSPENDS ? FRAME_SUSPENDS : 0));
        if (info & CODE_SUSPENDS) {
            (void)u64map_put(&session.generators, (uint64_t)(uintptr_t)found[count], identity);
        }
    }
    rl_free(found);
}

/* Called by the system when a thread ends, without the GIL. */
static void thread_ended(void *value)
{
    struct thread *t = value;
    os_lock_mutex(&session.lock);
    if (t->lane.recorder != NULL) {
        recorder_lane_end(&t->lane);
    }
    if (t->previous != NULL) {
        t->previous->next = t->next;
    } else {
        session.threads = t->next;
    }
    if (t->next != NULL) {
        t->next->previous = t->previous;
    }
    os_unlock_mutex(&session.lock);
    thread_self = NULL;
    forget_stack(t);
    rl_free(t->capture);
    rl_free(t->stack);
    rl_free(t);
}

static struct thread *new_thread(void)
{
    enum { FIRST_DEPTH = 64 };
    struct thread *t = rl_zalloc_apart(1, sizeof *t);
    struct open_frame *stack = rl_zalloc_apart(FIRST_DEPTH, sizeof *stack);
    if (t == NULL || stack == NULL) {
        rl_free(t);
        rl_free(stack);
        return NULL;
    }
    t->stack = stack;
    t->cap = FIRST_DEPTH;
    size_t size;
    uintptr_t low = os_stack_low(&size);
    t->stack_floor = low != 0 ? low + size / 2 : 0;
    os_lock_mutex(&session.lock);
    t->next = session.threads;
    if (t->next != NULL) {
        t->next->previous = t;
    }
    session.threads = t;
    os_unlock_mutex(&session.lock);
    os_thread_value_set(t);
    thread_self = t;
    return t;
}

/* The main program begins with a frame that nobody called, in __main__ or in runpy. */
static int is_main_program(const struct event *event)
{
    char name[64];
    if (event->kind != RL_EVENT_CALL || caller_of(event->frame) != NULL) {
        return 0;
    }
    codeinfo_module_name(native_globals(event->frame), name, sizeof name);
    return strcmp(name, "__main__") == 0 || strcmp(name, "runpy") == 0;
}

struct thread *session_thread(const struct event *event)
{
    struct thread *t = thread_self;
    if (session.recorder == NULL || (t != NULL && t->is_suppressed) ||
        (session.is_waiting && !is_main_program(event))) {
        return NULL;
    }
    if (t == NULL && (t = new_thread()) == NULL) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
        return NULL;
    }
    t->stamp = session.stamp;
    forget_stack(t);
    t->leaving = NULL;
    t->caught = NULL;
    t->pending_in = NULL;
    t->task_count = 0;
    recorder_lane_begin(session.recorder, &t->lane, t, os_thread_id());
    if (session.is_waiting) {
        session.is_waiting = 0;
    } else {
        int is_told = event->kind == RL_EVENT_CALL || event->kind == RL_EVENT_RESUME ||
                      event->kind == RL_EVENT_THROW;
        record_running(t, is_told ? caller_of(event->frame)
                                  : native_current(PyThreadState_GetUnchecked()));
    }
    return t;
}

/* ---- life ---- */

static void *wait_begin(void)
{
    return PyEval_SaveThread();
}

static void wait_end(void *token)
{
    PyEval_RestoreThread(token);
}

static void before_fork(void)
{
    os_lock_mutex(&session.lock);
}

static void after_fork_parent(void)
{
    os_unlock_mutex(&session.lock);
}

/* Before anything else runs in a child: nothing of it may reach the parent's file. */
static void after_fork_child(void)
{
    os_mutex_init(&session.lock);
    thread_self = NULL;
    os_thread_value_set(NULL);
    session.threads = NULL;
    session.stamp += UINT64_C(1) << 32;
    if (session.recorder != NULL) {
        recorder_abandon(session.recorder);
        session.recorder = NULL;
        session.is_forked = 1;
    }
}

int session_init(void)
{
    static int is_done;
    if (is_done) {
        return 0;
    }
    session.stamp = UINT64_C(1) << 32;
    os_mutex_init(&session.lock);
    if (codeinfo_init() != 0 || codename_init() != 0) {
        return -1;
    }
    if (os_thread_value_init(thread_ended) != 0 ||
        os_at_fork(before_fork, after_fork_parent, after_fork_child) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "no thread key or fork handler left");
        return -1;
    }
    is_done = 1;
    return 0;
}

static int has_greenlets(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    return modules != NULL && PyDict_GetItemString(modules, "greenlet") != NULL;
}

static rl_status open_recorder(const struct session_options *options, struct rl_err *err)
{
    struct recorder_options recorder = options->recorder;
    rl_status status;
    recorder.hooks = (struct recorder_hooks){wait_begin, wait_end, top_frame};
    Py_BEGIN_ALLOW_THREADS status = recorder_open(&recorder, &session.recorder, err);
    Py_END_ALLOW_THREADS if (status == RL_OK)
    {
        session.stamp += UINT64_C(1) << 32;
        session.is_forked = 0;
        session.c_calls = options->start.c_calls;
        session.level = options->level;
        capture_limits = options->limits;
        session.needs_resync = has_greenlets();
        tasks_look_for_asyncio();
        tasks_forget();
        session.library_lines = options->library_lines;
        u64map_clear(&session.generators);
        session.globals = options->globals;
        forget_snapshots(&session.snapshots);
        forget_snapshots(&session.modules);
    }
    return status;
}

int session_start(const struct session_options *options, struct rl_err *err)
{
    if (open_recorder(options, err) != RL_OK) {
        return -1;
    }
    session.is_waiting = options->is_waiting;
    session.backend = options->backend;
    if (options->gc && collections_start() != 0) {
        PyErr_Clear(); /* a program without the gc module's list has no collections to tell */
    }
    if (options->output && output_start() != 0) {
        PyErr_Clear(); /* streams that are not the interpreter's own are left alone */
    }
    if (options->backend->start(&options->start) != 0) {
        struct recorder_stats stats;
        session.backend = NULL;
        session_stop(&stats);
        (void)status_set(err, RL_UNSUPPORTED, "backend %s did not start", options->backend->name);
        return -1;
    }
    return 0;
}

int session_start_child(const struct session_options *options, struct rl_err *err)
{
    if (open_recorder(options, err) != RL_OK) {
        return -1;
    }
    session.is_waiting = 0;
    if (session.backend != NULL && session.backend->after_fork != NULL) {
        session.backend->after_fork();
    }
    return 0;
}

static struct recorder *detach(void)
{
    struct recorder *recorder = session.recorder;
    os_lock_mutex(&session.lock);
    if (recorder != NULL) {
        recorder_end_lanes(recorder);
    }
    session.recorder = NULL;
    session.stamp += UINT64_C(1) << 32;
    session.is_waiting = 0;
    os_unlock_mutex(&session.lock);
    return recorder;
}

void session_check_hook(void)
{
    if (session.recorder == NULL || session.backend == NULL) {
        return;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int taken = session.backend->taken();
    PyErr_Restore(type, value, traceback);
    if (taken > 0) {
        recorder_count_loss(session.recorder, RL_LOSS_HOOK_TAKEN, (uint64_t)taken);
    }
}

void session_stop(struct recorder_stats *stats)
{
    session_check_hook();
    collections_stop();
    output_stop();
    if (session.backend != NULL) {
        session.backend->stop();
        session.backend = NULL;
    }
    memset(stats, 0, sizeof *stats);
    struct recorder *recorder = detach();
    if (recorder != NULL) {
        Py_BEGIN_ALLOW_THREADS recorder_close(recorder, stats);
        Py_END_ALLOW_THREADS
    }
}

void session_stop_at_exit(struct recorder_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    struct recorder *recorder = detach();
    if (recorder != NULL) {
        recorder_close(recorder, stats);
    }
}
