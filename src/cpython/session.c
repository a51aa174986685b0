/* Why: see session.h. This file holds what is not on the hot path: new threads, and frames that are
 * not simple calls.
 *
 * Rules of a hook: it keeps a pending exception, never raises, never runs Python code, and counts
 * what it could not record. */
#include "session.h"

#include <string.h>

#include "activation.h"
#include "alloc.h"
#include "budget.h"
#include "callers.h"
#include "context.h"
#include "generations.h"
#include "judge.h"
#include "native_output.h"
#include "plain.h"
#include "policy.h"
#include "tap.h"

struct session session;
_Thread_local struct thread *thread_self;

/* ---- rows ---- */

struct capture *session_capture(struct thread *t, const struct policy *policy)
{
    return session.level != LEVEL_CALLS ? session_capture_always(t, policy) : NULL;
}

struct capture *session_capture_always(struct thread *t, const struct policy *policy)
{
    if (t->capture == NULL && (t->capture = rl_zalloc_apart(1, sizeof *t->capture)) == NULL) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
        return NULL;
    }
    capture_begin(t->capture, &t->lane);
    if (policy != NULL) {
        policy_use(policy, t->capture);
    }
    return t->capture;
}

/* The row of an event all of whose values are plain: they stand at `bytes` up to `end`, with room
 * for 16 more, which are cleared since whole rows are copied. */
static inline void put_plain_row(struct thread *t, unsigned kind, uint32_t id, uint64_t frame,
                                 const uint8_t *bytes, uint8_t *end)
{
    memset(end, 0, 16);
    (void)lane_put_values(&t->lane, kind, id, frame, bytes, (uint32_t)(end - bytes));
}

enum { PLAIN_ARGUMENTS = 6 };

/* Where the arguments end that were written to p; NULL: not all of them are plain. */
static inline uint8_t *put_plain_arguments(uint8_t *p, const struct event *event)
{
    uint32_t n = codeinfo_args(event->code);
    if (n > PLAIN_ARGUMENTS) {
        return NULL;
    }
    for (uint32_t i = 0; i < n && p != NULL; i++) {
        p = put_plain(p, native_slot(event->frame, (Py_ssize_t)i));
    }
    return p;
}

void session_put_arguments(struct thread *t, const struct event *event, uint32_t id, uint64_t frame)
{
    const struct policy *policy = policy_of(id);
    uint8_t plain[PLAIN_ARGUMENTS * PLAIN_BYTES + 16], *end;
    if (session.level != LEVEL_CALLS && (policy == NULL || policy->args == NULL) &&
        (end = put_plain_arguments(plain, event)) != NULL) {
        put_plain_row(t, RL_EVENT_CALL, id, frame, plain, end);
        return;
    }
    struct capture *c = session_capture(t, policy);
    if (c == NULL) {
        (void)lane_put(&t->lane, RL_EVENT_CALL, id, frame);
        return;
    }
    capture_arguments(c, event->code, event->frame, session_can(CALL_HAS_CELLS));
    (void)lane_put_values(&t->lane, RL_EVENT_CALL, id, frame, c->bytes, capture_size(c));
}

/* What is returned, yielded or sent, as the filter has it. */
static void put_result(struct capture *c, unsigned kind, PyObject *value,
                       const struct policy *policy)
{
    unsigned action = kind == RL_EVENT_RETURN  ? policy->ret
                      : kind == RL_EVENT_YIELD ? policy->yield
                                               : policy->thrown;
    if (action != FILTER_ALLOW) {
        action = judge((enum filter_action)action, value);
        policy_count(kind == RL_EVENT_RESUME ? POLICY_ARGUMENT : POLICY_RETURN, action);
    }
    capture_filtered(c, value, action);
}

void session_put_value(struct thread *t, unsigned kind, uint32_t id, uint64_t frame,
                       PyObject *value)
{
    const struct policy *policy = policy_of(id);
    int has_actions = policy != NULL && policy->has_result_actions;
    uint8_t plain[PLAIN_BYTES + 16], *end;
    if (!has_actions && session.level != LEVEL_CALLS && (end = put_plain(plain, value)) != NULL) {
        put_plain_row(t, kind, id, frame, plain, end);
        return;
    }
    struct capture *c = value != NULL ? session_capture(t, policy) : NULL;
    if (c == NULL) {
        (void)lane_put(&t->lane, kind, id, frame);
        return;
    }
    if (__builtin_expect(has_actions, 0)) {
        put_result(c, kind, value, policy);
    } else {
        capture_value(c, value);
    }
    (void)lane_put_values(&t->lane, kind, id, frame, c->bytes, capture_size(c));
}

