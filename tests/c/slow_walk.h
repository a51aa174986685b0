/* The oracle of the walk over a slot (src/format/slot_walk.h): the two walks that it replaced,
 * event by event, in plain code. One makes the tokens of a chunk, the other the bytes of a summary.
 * They share no code with the product but rows_next() and the hash table. */
#ifndef SLOW_WALK_H
#define SLOW_WALK_H

#include "testing.h"

#include "alloc.h"
#include "map.h"
#include "rec.h"
#include "summary.h"

/* Appends one item to a growing array, and returns its place. */
#define SLOW_ADD(items, count, cap)                                                                \
    ((items) = slow_grow((items), &(cap), (count), sizeof *(items)), &(items)[(count)++])

static inline void *slow_grow(void *items, size_t *cap, size_t count, size_t size)
{
    assert_int_equal(rl_grow(&items, cap, count + 1, size), 0);
    return items;
}

/* ---- the tokens of a chunk ---- */

struct slow_chunk {
    struct frame_ref *stack;
    size_t depth, cap;
    uint64_t next_frame, last_frame, last_ticks;
    uint32_t events;
    struct bytes_out tokens, times, values;
};

static inline void slow_token(struct slow_chunk *chunk, unsigned op, uint64_t value)
{
    bytes_put_varint(&chunk->tokens, value << 3 | op);
}

static inline void slow_frame(struct slow_chunk *chunk, uint64_t frame)
{
    bytes_put_varint(&chunk->tokens, zigzag((int64_t)(frame - chunk->last_frame)));
    chunk->last_frame = frame;
}

static inline void slow_chunk_push(struct slow_chunk *chunk, const struct rec *rec)
{
    *SLOW_ADD(chunk->stack, chunk->depth, chunk->cap) = (struct frame_ref){rec->frame, rec->id, 0};
}

/* An event that is written in full. */
static inline void slow_after_explicit(struct slow_chunk *chunk, const struct rec *rec)
{
    if (kind_begins(rec->kind) && rec->frame == chunk->next_frame) {
        chunk->next_frame++;
    }
    if (kind_enters(rec->kind)) {
        slow_chunk_push(chunk, rec);
    }
    for (size_t i = chunk->depth; kind_leaves(rec->kind) && i-- > 0;) {
        if (chunk->stack[i].frame == rec->frame) {
            memmove(&chunk->stack[i], &chunk->stack[i + 1],
                    (chunk->depth - i - 1) * sizeof *chunk->stack);
            chunk->depth--;
            break;
        }
    }
}

static inline void slow_prefixes(struct slow_chunk *chunk, const struct rec *rec)
{
    if (rec->has_switch) {
        slow_token(chunk, RL_OP_PREFIX, 0);
        slow_frame(chunk, rec->switch_to);
    }
    if (rec->exc != 0 || (rec->line != 0 && !kind_has_line(rec->kind))) {
        slow_token(chunk, RL_OP_PREFIX, 1);
        bytes_put_varint(&chunk->tokens, rec->exc);
        bytes_put_varint(&chunk->tokens, rec->line);
    }
    if (rec->data_len != 0) {
        slow_token(chunk, RL_OP_PREFIX, 2);
        bytes_put_varint(&chunk->values, rec->data_len);
        bytes_put(&chunk->values, rec->data, rec->data_len);
    }
}

