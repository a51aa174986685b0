/* Why: see origin_back.h.
 *
 *   a lane: the chunks of one thread, from the place back
 *
 *      WAITING   key = when its next chunk ends        | its turn: load_chunk()
 *      LOADED    key = time of its next event          | its turn: given; the last one: WAITING
 *      EMPTY     no chunk is left
 *
 * A chunk in which nothing is wanted is left out when it would be loaded.
 *
 * Invariant: the lane with the greatest key has the next event. Of equal keys, it is the thread
 * with the greatest number, since the cursor gives that one last. */
#include "origin_back.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "holds.h"

/* An event without what a decoder alone knows. Its values are in the lane's bytes. */
struct past {
    uint64_t seq, t, ticks, frame;
    uint32_t id, line, exc, task;
    uint32_t values_at, values_len;
    uint8_t kind;
};

struct lane {
    uint32_t thread;
    size_t first_ref, next_ref; /* chunks that are left: from the first one up to the next one */
    int is_loaded;
    uint64_t key;
    struct past *events; /* owned */
    size_t left, cap;
    struct bytes_out values;
    size_t stretch; /* of the index: those from here on are behind the next chunk */
    uint64_t top;   /* innermost frame before the first event of the chunk */
};

struct back {
    struct reader *reader;
    struct lane *lanes; /* owned */
    size_t lane_count;
    struct lane *last; /* of the last event */
    uint64_t until;    /* ticks: events behind this time, or at it in a later thread, come after the
                          place */
    uint32_t until_thread;
    uint64_t until_seq;                /* of that thread */
    uint64_t floor;                    /* ticks: events before them are not given */
    uint64_t since;                    /* ns, the same */
    int is_below;                      /* there are such events */
    const struct index_wanted *wanted; /* borrowed, as are the bytes; NULL = any */
    const uint8_t *bytes;
    struct bytes_out scratch;
};

static void unload(struct lane *lane)
{
    rl_free(lane->events);
    bytes_out_fini(&lane->values);
    lane->events = NULL;
    lane->left = lane->cap = 0;
    lane->is_loaded = 0;
}

void back_close(struct back *back)
{
    if (back == NULL) {
        return;
    }
    for (size_t i = 0; i < back->lane_count; i++) {
        unload(&back->lanes[i]);
    }
    bytes_out_fini(&back->scratch);
    rl_free(back->lanes);
    rl_free(back);
}

/* Returns the number of the event behind those of a chunk. */
static uint64_t chunk_end(const struct reader *reader, size_t ref)
{
    const struct chunk_info *info = &reader->chunks[ref].info;
    int is_last =
        ref + 1 == reader->chunk_count || info->thread != reader->chunks[ref + 1].info.thread;
    return is_last ? UINT64_MAX : reader->chunks[ref + 1].info.first_seq;
}

static int is_behind(const struct back *back, const struct event_out *event)
{
    if (event->thread == back->until_thread) {
        return event->seq > back->until_seq;
    }
    return event->ticks != back->until ? event->ticks > back->until
                                       : event->thread > back->until_thread;
}

static rl_status keep_event(struct lane *lane, const struct event_out *event)
{
    void *events = lane->events;
    if (rl_grow(&events, &lane->cap, lane->left + 1, sizeof *lane->events) != 0) {
        return RL_NOMEM;
    }
    lane->events = events;
    lane->events[lane->left++] = (struct past){.seq = event->seq,
                                               .t = event->t,
                                               .ticks = event->ticks,
                                               .frame = event->frame,
                                               .id = event->id,
                                               .line = event->line,
                                               .exc = event->exc,
                                               .task = event->task,
                                               .values_at = (uint32_t)lane->values.len,
                                               .values_len = event->values_len,
                                               .kind = event->kind};
    if (event->values_len != 0) {
        bytes_put(&lane->values, event->values, event->values_len);
    }
    return lane->values.failed || lane->values.len > UINT32_MAX ? RL_NOMEM : RL_OK;
}

/* Returns the frame below the first event of a chunk: what the cursor had before it. */
static uint64_t frame_below(const struct cursor *cursor, const struct event_out *event)
{
    size_t depth;
    const struct open_activation *stack = cursor_stack(cursor, &depth);
    size_t entered = kind_enters(event->kind) ? 1 : 0;
    return depth > entered && !event->is_of_before ? stack[depth - 1 - entered].frame : 0;
}