/* ---- the stack of open frames ---- */

/* Room for two more frames; before the row of a call is written, so that no frame is open in the
 * recording that nobody will close. */
static int has_room(struct thread *t)
{
    if (t->depth + 2 >= t->cap) {
        struct open_frame *stack = rl_zalloc_apart(t->cap, 2 * sizeof *stack);
        if (stack == NULL) {
            recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
            return 0;
        }
        memcpy(stack, t->stack, t->cap * sizeof *stack);
        rl_free(t->stack);
        t->stack = stack;
        t->cap *= 2;
    }
    return 1;
}

/* There is room. */
static void push_frame(struct thread *t, native_frame *key, uint64_t frame, uint32_t id,
                       uint32_t flags)
{
    t->stack[++t->depth] = (struct open_frame){key, frame, id, flags, NULL};
}

/* Takes a frame out of the stack; its snapshot is the caller's. */
static void remove_at(struct thread *t, uint32_t at)
{
    memmove(&t->stack[at], &t->stack[at + 1], (t->depth - at) * sizeof *t->stack);
    t->depth--;
}

uint32_t session_find(const struct thread *t, const native_frame *key)
{
    for (uint32_t i = t->depth; i > 0; i--) {
        if (t->stack[i].key == key) {
            return i;
        }
    }
    return 0;
}

/* A frame evaluator is told before the frame is linked to its caller, which then is still the
 * current one; the other mechanisms are told inside the frame. */
native_frame *session_caller(native_frame *frame)
{
    native_frame *now = native_current(PyThreadState_GetUnchecked());
    return now == frame ? native_caller(now) : now;
}

uint64_t session_info_of(native_frame *frame)
{
    uint64_t info = codeinfo_get(native_code(frame));
    return codeinfo_is_valid(info) ? info : codeinfo_make(native_code(frame), frame);
}

/* Says before the next event which frame is innermost, 0 = none of those that are open. What that
 * event is of mostly has room in the same slot. */
static void put_switch(struct thread *t, uint64_t frame)
{
    enum { ROOM = 64 };
    if (session_reserve(t, ROOM)) {
        session_put_prefix(t, RL_ROW_SWITCH, 0, 0, frame);
        callers_forget(t);
    }
}

/* Finds the recorded caller of a new frame where the top of the stack may be another's: frames
 * whose end nobody saw are closed, and a switch to another greenlet is written. Whether the frame
 * has no caller though others are open: it is the first one of a greenlet. */
static int resync(struct thread *t, native_frame *frame)
{
    uint32_t at = 0;
    native_frame *caller = session_caller(frame);
    while (caller != NULL && (at = session_find(t, caller)) == 0) {
        caller = native_caller(caller);
    }
    for (uint32_t i = t->depth; i > at; i--) {
        if (t->stack[i].flags & FRAME_RUNNING) {
            (void)lane_put(&t->lane, RL_EVENT_CLOSED, t->stack[i].id, t->stack[i].frame);
            lines_free(t->stack[i].snapshot);
            remove_at(t, i);
        }
    }
    if (at != 0 && at != t->depth) {
        struct open_frame now = t->stack[at];
        put_switch(t, now.frame);
        remove_at(t, at);
        push_frame(t, now.key, now.frame, now.id, now.flags);
        t->stack[t->depth].snapshot = now.snapshot;
    }
    return at == 0 && t->depth != 0;
}