static inline void slow_chunk_add(struct slow_chunk *chunk, const struct rec *rec)
{
    unsigned kind = rec->kind;
    struct frame_ref *top = chunk->depth != 0 ? &chunk->stack[chunk->depth - 1] : NULL;
    int is_top_frame = top != NULL && top->frame == rec->frame;
    int is_top = is_top_frame && top->id == rec->id;
    slow_prefixes(chunk, rec);
    if (kind == RL_EVENT_CALL && rec->frame == chunk->next_frame) {
        slow_token(chunk, RL_OP_CALL, rec->id);
        chunk->next_frame++;
        slow_chunk_push(chunk, rec);
    } else if (is_top &&
               (kind == RL_EVENT_RETURN || kind == RL_EVENT_YIELD || kind == RL_EVENT_UNWIND)) {
        slow_token(chunk,
                   kind == RL_EVENT_RETURN  ? RL_OP_RETURN
                   : kind == RL_EVENT_YIELD ? RL_OP_YIELD
                                            : RL_OP_UNWIND,
                   0);
        chunk->depth--;
    } else if (kind == RL_EVENT_RESUME) {
        slow_token(chunk, RL_OP_RESUME, rec->id);
        slow_frame(chunk, rec->frame);
        slow_after_explicit(chunk, rec);
    } else if (is_top_frame && kind >= RL_EVENT_C_CALL && kind <= RL_EVENT_C_RAISE) {
        slow_token(chunk, RL_OP_NATIVE, (uint64_t)rec->id << 2 | (kind - RL_EVENT_C_CALL));
    } else if (is_top && kind_has_line(kind)) {
        uint64_t delta = zigzag((int64_t)rec->line - top->line);
        top->line = rec->line;
        slow_token(chunk, RL_OP_NATIVE, (delta << 1 | (kind == RL_EVENT_WRITE)) << 2 | 3);
    } else {
        slow_token(chunk, RL_OP_EXPLICIT, kind);
        bytes_put_varint(&chunk->tokens, rec->id);
        slow_frame(chunk, rec->frame);
        if (kind_has_line(kind)) {
            bytes_put_varint(&chunk->tokens, rec->line);
        }
        slow_after_explicit(chunk, rec);
    }
    bytes_put_varint(&chunk->times, rec->ticks - chunk->last_ticks);
    chunk->last_ticks = rec->ticks;
    chunk->events++;
}

/* Encodes the rows of a slot. Returns RL_END, or RL_DAMAGED where the chunk is lost. */
static inline rl_status slow_chunk_make(struct slow_chunk *chunk, const struct chunk_info *info,
                                        const uint8_t *data, size_t len)
{
    struct rec rec;
    rl_status status;
    struct rows rows = rows_of(info, data, len);
    chunk->depth = 0;
    chunk->events = 0;
    chunk->next_frame = chunk->last_frame = RL_FRAME(info->thread, info->first_call);
    chunk->last_ticks = info->ticks0;
    bytes_out_reset(&chunk->tokens);
    bytes_out_reset(&chunk->times);
    bytes_out_reset(&chunk->values);
    while ((status = rows_next(&rows, &rec)) == RL_OK) {
        if (rec.kind < RL_EVENT_KINDS) {
            slow_chunk_add(chunk, &rec);
        }
    }
    return status;
}

static inline void slow_chunk_fini(struct slow_chunk *chunk)
{
    rl_free(chunk->stack);
    bytes_out_fini(&chunk->tokens);
    bytes_out_fini(&chunk->times);
    bytes_out_fini(&chunk->values);
}

/* ---- the folded call tree ---- */

struct slow_node {
    uint32_t code, parent, function, max_depth, exc, exc_line, open;
    uint64_t calls, total, self, unwinds;
};

struct slow_function {
    uint32_t code;
    uint64_t total;
};

struct slow_open {
    uint64_t frame, entered;
    uint32_t node, depth;
    int of_node, of_function; /* is the outermost of them, so its time counts */
};

struct slow_lane {
    struct slow_open *stack;
    size_t depth, cap;
    uint64_t last_ticks, next_seq;
    uint32_t serial, root;
    size_t listed;
    int is_over; /* freed at the next chunk */
};

struct slow_summary {
    struct slow_node *nodes;
    size_t node_count, node_cap;
    struct slow_function *functions;
    size_t function_count, function_cap;
    struct summary_thread *threads;
    size_t thread_count, thread_cap;
    struct slow_lane *lanes;
    size_t lane_count, lane_cap;
    uint64_t unlisted, kinds[RL_EVENT_KINDS];
    int is_flat;
    struct u64map node_of, function_of, suspended, lane_of;
};

static inline uint32_t slow_node_new(struct slow_summary *s, uint32_t parent, uint32_t code)
{
    uint32_t function = SUMMARY_NONE;
    if (parent != SUMMARY_NONE) {
        const uint64_t *known = u64map_get(&s->function_of, (uint64_t)code + 1);
        function = (uint32_t)(known != NULL ? *known : s->function_count);
        if (known == NULL) {
            assert_int_equal(u64map_put(&s->function_of, (uint64_t)code + 1, function), 0);
            *SLOW_ADD(s->functions, s->function_count, s->function_cap) =
                (struct slow_function){.code = code};
        }
        uint64_t key = ((uint64_t)parent << 32 | code) + 1;
        assert_int_equal(u64map_put(&s->node_of, key, s->node_count), 0);
    }
    *SLOW_ADD(s->nodes, s->node_count, s->node_cap) =
        (struct slow_node){.code = code, .parent = parent, .function = function};
    return (uint32_t)s->node_count - 1;
}

