/* Why: a task that hangs, and a thread that died, are found by how they ended, not by what they
 * did. */
#include "lives.h"

#include <string.h>

#include "alloc.h"
#include "map.h"
#include "value.h"

/* What a pass knows beside the answer. */
struct living {
    struct reader *reader;
    struct cursor *cursor;
    struct lives *out;
    struct u64map threads, tasks; /* number + 1 -> place in the answer */
};

static struct life_event name_event(const struct event_out *event)
{
    return (struct life_event){event->thread, event->kind, event->seq, event->t};
}

/* Returns the life with this number, which begins with the event where it is new. Returns NULL for
 * one that is not listed, and without memory; *status says which. */
static struct life *find_life(struct living *l, int is_task, uint32_t number,
                              const struct event_out *event, rl_status *status)
{
    struct u64map *map = is_task ? &l->tasks : &l->threads;
    struct life **items = is_task ? &l->out->tasks : &l->out->threads;
    size_t *count = is_task ? &l->out->task_count : &l->out->thread_count;
    size_t *cap = is_task ? &l->out->task_cap : &l->out->thread_cap;
    const uint64_t *known = u64map_get(map, (uint64_t)number + 1);
    void *grown = *items;
    if (known != NULL) {
        return &(*items)[*known];
    }
    if (*count >= LIVES_MAX) {
        l->out->unlisted += event->kind == RL_EVENT_TASK_START;
        return NULL;
    }
    if (rl_grow(&grown, cap, *count + 1, sizeof **items) != 0) {
        *status = RL_NOMEM;
        return NULL;
    }
    *items = grown;
    if (u64map_put(map, (uint64_t)number + 1, *count) != 0) {
        *status = RL_NOMEM;
        return NULL;
    }
    struct life *life = &(*items)[(*count)++];
    *life = (struct life){.number = number, .first = name_event(event)};
    return life;
}

/* Takes from a task_start where the task comes from (docs/format.md). */
static void take_origin(struct life *life, const struct event_out *event)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    life->name = event->id;
    if (event->values_len == 0) {
        return;
    }
    if (event->values[0] == RL_VALUE_UNSET) {
        (void)bytes_varint(&in);
    } else if (value_skip(&in) != RL_OK) {
        return; /* damaged */
    }
    if (bytes_left(&in) != 0) {
        life->parent = (uint32_t)bytes_varint(&in);
        life->maker = bytes_varint(&in);
        life->maker_line = life->maker != 0 ? (uint32_t)bytes_varint(&in) : 0;
    }
}

/* Returns whether the event is one of a frame. */
static int is_of_frame(const struct event_out *event)
{
    return event->frame != 0 && (event->kind <= RL_EVENT_WRITE || event->kind == RL_EVENT_RUNNING ||
                                 event->kind == RL_EVENT_CLOSED);
}

/* Returns whether the event is a yield by which a coroutine waits. A generator gives a value to who
 * iterates over it, and goes on with that one. */
static int is_wait(const struct living *l, const struct event_out *event)
{
    return event->kind == RL_EVENT_YIELD &&
           (reader_code(l->reader, event->id).flags & RL_CODE_COROUTINE) != 0;
}

/* Takes an event into the life of its thread or of its task. */
static void take_into(const struct living *l, struct life *life, const struct event_out *event)
{
    life->events++;
    life->last = name_event(event);
    if (!is_of_frame(event)) {
        return;
    }
    if (kind_begins(event->kind)) {
        life->calls++;
    }
    if (kind_enters(event->kind) && life->root == 0) {
        life->root = event->frame; /* a thread may have others, one after the other */
        life->root_code = event->id;
    }
    if (event->kind != RL_EVENT_YIELD && event->kind != RL_EVENT_WRITE) {
        life->wait = (struct life_event){0}; /* what changed meanwhile is written between yields */
    } else if (life->wait.thread == 0 && is_wait(l, event)) {
        life->wait = name_event(event);
    }
    if (kind_ends(event->kind) && event->frame == life->root) {
        life->end = name_event(event);
    }
}

/* Takes an event that begins or ends a thread or a task. Returns whether it was one. */
static int take_border(struct living *l, const struct event_out *event, rl_status *status)
{
    int is_task = event->kind == RL_EVENT_TASK_START || event->kind == RL_EVENT_TASK_END ||
                  event->kind == RL_EVENT_TASK_SWITCH;
    if (!is_task && event->kind != RL_EVENT_THREAD_START && event->kind != RL_EVENT_THREAD_END) {
        return 0;
    }
    uint32_t number = is_task ? (uint32_t)event->frame : event->thread;
    struct life *life = find_life(l, is_task, number, event, status);
    if (life == NULL) {
        return 1;
    }
    life->last = name_event(event);
    if (event->kind == RL_EVENT_TASK_START) {
        take_origin(life, event);
    } else if (event->kind == RL_EVENT_THREAD_START) {
        life->name = event->id != 0 ? event->id : life->name;
    } else if (event->kind != RL_EVENT_TASK_SWITCH) {
        life->has_ended = 1;
    }
    return 1;
}

static rl_status take_event(struct living *l, const struct event_out *event)
{
    rl_status status = RL_OK;
    int is_border = take_border(l, event, &status);
    struct life *thread = find_life(l, 0, event->thread, event, &status);
    if (thread != NULL && !is_border) {
        take_into(l, thread, event);
    } else if (thread != NULL) {
        thread->events++;
        thread->last = name_event(event);
    }
    if (status == RL_OK && event->task != 0 && !is_border) {
        struct life *task = find_life(l, 1, event->task, event, &status);
        if (task != NULL) {
            take_into(l, task, event);
        }
    }
    return status;
}

/* Counts the frames that are open after the last event. */
static void count_open(struct living *l, const struct event_out *last)
{
    size_t depth, count = l->out->thread_count != 0 ? cursor_threads(l->cursor) : 0;
    uint32_t thread;
    for (size_t i = 0; i < count; i++) {
        const struct open_activation *stack = cursor_thread_stack(l->cursor, i, &thread, &depth);
        const uint64_t *place = u64map_get(&l->threads, (uint64_t)thread + 1);
        int has_left = depth != 0 && last->thread == thread && kind_leaves(last->kind) &&
                       stack[depth - 1].frame == last->frame;
        if (place != NULL) {
            l->out->threads[*place].open = (uint32_t)(depth - (size_t)has_left);
        }
    }
}

rl_status lives_read(struct reader *reader, struct lives *out)
{
    struct living living = {.reader = reader, .out = out};
    struct event_out event = {0}, last = {0};
    *out = (struct lives){0};
    rl_status status = cursor_open(reader, &living.cursor);
    while (status == RL_OK && (status = cursor_next(living.cursor, &event)) == RL_OK) {
        status = take_event(&living, &event);
        last = event;
    }
    if (status != RL_NOMEM && living.cursor != NULL) {
        count_open(&living, &last);
    }
    cursor_close(living.cursor);
    u64map_fini(&living.threads);
    u64map_fini(&living.tasks);
    if (status == RL_NOMEM) {
        lives_fini(out);
        return status;
    }
    return RL_OK;
}

void lives_fini(struct lives *lives)
{
    rl_free(lives->threads);
    rl_free(lives->tasks);
    *lives = (struct lives){0};
}