static uint32_t suspends_how(const PyCodeObject *code)
{
    const int awaits = CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR;
    return FRAME_SUSPENDS | (code->co_flags & awaits ? FRAME_AWAITS : 0);
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
        lines_free(lines_take(*known));
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
    uint32_t flags = info & CODE_SUSPENDS ? suspends_how(event->code) : 0;
    if (!has_room(t)) {
        return;
    }
    int is_alone = (session.needs_resync ||
                    (t->stack[t->depth].flags & FRAME_RUNNING && !session_can(SEES_RUNNING_END))) &&
                   resync(t, event->frame);
    if (info & CODE_WATCHED) {
        tasks_made(t, event);
        if (t->active_in == NULL && activation_is_function()) {
            t->active_in = event->frame;
        }
    }
    uint64_t frame =
        flags & FRAME_SUSPENDS ? enter_generator(t, event, id, &kind) : t->lane.next_frame++;
    if (session.has_loops && event->code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE) &&
        !(t->stack[t->depth].flags & FRAME_AWAITS)) {
        tasks_enter(t, event, kind == RL_EVENT_CALL);
        tasks_entered(t, frame, kind == RL_EVENT_THROW);
    }
    struct event told = *event;
    told.kind = kind;
    if (is_alone) {
        put_switch(t, 0);
    }
    if (kind == RL_EVENT_CALL && info & CODE_ARGS) {
        session_put_arguments(t, event, id, frame);
    } else if (kind == RL_EVENT_THROW) {
        session_put_exception(t, &told, info, frame);
    } else if (kind == RL_EVENT_RESUME && info & CODE_VALUES) {
        PyObject *sent = native_sent(event->frame);
        session_put_value(t, kind, id, frame, sent != Py_None ? sent : NULL);
    } else {
        (void)lane_put(&t->lane, kind, id, frame);
    }
    push_frame(t, event->frame, frame, id, flags);
    if (session.level == LEVEL_LINES && kind != RL_EVENT_CALL) {
        t->stack[t->depth].snapshot = lines_take(frame);
    }
}

void session_leave_slow(struct thread *t, const struct event *event, uint64_t info)
{
    uint64_t key = (uint64_t)(uintptr_t)event->frame;
    uint32_t at = t->stack[t->depth].key == event->frame ? t->depth : session_find(t, event->frame);
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
        if (t->is_pending && t->pending_in == event->frame && event->kind != RL_EVENT_UNWIND) {
            struct event caught = *event;
            caught.line = (uint32_t)native_line(event->frame);
            session_put_pending(t, &caught);
        }
        lines_leave(t, event, CODE_ID(info));
    }
    if (event->kind == RL_EVENT_UNWIND) {
        session_put_exception(t, event, info, frame);
        t->leaving =
            event->arg == NULL && t->pending_in == event->frame ? t->pending_exc : event->arg;
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
    t->left_at = t->lane.cur;
    if (at != 0) {
        if (event->kind == RL_EVENT_YIELD) {
            lines_keep(frame, t->stack[at].snapshot);
        } else {
            lines_free(t->stack[at].snapshot);
        }
        remove_at(t, at);
        if (t->depth == 0) {
            thread_names_emptied(t);
        }
    }
    if (is_generator && event->kind != RL_EVENT_YIELD) {
        (void)u64map_remove(&session.generators, key, NULL);
    }
    if (t->active_in == event->frame) {
        t->active_in = NULL; /* off again, until the next call */
        t->gate = 0;
    }
}

void session_native(unsigned kind, PyObject *callable, native_frame *caller)
{
    struct event event = {.kind = kind, .code = native_code(caller), .frame = caller};
    struct thread *t = thread_self;
    if (t == NULL || t->gate != session.stamp) {
        t = session_thread(&event);
    }
    if (t == NULL || (session_info_of(caller) & CODE_EXCLUDED)) {
        return;
    }
    uint32_t id = codeinfo_native(callable);
    if (id != 0) {
        (void)lane_put(&t->lane, kind, id, t->stack[t->depth].frame);
    }
}

/* ---- threads ---- */

void thread_forget_stack(struct thread *t)
{
    for (; t->depth > 0; t->depth--) {
        lines_free(t->stack[t->depth].snapshot);
    }
}

uint64_t thread_top_frame(void *owner)
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
        if (!(session_info_of(frame) & CODE_EXCLUDED)) {
            found[count++] = frame;
        }
    }
    if (found == NULL) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
    }
    while (count-- > 0 && has_room(t)) {
        uint64_t info = session_info_of(found[count]);
        uint64_t identity = t->lane.next_frame++;
        (void)lane_put(&t->lane, RL_EVENT_RUNNING, CODE_ID(info), identity);
        push_frame(t, found[count], identity, CODE_ID(info),
                   FRAME_RUNNING |
                       (info & CODE_SUSPENDS ? suspends_how(native_code(found[count])) : 0));
        if (info & CODE_SUSPENDS) {
            (void)u64map_put(&session.generators, (uint64_t)(uintptr_t)found[count], identity);
        }
    }
    rl_free(found);
}

void thread_ended(void *value)
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
    thread_forget_stack(t);
    rl_free(t->capture);
    bytes_out_fini(&t->told);
    bytes_out_fini(&t->told_values);
    rl_free(t->queued);
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