static inline uint32_t slow_node_for(struct slow_summary *s, const struct slow_lane *lane,
                                     uint32_t parent, uint32_t code)
{
    if (s->nodes[parent].code == code && code != 0) {
        return parent; /* direct recursion */
    }
    const uint64_t *known = u64map_get(&s->node_of, ((uint64_t)parent << 32 | code) + 1);
    if (known != NULL) {
        return (uint32_t)*known;
    }
    if (code != RL_CODE_OTHER && s->function_count >= SUMMARY_FUNCTIONS_MAX &&
        u64map_get(&s->function_of, (uint64_t)code + 1) == NULL) {
        return slow_node_for(s, lane, parent, RL_CODE_OTHER);
    }
    if (s->node_count >= SUMMARY_NODES_MAX && parent != lane->root) {
        s->is_flat = 1;
        return slow_node_for(s, lane, lane->root, code);
    }
    return slow_node_new(s, parent, code);
}

static inline uint32_t slow_top(const struct slow_lane *lane)
{
    return lane->depth != 0 ? lane->stack[lane->depth - 1].node : lane->root;
}

static inline void slow_pass_time(struct slow_summary *s, struct slow_lane *lane, uint64_t ticks)
{
    if (ticks > lane->last_ticks) {
        s->nodes[slow_top(lane)].self += ticks - lane->last_ticks;
        s->nodes[lane->root].total += ticks - lane->last_ticks;
        lane->last_ticks = ticks;
    }
}

static inline void slow_count_time(struct slow_summary *s, const struct slow_open *open,
                                   uint64_t ticks)
{
    s->nodes[open->node].total += open->of_node ? ticks - open->entered : 0;
    s->functions[s->nodes[open->node].function].total +=
        open->of_function ? ticks - open->entered : 0;
}

static inline void slow_push(struct slow_summary *s, struct slow_lane *lane, uint32_t node,
                             uint64_t frame)
{
    struct slow_node *n = &s->nodes[node];
    struct slow_open open = {frame, lane->last_ticks, node, 1, 1, 1};
    if (lane->depth != 0 && slow_top(lane) == node && n->code != RL_CODE_OTHER) {
        open.depth += lane->stack[lane->depth - 1].depth;
    }
    n->max_depth = open.depth > n->max_depth ? open.depth : n->max_depth;
    for (size_t i = lane->depth; open.of_node && i-- > 0;) {
        open.of_node = lane->stack[i].node != node;
        open.of_function &= s->nodes[lane->stack[i].node].function != n->function;
    }
    *SLOW_ADD(lane->stack, lane->depth, lane->cap) = open;
}

/* Closes a frame. The next open frame of the same node or function counts from now on. */
static inline void slow_close(struct slow_summary *s, struct slow_lane *lane, size_t at)
{
    struct slow_open gone = lane->stack[at];
    memmove(&lane->stack[at], &lane->stack[at + 1], (lane->depth - at - 1) * sizeof gone);
    lane->depth--;
    slow_count_time(s, &gone, lane->last_ticks);
    for (size_t i = 0; i < lane->depth && (gone.of_node || gone.of_function); i++) {
        struct slow_open *heir = &lane->stack[i];
        int of_node = gone.of_node && heir->node == gone.node;
        int of_function =
            gone.of_function && s->nodes[heir->node].function == s->nodes[gone.node].function;
        if (of_node || of_function) {
            slow_count_time(s, heir, lane->last_ticks);
            heir->entered = lane->last_ticks;
            heir->of_node |= of_node;
            heir->of_function |= of_function;
            gone.of_node &= !of_node;
            gone.of_function &= !of_function;
        }
    }
}

static inline void slow_end_lane(struct slow_summary *s, struct slow_lane *lane)
{
    for (size_t i = 0; i < lane->depth; i++) {
        slow_count_time(s, &lane->stack[i], lane->last_ticks);
        s->nodes[lane->stack[i].node].open++;
    }
    lane->depth = 0;
}

