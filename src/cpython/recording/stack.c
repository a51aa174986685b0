/* Why: see stack.h. Here are the frames that are not simple calls: generators, coroutines,
 * greenlets, and frames that ran before the recording began. */
#include "stack.h"

#include <string.h>

#include "activation.h"
#include "codeinfo.h"
#include "exception_rows.h"
#include "gate.h"
#include "lines.h"
#include "open_frames.h"
#include "rows.h"
#include "state.h"
#include "tasks.h"
#include "thread_names.h"
#include "word.h"

#include "alloc.h"

/* Makes room for two more frames, before the row of a call is written. Each frame that is open in
 * the recording must be on the stack, or nothing would close it. */
static int has_room(struct thread *t)
{
    if (t->depth + 2 >= t->cap) {
        struct open_frame *stack = rl_zalloc_apart(t->cap, 2 * sizeof *stack);
        if (stack == NULL) {
            recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
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
    if (at != t->depth) {
        memmove(&t->stack[at], &t->stack[at + 1], (t->depth - at) * sizeof *t->stack);
    }
    t->depth--;
}

/* Says before the next event which frame is innermost, 0 = none of those that are open. What that
 * event is of mostly has room in the same slot. */
static void put_switch(struct thread *t, uint64_t frame)
{
    enum { ROOM = 64 };
    if (rows_reserve(t, ROOM)) {
        rows_put_prefix(t, RL_ROW_SWITCH, 0, 0, frame);
        frames_forget_lines(t);
    }
}

/* Finds the recorded caller of a new frame where the top of the stack may belong to another
 * greenlet. Frames whose end nobody saw are closed, and a switch is written. Returns whether the
 * frame has no caller although others are open: it is the first frame of a greenlet. */
static int resync_stack(struct thread *t, native_frame *frame)
{
    uint32_t at = 0;
    native_frame *caller = frames_caller(frame);
    while (caller != NULL && (at = frames_find(t, caller)) == 0) {
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

/* The flags of a frame that can be suspended. */
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
    uint64_t *known = u64map_get(&recording.generators, key);
    if (known != NULL && event->kind != RL_EVENT_CALL) {
        return *known;
    }
    if (known != NULL) {
        /* A start at a known address: the old one was closed without an event. */
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
    if (u64map_put(&recording.generators, key, frame) != 0) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
    }
    return frame;
}

void stack_enter(struct thread *t, const struct event *event, uint64_t info)
{
    uint32_t id = CODE_ID(info);
    unsigned kind = event->kind;
    uint32_t flags = info & CODE_SUSPENDS ? suspends_how(event->code) : 0;
    if (!has_room(t)) {
        return;
    }
    int is_alone = (recording.needs_resync || (t->stack[t->depth].flags & FRAME_RUNNING &&
                                               !recording_can(SEES_RUNNING_END))) &&
                   resync_stack(t, event->frame);
    if (info & CODE_WATCHED) {
        tasks_made(t, event);
        if (t->active_in == NULL && activation_is_function()) {
            t->active_in = event->frame;
        }
    }
    uint64_t frame =
        flags & FRAME_SUSPENDS ? enter_generator(t, event, id, &kind) : t->lane.next_frame++;
    if (recording.has_loops && event->code->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE) &&
        !(t->stack[t->depth].flags & FRAME_AWAITS)) {
        tasks_enter(t, event, kind == RL_EVENT_CALL);
        tasks_entered(t, frame, kind == RL_EVENT_THROW);
    }
    struct event entered = *event;
    entered.kind = kind;
    if (is_alone) {
        put_switch(t, 0);
    }
    if (kind == RL_EVENT_CALL && info & CODE_ARGS) {
        rows_put_arguments(t, event, id, frame);
    } else if (kind == RL_EVENT_THROW) {
        exception_put(t, &entered, info, frame);
    } else if (kind == RL_EVENT_RESUME && info & CODE_VALUES) {
        PyObject *sent = native_sent(event->frame);
        rows_put_value(t, kind, id, frame, sent != Py_None ? sent : NULL);
    } else {
        (void)lane_put(&t->lane, kind, id, frame);
    }
    push_frame(t, event->frame, frame, id, flags);
    if (recording.level == LEVEL_LINES && kind != RL_EVENT_CALL) {
        t->stack[t->depth].snapshot = lines_take(frame);
    }
}

void stack_leave(struct thread *t, const struct event *event, uint64_t info)
{
    uint64_t key = (uint64_t)(uintptr_t)event->frame;
    uint32_t at = t->stack[t->depth].key == event->frame ? t->depth : frames_find(t, event->frame);
    uint64_t frame = 0;
    int is_generator = (info & CODE_SUSPENDS) != 0;
    if (at != 0) {
        frame = t->stack[at].frame;
    } else if (is_generator && u64map_get(&recording.generators, key) != NULL) {
        frame = *u64map_get(&recording.generators, key);
    } else {
        recorder_count_loss(recording.recorder, RL_LOSS_UNMATCHED, 1);
        return;
    }
    if (info & CODE_LINES) {
        if (t->is_pending && t->pending_in == event->frame && event->kind != RL_EVENT_UNWIND) {
            struct event caught = *event;
            caught.line = (uint32_t)native_line(event->frame);
            exception_put_pending(t, &caught);
        }
        lines_leave(t, event, CODE_ID(info));
    }
    if (event->kind == RL_EVENT_UNWIND) {
        exception_leaves(t, event, info, frame);
    } else {
        rows_put_value(t, event->kind, CODE_ID(info), frame,
                       info & CODE_VALUES ? event->arg : NULL);
    }
    if (t->pending_in == event->frame) {
        t->pending_in = NULL;
    }
    if (t->task_count != 0) {
        tasks_leave(t, frame, event->kind != RL_EVENT_YIELD);
    }
    t->left_at = lane_next_event(&t->lane); /* a task's end is an event, too */
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
        (void)u64map_remove(&recording.generators, key, NULL);
    }
    if (t->active_in == event->frame) {
        t->active_in = NULL; /* off again, until the next call */
        gate_close(t);
    }
}

void stack_record_running(struct thread *t, native_frame *frame)
{
    enum { MOST = 4096 };
    native_frame **found = rl_alloc(MOST, sizeof *found);
    uint32_t count = 0;
    for (; found != NULL && frame != NULL && count < MOST; frame = native_caller(frame)) {
        if (!(codeinfo_of_frame(frame) & CODE_EXCLUDED)) {
            found[count++] = frame;
        }
    }
    if (found == NULL) {
        recorder_count_loss(recording.recorder, RL_LOSS_MEMORY, 1);
    }
    while (count-- > 0 && has_room(t)) {
        uint64_t info = codeinfo_of_frame(found[count]);
        uint64_t identity = t->lane.next_frame++;
        (void)lane_put(&t->lane, RL_EVENT_RUNNING, CODE_ID(info), identity);
        push_frame(t, found[count], identity, CODE_ID(info),
                   FRAME_RUNNING |
                       (info & CODE_SUSPENDS ? suspends_how(native_code(found[count])) : 0));
        if (info & CODE_SUSPENDS) {
            (void)u64map_put(&recording.generators, (uint64_t)(uintptr_t)found[count], identity);
        }
    }
    rl_free(found);
}
