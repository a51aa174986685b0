/* Why: a task that hangs, and a thread that died, are found by how they ended, not by what they
 * did. */
#include "lives.h"

#include <string.h>

#include "alloc.h"
#include "skim.h"
#include "value.h"

static struct life_event name_event(const struct event_out *event)
{
    return (struct life_event){event->thread, event->kind, event->seq, event->ticks};
}

/* Returns the life with this number, which begins with the event where it is new. Returns NULL for
 * one that is not listed, and without memory; *status says which. */
static struct life *find_life(struct lives_pass *l, int is_task, uint32_t number,
                              const struct event_out *event, rl_status *status)
{
    struct u64map *map = is_task ? &l->tasks : &l->threads;
    struct life **items = is_task ? &l->out.tasks : &l->out.threads;
    size_t *count = is_task ? &l->out.task_count : &l->out.thread_count;
    size_t *cap = is_task ? &l->out.task_cap : &l->out.thread_cap;
    const uint64_t *known = u64map_get(map, (uint64_t)number + 1);
    void *grown = *items;
    if (known != NULL) {
        return &(*items)[*known];
    }
    if (*count >= LIVES_MAX) {
        l->out.unlisted += event->kind == RL_EVENT_TASK_START;
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
static int is_wait(const struct lives_pass *l, const struct event_out *event)
{
    return event->kind == RL_EVENT_YIELD &&
           (reader_code(l->reader, event->id).flags & RL_CODE_COROUTINE) != 0;
}

/* Takes an event into the life of its thread or of its task. */
static void take_into(const struct lives_pass *l, struct life *life, const struct event_out *event)
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
static int take_border(struct lives_pass *l, const struct event_out *event, rl_status *status)
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

rl_status lives_pass_take(struct lives_pass *pass, const struct event_out *event)
{
    rl_status status = RL_OK;
    int is_border = take_border(pass, event, &status);
    struct life *thread = find_life(pass, 0, event->thread, event, &status);
    if (thread != NULL && !is_border) {
        take_into(pass, thread, event);
    } else if (thread != NULL) {
        thread->events++;
        thread->last = name_event(event);
    }
    if (status == RL_OK && event->task != 0 && !is_border) {
        struct life *task = find_life(pass, 1, event->task, event, &status);
        if (task != NULL) {
            take_into(pass, task, event);
        }
    }
    pass->last.kind = event->kind;
    pass->last.thread = event->thread;
    pass->last.frame = event->frame;
    return status;
}

void lives_pass_fini(struct lives_pass *pass)
{
    struct reader *reader = pass->reader;
    lives_fini(&pass->out);
    u64map_fini(&pass->threads);
    u64map_fini(&pass->tasks);
    *pass = (struct lives_pass){.reader = reader};
}

/* Counts the frames that are open after the last event. */
static void count_open(struct lives_pass *pass, struct cursor *cursor)
{
    size_t depth, count = pass->out.thread_count != 0 ? cursor_threads(cursor) : 0;
    uint32_t thread;
    for (size_t i = 0; i < count; i++) {
        const struct open_activation *stack = cursor_thread_stack(cursor, i, &thread, &depth);
        const uint64_t *place = u64map_get(&pass->threads, (uint64_t)thread + 1);
        int has_left = depth != 0 && pass->last.thread == thread && kind_leaves(pass->last.kind) &&
                       stack[depth - 1].frame == pass->last.frame;
        if (place != NULL) {
            pass->out.threads[*place].open = (uint32_t)(depth - (size_t)has_left);
        }
    }
}

/* Begins behind what an index covers, where it has the lives; otherwise at the first event. */
static rl_status begin(struct lives_pass *pass, struct skim *skim)
{
    const struct index *index = pass->reader->index;
    struct bytes_out bytes = {0};
    rl_status status = index != NULL ? index_lives(index, &bytes) : RL_DAMAGED;
    status = status == RL_OK ? lives_pass_load(pass, bytes.data, bytes.len) : status;
    bytes_out_fini(&bytes);
    if (status == RL_NOMEM) {
        return status;
    }
    int is_known = status == RL_OK;
    status = skim_open(pass->reader, 0, is_known ? index->count : 0, NULL, skim);
    if (status == RL_OK && is_known && skim->given == 0) { /* the state was of no use */
        lives_pass_fini(pass);
    }
    return status;
}

rl_status lives_read(struct reader *reader, struct lives *out)
{
    struct lives_pass pass = {.reader = reader};
    struct event_out event;
    struct skim skim = {0};
    rl_status status = begin(&pass, &skim);
    while (status == RL_OK && (status = skim_next(&skim, NULL, &event)) == RL_OK) {
        status = lives_pass_take(&pass, &event);
    }
    if (status != RL_NOMEM) {
        count_open(&pass, skim.cursor);
        *out = pass.out;
        pass.out = (struct lives){0};
    }
    skim_close(&skim);
    lives_pass_fini(&pass);
    return status == RL_NOMEM ? status : RL_OK;
}

void lives_fini(struct lives *lives)
{
    rl_free(lives->threads);
    rl_free(lives->tasks);
    *lives = (struct lives){0};
}