static inline struct slow_lane *slow_lane_of(struct slow_summary *s, const struct chunk_info *info)
{
    const uint64_t *known = u64map_get(&s->lane_of, info->thread);
    if (known != NULL) {
        return &s->lanes[*known];
    }
    struct slow_lane *lane = SLOW_ADD(s->lanes, s->lane_count, s->lane_cap);
    *lane =
        (struct slow_lane){.serial = info->thread, .last_ticks = info->ticks0, .listed = SIZE_MAX};
    assert_int_equal(u64map_put(&s->lane_of, info->thread, s->lane_count - 1), 0);
    if (s->thread_count < SUMMARY_THREADS_MAX) {
        lane->root = slow_node_new(s, SUMMARY_NONE, 0);
        lane->listed = s->thread_count;
        *SLOW_ADD(s->threads, s->thread_count, s->thread_cap) = (struct summary_thread){
            .serial = info->thread, .root = lane->root, .first_ticks = info->ticks0};
    } else {
        s->unlisted++;
        lane->root = s->threads[0].root;
    }
    return lane;
}

/* Ends the thread whose end was seen in the chunk before. */
static inline void slow_drop_ended(struct slow_summary *s)
{
    for (size_t i = 0; i < s->lane_count; i++) {
        if (s->lanes[i].is_over) {
            slow_end_lane(s, &s->lanes[i]);
            s->lanes[i].is_over = 0;
            (void)u64map_remove(&s->lane_of, s->lanes[i].serial, NULL);
        }
    }
}

static inline struct slow_lane *slow_begin(struct slow_summary *s, const struct chunk_info *info)
{
    slow_drop_ended(s);
    struct slow_lane *lane = slow_lane_of(s, info);
    if (info->first_seq != lane->next_seq) {
        while (lane->depth != 0) {
            slow_close(s, lane, lane->depth - 1);
        }
        slow_pass_time(s, lane, info->ticks0);
    }
    lane->next_seq = info->first_seq + info->events;
    if (info->name != 0 && lane->listed != SIZE_MAX) {
        struct summary_thread *thread = &s->threads[lane->listed];
        thread->first_name = thread->first_name != 0 ? thread->first_name : info->name;
        thread->name = info->name;
    }
    return lane;
}

static inline size_t slow_find(const struct slow_lane *lane, uint64_t frame)
{
    size_t i = lane->depth;
    while (i-- > 0 && lane->stack[i].frame != frame) {
    }
    return i; /* SIZE_MAX where there is none */
}

static inline void slow_enter(struct slow_summary *s, struct slow_lane *lane, const struct rec *rec)
{
    uint64_t where;
    uint32_t node = SUMMARY_NONE;
    if (!kind_begins(rec->kind) && u64map_remove(&s->suspended, rec->frame, &where) &&
        where >> 32 == lane->root) {
        node = (uint32_t)where;
    }
    if (node == SUMMARY_NONE) {
        int is_alone = rec->has_switch && rec->switch_to == 0;
        node = slow_node_for(s, lane, is_alone ? lane->root : slow_top(lane), rec->id);
    }
    if (rec->kind == RL_EVENT_CALL) {
        s->nodes[node].calls++;
        if (lane->listed != SIZE_MAX) {
            s->threads[lane->listed].calls++;
        }
    }
    slow_push(s, lane, node, rec->frame);
}

static inline void slow_leave(struct slow_summary *s, struct slow_lane *lane, const struct rec *rec)
{
    size_t at = slow_find(lane, rec->frame);
    if (at == SIZE_MAX) {
        return;
    }
    struct slow_node *node = &s->nodes[lane->stack[at].node];
    if (rec->kind == RL_EVENT_YIELD && rec->frame != 0) {
        uint64_t where = (uint64_t)lane->root << 32 | lane->stack[at].node;
        assert_int_equal(u64map_put(&s->suspended, rec->frame, where), 0);
    }
    if (rec->kind == RL_EVENT_UNWIND) {
        node->unwinds++;
        node->exc = rec->exc;
        node->exc_line = rec->line;
    }
    slow_close(s, lane, at);
}