/* Decodes the next chunk of a lane, which may have no event before the place. */
static rl_status load_chunk(struct back *back, struct lane *lane)
{
    struct cursor *cursor = NULL;
    struct event_out event;
    size_t ref = --lane->next_ref;
    uint64_t end = chunk_end(back->reader, ref);
    int is_first = 1;
    unload(lane);
    rl_status status = cursor_open_thread(back->reader, lane->thread,
                                          back->reader->chunks[ref].info.first_seq, &cursor);
    while (status == RL_OK && (status = cursor_next(cursor, &event)) == RL_OK && event.seq < end &&
           !is_behind(back, &event)) {
        lane->top = is_first ? frame_below(cursor, &event) : lane->top;
        is_first = 0;
        status = keep_event(lane, &event);
    }
    cursor_close(cursor);
    lane->is_loaded = lane->left != 0;
    lane->key = lane->is_loaded ? lane->events[lane->left - 1].ticks : 0;
    return status == RL_NOMEM ? RL_NOMEM : RL_OK;
}

/* ---- what is left out ---- */

void back_want(struct back *back, const struct index_wanted *wanted, const uint8_t *bytes)
{
    back->wanted = wanted;
    back->bytes = bytes;
}

/* Returns whether the index says that the next chunk of a lane has nothing that is wanted. */
static int index_lacks(const struct back *back, struct lane *lane)
{
    const struct index *index = back->reader->index;
    const struct chunk_info *info = &back->reader->chunks[lane->next_ref - 1].info;
    uint64_t first = info->first_seq, end = first + info->events;
    if (index == NULL || back->wanted == NULL || info->events == 0) {
        return 0;
    }
    lane->stretch = lane->stretch < index->count ? lane->stretch : index->count;
    int is_covered = lane->stretch < index->count;
    for (size_t i = lane->stretch; i-- > 0;) {
        const struct index_stretch *stretch = &index->stretches[i];
        const struct index_thread *thread = index_thread_of(stretch, lane->thread);
        if (thread == NULL || thread->last < thread->first) {
            continue;
        }
        is_covered |= thread->last + 1 >= end;
        if (thread->first >= end) {
            lane->stretch = i; /* chunks before this one end before it, too */
            continue;
        }
        if (thread->last < first) {
            break;
        }
        if (!is_covered || index_may_have(stretch, back->wanted)) {
            return 0;
        }
    }
    return is_covered;
}

/* Returns whether the next chunk of a lane may be left out; -1 without memory. */
static int may_leave_out(struct back *back, struct lane *lane)
{
    if (index_lacks(back, lane)) {
        return 1;
    }
    if (back->bytes == NULL) {
        return 0;
    }
    int holds = holds_bytes(back->reader, lane->next_ref - 1, back->bytes, &back->scratch);
    return holds < 0 ? -1 : !holds;
}

/* Returns when a chunk ends; of one that is being written, when it has begun. */
static uint64_t end_of(const struct chunk_info *info)
{
    return info->ticks1 != 0 ? info->ticks1 : info->ticks0;
}

/* The chunk that ends last comes first. */
static int by_end(const void *a, const void *b)
{
    const struct chunk_info *const *x = a, *const *y = b;
    return end_of(*x) > end_of(*y) ? -1 : end_of(*x) < end_of(*y);
}

rl_status back_limit(struct back *back, uint64_t events, uint64_t since)
{
    const struct reader *reader = back->reader;
    const struct chunk_info **chunks = rl_alloc(reader->chunk_count + 1, sizeof *chunks);
    size_t count = 0;
    if (chunks == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < back->lane_count; i++) {
        size_t loaded = back->lanes[i].is_loaded != 0;
        for (size_t ref = back->lanes[i].first_ref; ref < back->lanes[i].next_ref + loaded; ref++) {
            chunks[count++] = &reader->chunks[ref].info;
        }
    }
    if (count != 0) {
        qsort(chunks, count, sizeof *chunks, by_end);
    }
    for (size_t i = 0; events != 0 && i < count; i++) {
        if (chunks[i]->events >= events) {
            back->floor = end_of(chunks[i]);
            break;
        }
        events -= chunks[i]->events;
    }
    back->since = since;
    rl_free(chunks);
    return RL_OK;
}

/* Returns whether an event at this time is too far back. */
static int is_below(const struct back *back, uint64_t ticks)
{
    return ticks < back->floor || (back->since != 0 && ticks != UINT64_MAX &&
                                   reader_time(back->reader, ticks) < back->since);
}

int back_is_cut_off(const struct back *back)
{
    return back->is_below;
}

/* ---- lanes ---- */

/* Sets the key of a lane whose chunk is used up. */
static void await_chunk(const struct back *back, struct lane *lane)
{
    unload(lane);
    if (lane->next_ref == lane->first_ref) {
        lane->key = 0;
        return;
    }
    const struct chunk_info *info = &back->reader->chunks[lane->next_ref - 1].info;
    lane->key = info->ticks1 != 0 ? info->ticks1 : UINT64_MAX;
}

