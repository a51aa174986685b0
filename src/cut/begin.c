/* Why: see begin.h. */
#include "begin.h"

#include <string.h>

#include "alloc.h"
#include "rec.h"

struct begun_thread *begin_of(const struct begin *begin, uint32_t thread)
{
    const uint64_t *index = u64map_get(&begin->threads, thread);
    return index != NULL ? &begin->of[*index - 1] : NULL;
}

/* Returns the entry of a thread, a new one where it has none; NULL without memory. */
static struct begun_thread *take_thread(struct begin *begin, uint32_t thread)
{
    struct begun_thread *known = begin_of(begin, thread);
    void *of = begin->of;
    if (known != NULL) {
        return known;
    }
    if (rl_grow(&of, &begin->cap, begin->count + 1, sizeof *begin->of) != 0) {
        return NULL;
    }
    begin->of = of;
    if (u64map_put(&begin->threads, thread, begin->count + 1) != 0) {
        return NULL;
    }
    begin->of[begin->count] = (struct begun_thread){.thread = thread};
    return &begin->of[begin->count++];
}

/* Takes the facts about threads and tasks that an event before the cut has. */
static rl_status take_event(struct begin *begin, const struct event_out *event)
{
    struct begun_thread *of = take_thread(begin, event->thread);
    if (of == NULL) {
        return RL_NOMEM;
    }
    of->session = event->session;
    if (event->kind == RL_EVENT_THREAD_START) {
        of->native_id = event->frame;
        of->name = event->id;
    } else if (event->kind == RL_EVENT_TASK_START) {
        return u64map_put(&begin->task_names, event->frame + 1, event->id) == 0 ? RL_OK : RL_NOMEM;
    } else if (event->kind == RL_EVENT_TASK_END) {
        (void)u64map_remove(&begin->task_names, event->frame + 1, NULL);
    }
    return RL_OK;
}

/* Takes the open frames of a thread, but for the one that the first event of the cut enters. Frames
 * that wait, or have no known function, are left out. */
static rl_status take_frames(struct begin *begin, uint32_t thread,
                             const struct open_activation *stack, size_t depth)
{
    struct begun_thread *of = begin_of(begin, thread);
    const struct event_out *first = &begin->first;
    if (of == NULL || depth == 0) {
        return RL_OK;
    }
    of->frames = rl_alloc(depth, sizeof *of->frames);
    if (of->frames == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < depth; i++) {
        int is_entered =
            thread == first->thread && kind_enters(first->kind) && stack[i].frame == first->frame;
        if (!is_entered && !stack[i].waits && stack[i].code != 0) {
            of->frames[of->frame_count++] = stack[i];
        }
    }
    return RL_OK;
}

rl_status begin_read(struct reader *reader, uint32_t thread, uint64_t seq, struct begin *begin)
{
    struct cursor *cursor = NULL;
    struct event_out *event = &begin->first;
    rl_status status = cursor_open(reader, &cursor);
    *begin = (struct begin){0};
    while (status == RL_OK && (status = cursor_next(cursor, event)) == RL_OK) {
        if (event->thread == thread && event->seq == seq) {
            break;
        }
        status = take_event(begin, event);
    }
    if (status == RL_OK) {
        struct begun_thread *of = begin_of(begin, thread);
        if (of != NULL) {
            of->session = event->session;
        }
        event->values = NULL;
        event->values_len = 0;
    }
    for (size_t i = 0; status == RL_OK && i < cursor_threads(cursor); i++) {
        uint32_t serial;
        size_t depth;
        const struct open_activation *stack = cursor_thread_stack(cursor, i, &serial, &depth);
        status = take_frames(begin, serial, stack, depth);
    }
    cursor_close(cursor);
    return status;
}

void begin_fini(struct begin *begin)
{
    for (size_t i = 0; i < begin->count; i++) {
        rl_free(begin->of[i].frames);
    }
    rl_free(begin->of);
    u64map_fini(&begin->threads);
    u64map_fini(&begin->task_names);
    *begin = (struct begin){0};
}
