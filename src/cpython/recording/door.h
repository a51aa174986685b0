/* The door of the recording: every event of a backend comes in here.
 *
 *   backend -> recording_event() -> word of the code object -> row in this thread's lane
 *
 * Simple calls, returns, yields, resumes and lines stay in this file. Everything else goes to the
 * slow path, or to the module of its kind (stack.h, lines.h, exception_rows.h, call_rules.h).
 *
 * Rules of a hook: it keeps a pending exception, never raises, never runs Python code, and counts
 * what it could not record. Under the GIL. */
#ifndef DOOR_H
#define DOOR_H

#include "call_rules.h"
#include "codeinfo.h"
#include "context.h"
#include "exception_rows.h"
#include "gate.h"
#include "lines.h"
#include "rows.h"
#include "stack.h"
#include "thread_names.h"

/* The slow path: the gate of the thread is not open. */
enum verdict recording_event_slow(const struct event *event);

/* Records that a generator goes on whose beginning was seen, in the usual case of stack_enter().
 * Returns 0 in all others. */
static inline int door_resume(struct thread *t, const struct event *event, uint64_t info)
{
    struct open_frame *top = &t->stack[t->depth];
    int awaits = (event->code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE)) != 0;
    if ((info & (CODE_SUSPENDS | CODE_WATCHED)) != CODE_SUSPENDS || t->depth + 2 >= t->cap ||
        recording.level == LEVEL_LINES || recording.needs_resync || top->flags & FRAME_RUNNING ||
        (awaits && recording.has_loops && !(top->flags & FRAME_AWAITS)) ||
        (info & CODE_VALUES && native_sent(event->frame) != Py_None)) {
        return 0;
    }
    const uint64_t *frame = u64map_get(&recording.generators, (uint64_t)(uintptr_t)event->frame);
    if (frame == NULL) {
        return 0;
    }
    (void)lane_put(&t->lane, RL_EVENT_RESUME, CODE_ID(info), *frame);
    t->stack[++t->depth] = (struct open_frame){event->frame, *frame, CODE_ID(info),
                                               FRAME_SUSPENDS | (awaits ? FRAME_AWAITS : 0), NULL};
    return 1;
}

/* Returns whether the frame is the outermost of the task that runs. */
static inline int is_of_task(const struct thread *t, const struct open_frame *frame)
{
    return t->task_count != 0 && t->tasks[t->task_count - 1].frame == frame->frame;
}

/* Records that a generator is suspended, in the usual case of stack_leave(). Returns 0 in all
 * others. */
static inline int door_yield(struct thread *t, const struct event *event, uint64_t info)
{
    const struct open_frame *top = &t->stack[t->depth];
    if (top->key != event->frame || t->depth == 1 || recording.level == LEVEL_LINES ||
        is_of_task(t, top) || t->pending_in == event->frame || t->active_in == event->frame) {
        return 0;
    }
    if (info & CODE_VALUES) {
        rows_put_value(t, RL_EVENT_YIELD, top->id, top->frame, event->arg);
    } else {
        (void)lane_put(&t->lane, RL_EVENT_YIELD, top->id, top->frame);
    }
    t->depth--;
    return 1;
}

/* Records that an exception leaves a frame, in the usual case of stack_leave(). Returns 0 in all
 * others. */
static inline int door_unwind(struct thread *t, const struct event *event, uint64_t info)
{
    const struct open_frame *top = &t->stack[t->depth];
    if (top->key != event->frame || t->depth == 1 || info & (CODE_SUSPENDS | CODE_LINES) ||
        is_of_task(t, top) || t->pending_in == event->frame || t->active_in == event->frame) {
        return 0;
    }
    exception_leaves(t, event, info, top->frame);
    t->depth--;
    return 1;
}

static inline __attribute__((always_inline)) enum verdict recording_event(const struct event *event)
{
    const unsigned kind = event->kind; /* a constant in most callers, if it is read before calls */
    /* The thread first: codeinfo_make() writes definitions into its slot before they are used. */
    struct thread *t = thread_self;
    if (__builtin_expect(t == NULL || t->gate != recording.stamp, 0) &&
        !(t != NULL && t->gate == GATE_FOLLOW && thread_is_recorded(t) && context_is_same(t))) {
        return recording_event_slow(event);
    }
    uint64_t info = codeinfo_get(event->code);
    if (__builtin_expect(!codeinfo_is_valid(info), 0)) {
        info = codeinfo_make(event->code, event->frame);
    }
    if (info & CODE_EXCLUDED) {
        return CODE_ID(info) != 0        ? call_rules_event(t, event, info)
               : codeinfo_is_valid(info) ? VERDICT_DISABLE
                                         : VERDICT_CONTINUE;
    }
    struct open_frame *top = &t->stack[t->depth];
    uint32_t id = CODE_ID(info);
    if (kind == RL_EVENT_CALL) {
        if (__builtin_expect((info & (CODE_SUSPENDS | CODE_WATCHED)) != 0 ||
                                 (top->flags & FRAME_RUNNING) != 0 || recording.needs_resync ||
                                 t->depth + 1 >= t->cap,
                             0)) {
            stack_enter(t, event, info);
            return info & CODE_LINES ? VERDICT_LINES : VERDICT_CONTINUE;
        }
        uint64_t frame = t->lane.next_frame++;
        if (info & CODE_ARGS) {
            rows_put_arguments(t, event, id, frame);
        } else {
            (void)lane_put(&t->lane, RL_EVENT_CALL, id, frame);
        }
        top = &t->stack[++t->depth];
        top->key = event->frame;
        top->frame = frame;
        top->id = id;
        top->flags = 0;
        top->snapshot = NULL;
    } else if (kind == RL_EVENT_RETURN && top->key == event->frame &&
               (info & (CODE_SUSPENDS | CODE_LINES | CODE_WATCHED)) == 0) {
        if (info & CODE_VALUES) {
            rows_put_value(t, RL_EVENT_RETURN, top->id, top->frame, event->arg);
        } else {
            (void)lane_put(&t->lane, RL_EVENT_RETURN, top->id, top->frame);
        }
        if (__builtin_expect(--t->depth == 0, 0)) {
            thread_names_emptied(t);
        }
    } else if (kind == RL_EVENT_LINE) {
        if ((info & CODE_LINES) == 0) {
            return VERDICT_DISABLE;
        }
        lines_put(t, event, id);
    } else if (kind == RL_EVENT_RAISE || kind == RL_EVENT_HANDLED) {
        exception_event(t, event, info);
    } else if (kind == RL_EVENT_RESUME || kind == RL_EVENT_THROW) {
        if (kind == RL_EVENT_THROW || !door_resume(t, event, info)) {
            stack_enter(t, event, info);
        }
    } else if (!(kind == RL_EVENT_YIELD    ? door_yield(t, event, info)
                 : kind == RL_EVENT_UNWIND ? door_unwind(t, event, info)
                                           : 0)) {
        stack_leave(t, event, info);
    }
    return info & CODE_LINES ? VERDICT_LINES : VERDICT_CONTINUE;
}

/* A call of, return from, or exception out of a function written in C. */
void recording_native(unsigned kind, PyObject *callable, native_frame *caller);

#endif