/* Adds the lane of a thread whose chunks are [first, end). */
static void add_lane(struct back *back, size_t first, size_t end)
{
    struct lane *lane = &back->lanes[back->lane_count++];
    const struct chunk_ref *chunks = back->reader->chunks;
    *lane = (struct lane){.thread = chunks[first].info.thread,
                          .first_ref = first,
                          .next_ref = end,
                          .stretch = SIZE_MAX};
    while (lane->thread == back->until_thread && lane->next_ref > first &&
           chunks[lane->next_ref - 1].info.first_seq > back->until_seq) {
        lane->next_ref--;
    }
}

/* Finds the time of the place, which orders the other threads. */
static rl_status find_time(struct back *back, struct lane *lane)
{
    rl_status status = RL_OK;
    while (status == RL_OK && !lane->is_loaded && lane->next_ref != lane->first_ref) {
        status = load_chunk(back, lane);
    }
    back->until = lane->key;
    return status;
}

rl_status back_open(struct reader *reader, uint32_t thread, uint64_t seq, int is_alone,
                    struct back **out)
{
    struct back *back = rl_zalloc(1, sizeof *back);
    const struct chunk_ref *chunks = reader->chunks;
    size_t threads = 0;
    rl_status status = RL_OK;
    for (size_t i = 0; i < reader->chunk_count; i++) {
        threads += i == 0 || chunks[i].info.thread != chunks[i - 1].info.thread;
    }
    if (back == NULL || (back->lanes = rl_zalloc(threads, sizeof *back->lanes)) == NULL) {
        rl_free(back);
        return RL_NOMEM;
    }
    back->reader = reader;
    back->until_thread = thread;
    back->until_seq = seq;
    for (size_t first = 0, end; first < reader->chunk_count; first = end) {
        uint32_t one = chunks[first].info.thread;
        for (end = first + 1; end < reader->chunk_count && chunks[end].info.thread == one; end++) {
        }
        if (!is_alone || one == thread) {
            add_lane(back, first, end);
        }
    }
    for (size_t i = 0; i < back->lane_count && status == RL_OK; i++) {
        if (back->lanes[i].thread == thread) {
            status = find_time(back, &back->lanes[i]);
        }
    }
    for (size_t i = 0; i < back->lane_count; i++) {
        struct lane *lane = &back->lanes[i];
        while (lane->thread != thread && lane->next_ref > lane->first_ref &&
               chunks[lane->next_ref - 1].info.ticks0 > back->until) {
            lane->next_ref--;
        }
        if (lane->thread != thread) {
            await_chunk(back, lane);
        }
    }
    if (status != RL_OK) {
        back_close(back);
        return status;
    }
    *out = back;
    return RL_OK;
}

/* Returns the lane whose turn it is, NULL at the end. */
static struct lane *next_lane(const struct back *back)
{
    struct lane *best = NULL;
    for (size_t i = 0; i < back->lane_count; i++) {
        struct lane *lane = &back->lanes[i];
        if ((lane->is_loaded || lane->next_ref != lane->first_ref) &&
            (best == NULL || lane->key >= best->key)) {
            best = lane; /* lanes are in the order of their threads */
        }
    }
    return best;
}

rl_status back_prev(struct back *back, struct event_out *event)
{
    if (back->last != NULL && back->last->left == 0) {
        await_chunk(back, back->last);
    }
    back->last = NULL;
    struct lane *lane;
    while ((lane = next_lane(back)) != NULL && !lane->is_loaded && !is_below(back, lane->key)) {
        int leaves_out = may_leave_out(back, lane);
        if (leaves_out > 0) {
            const struct chunk_info *info = &back->reader->chunks[--lane->next_ref].info;
            back->is_below |= is_below(back, info->ticks0);
        }
        if (leaves_out < 0 || (leaves_out == 0 && load_chunk(back, lane) != RL_OK)) {
            return RL_NOMEM;
        }
        if (!lane->is_loaded) {
            await_chunk(back, lane);
        }
    }
    if (lane == NULL || is_below(back, lane->key)) {
        back->is_below |= lane != NULL;
        return RL_END;
    }
    const struct past *past = &lane->events[--lane->left];
    *event = (struct event_out){
        .kind = past->kind,
        .thread = lane->thread,
        .id = past->id,
        .exc = past->exc,
        .line = past->line,
        .seq = past->seq,
        .t = past->t,
        .ticks = past->ticks,
        .frame = past->frame,
        .task = past->task,
        .values = past->values_len != 0 ? lane->values.data + past->values_at : NULL,
        .values_len = past->values_len};
    lane->key = lane->left != 0 ? past[-1].ticks : lane->key;
    back->last = lane;
    return RL_OK;
}

int back_is_first(const struct back *back, uint64_t *top)
{
    int is_first = back->last != NULL && back->last->left == 0;
    *top = is_first ? back->last->top : 0;
    return is_first;
}