static inline void slow_add(struct slow_summary *s, struct slow_lane *lane, const struct rec *rec)
{
    if (rec->kind >= RL_EVENT_KINDS || kind_switches_session(rec->kind, rec->data_len)) {
        return;
    }
    s->kinds[rec->kind]++;
    slow_pass_time(s, lane, rec->ticks);
    struct summary_thread *thread = lane->listed != SIZE_MAX ? &s->threads[lane->listed] : NULL;
    if (thread != NULL) {
        thread->events++;
        thread->last_ticks = lane->last_ticks;
    }
    size_t at = rec->has_switch && rec->switch_to != 0 ? slow_find(lane, rec->switch_to) : SIZE_MAX;
    if (at != SIZE_MAX) {
        struct slow_open top = lane->stack[at];
        memmove(&lane->stack[at], &lane->stack[at + 1], (lane->depth - at - 1) * sizeof top);
        lane->stack[lane->depth - 1] = top;
    }
    if (kind_enters(rec->kind)) {
        slow_enter(s, lane, rec);
    } else if (kind_leaves(rec->kind)) {
        slow_leave(s, lane, rec);
    } else if (rec->kind == RL_EVENT_C_CALL) {
        uint32_t node = slow_node_for(s, lane, slow_top(lane), rec->id);
        s->nodes[node].calls++;
        slow_push(s, lane, node, 0);
    } else if (rec->kind == RL_EVENT_C_RETURN || rec->kind == RL_EVENT_C_RAISE) {
        if (lane->depth != 0 && lane->stack[lane->depth - 1].frame == 0) {
            s->nodes[slow_top(lane)].unwinds += rec->kind == RL_EVENT_C_RAISE;
            slow_close(s, lane, lane->depth - 1);
        }
    } else if (rec->kind == RL_EVENT_THREAD_START && thread != NULL) {
        thread->native_id = rec->frame;
        thread->first_name = rec->id != 0 ? rec->id : thread->first_name;
    } else if (rec->kind == RL_EVENT_THREAD_END) {
        lane->is_over = 1;
        if (thread != NULL) {
            thread->has_ended = 1;
        }
    }
}

/* Counts the events of a slot that became a chunk of `events` events. */
static inline void slow_count(struct slow_summary *s, const struct chunk_info *info,
                              uint32_t events, const uint8_t *data, size_t len)
{
    struct rec rec;
    struct chunk_info whole = *info;
    struct rows rows = rows_of(info, data, len);
    whole.events = events;
    struct slow_lane *lane = slow_begin(s, &whole);
    while (rows_next(&rows, &rec) == RL_OK) {
        slow_add(s, lane, &rec);
    }
}

/* Ends all threads, and gives the payload of a SUMMARY block. */
static inline void slow_end(struct slow_summary *s, uint64_t ticks, struct bytes_out *out)
{
    slow_drop_ended(s);
    for (size_t i = 0; i < s->lane_count; i++) {
        struct slow_lane *lane = &s->lanes[i];
        if (lane->depth != 0) {
            slow_pass_time(s, lane, ticks);
            if (lane->listed != SIZE_MAX) {
                s->threads[lane->listed].last_ticks = lane->last_ticks;
            }
        }
        slow_end_lane(s, lane);
    }
    /* Through the product's own struct, so that summary_put() alone defines the bytes. */
    struct summary all = {.unlisted_threads = s->unlisted, .is_folded_flat = s->is_flat};
    all.threads = s->threads;
    all.thread_count = s->thread_count;
    memcpy(all.kinds, s->kinds, sizeof all.kinds);
    all.node_count = s->node_count;
    all.nodes = rl_zalloc(s->node_count, sizeof *all.nodes);
    all.details = rl_zalloc(s->node_count, sizeof *all.details);
    all.function_count = s->function_count;
    all.functions = rl_zalloc(s->function_count, sizeof *all.functions);
    for (size_t i = 0; i < s->node_count; i++) {
        const struct slow_node *n = &s->nodes[i];
        all.nodes[i] = (struct summary_node){.code = n->code,
                                             .parent = n->parent,
                                             .calls = n->calls,
                                             .total = n->total,
                                             .self = n->self};
        all.details[i] = (struct summary_detail){.max_depth = n->max_depth,
                                                 .exc = n->exc,
                                                 .exc_line = n->exc_line,
                                                 .open = n->open,
                                                 .unwinds = n->unwinds};
    }
    for (size_t i = 0; i < s->function_count; i++) {
        all.functions[i] =
            (struct summary_function){.code = s->functions[i].code, .total = s->functions[i].total};
    }
    summary_put(out, &all);
    rl_free(all.nodes);
    rl_free(all.details);
    rl_free(all.functions);
}

static inline void slow_fini(struct slow_summary *s)
{
    for (size_t i = 0; i < s->lane_count; i++) {
        rl_free(s->lanes[i].stack);
    }
    rl_free(s->lanes);
    rl_free(s->nodes);
    rl_free(s->functions);
    rl_free(s->threads);
    u64map_fini(&s->node_of);
    u64map_fini(&s->function_of);
    u64map_fini(&s->suspended);
    u64map_fini(&s->lane_of);
}

#endif