void session_look_anew(void)
{
    os_lock_mutex(&session.lock);
    for (struct thread *t = session.threads; t != NULL; t = t->next) {
        t->gate = GATE_CLOSED;
        t->context_ver = 0;
    }
    os_unlock_mutex(&session.lock);
}

struct thread *session_own_thread(void)
{
    return thread_self != NULL ? thread_self : new_thread();
}

int session_lift(void)
{
    int suppressed = thread_self != NULL ? thread_self->is_suppressed : 0;
    if (suppressed != 0) {
        thread_self->is_suppressed = 0;
    }
    return suppressed;
}

void session_lower(int suppressed)
{
    if (suppressed != 0) {
        thread_self->is_suppressed = suppressed;
        thread_self->gate = GATE_CLOSED;
    }
}

/* The main program begins with a frame that nobody called, in __main__ or in runpy. */
static int is_main_program(const struct event *event)
{
    char name[64];
    if (event->kind != RL_EVENT_CALL || session_caller(event->frame) != NULL) {
        return 0;
    }
    codeinfo_module_name(native_globals(event->frame), name, sizeof name);
    return strcmp(name, "__main__") == 0 || strcmp(name, "runpy") == 0;
}

/* The thread's first event in this recording. */
static void join(struct thread *t, const struct event *event)
{
    t->stamp = session.stamp;
    thread_forget_stack(t);
    t->leaving = NULL;
    t->caught = NULL;
    t->pending_in = NULL;
    t->callers_chunk = UINT64_MAX;
    t->hidden = NULL;
    t->task_count = 0;
    t->active_in = NULL;
    t->in_session = 0;
    t->is_hidden = 0;
    t->context_ver = 0;
    t->samples = 0;
    t->short_count = 0;
    t->cpu_ns = 0;
    thread_names_begin(t);
    if (session.is_waiting || activation_is_function()) {
        session.is_waiting = 0;
        return;
    }
    int is_told = kind_enters(event->kind);
    record_running(t, is_told ? session_caller(event->frame)
                              : native_current(PyThreadState_GetUnchecked()));
}

struct thread *session_thread(const struct event *event)
{
    struct thread *t = thread_self;
    if (session.recorder == NULL || (t != NULL && t->is_suppressed) ||
        (session.is_waiting && !is_main_program(event)) ||
        (activation_is_set() && !activation_has(t, event))) {
        return NULL;
    }
    if (t == NULL && (t = new_thread()) == NULL) {
        recorder_count_loss(session.recorder, RL_LOSS_MEMORY, 1);
        return NULL;
    }
    if (t->stamp != session.stamp) {
        join(t, event);
    }
    t->gate = session.stamp;
    return t;
}

void session_join_here(void)
{
    native_frame *frame = native_current(PyThreadState_GetUnchecked());
    if (frame != NULL && !activation_is_set()) {
        struct event event = {.kind = RL_EVENT_RETURN, .frame = frame, .code = native_code(frame)};
        struct thread *t = session_thread(&event);
        if (t != NULL) {
            t->gate = GATE_CLOSED;
        }
    }
}

enum verdict session_event_slow(const struct event *event)
{
    struct thread *t = thread_self;
    if (__builtin_expect(session.wants_generation, 0)) {
        generations_next();
    }
    if (t != NULL && t->gate == GATE_TAP && thread_is_recorded(t)) {
        return tap_event(t, event);
    }
    t = session_thread(event);
    if (t == NULL) {
        return VERDICT_CONTINUE;
    }
    native_output_flush(t);
    enum verdict verdict = VERDICT_CONTINUE;
    int is_followed = context_is_used(t);
    if (!is_followed || context_look(t, event)) {
        verdict = tap_is_on         ? tap_event(t, event)
                  : t->samples != 0 ? budget_sample(t, event)
                                    : session_event(event);
    }
    if (is_followed) {
        /* the next one comes here too */
        t->gate = t->gate == session.stamp && !tap_is_on && t->samples == 0 ? GATE_FOLLOW : 0;
    } else if (tap_is_on && t->gate == session.stamp && session.recorder != NULL) {
        t->gate = GATE_TAP; /* as long as nobody wants more looked at */
    }
    if (thread_names_are_awaited(t) || session.wants_generation) {
        t->gate = GATE_CLOSED;
    }
    return verdict;
}
