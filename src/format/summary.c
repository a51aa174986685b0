/* Why: see summary.h.
 * Invariants: a node's parent has a smaller index; nodes and live frames bound the memory.
 * Threads: belongs to the writer thread, or to one reader. */
#include "summary.h"

#include <string.h>

#include "alloc.h"

struct open_frame {
    uint64_t frame; /* 0: a call of a function written in C */
    uint64_t entered;
    uint32_t node;
    uint32_t depth; /* 1, or more inside a direct recursion, whose time is in the outermost */
};

struct summary_lane {
    struct open_frame *stack; /* owned */
    size_t depth, cap;
    uint64_t last_ticks;
    uint64_t next_seq; /* number of the event that the next chunk begins with, if none is lost */
    uint32_t root;
    uint32_t serial;
    uint32_t session; /* that the thread is in, 0 = none */
    size_t listed;    /* index into threads, or SIZE_MAX */
};

static void lane_free(struct summary_lane *lane)
{
    if (lane != NULL) {
        rl_free(lane->stack);
        rl_free(lane);
    }
}

void summary_fini(struct summary *summary)
{
    for (size_t i = 0; i < summary->lanes.capacity; i++) {
        if (summary->lanes.entries[i].key != 0) {
            lane_free((struct summary_lane *)(uintptr_t)summary->lanes.entries[i].value);
        }
    }
    u64map_fini(&summary->lanes);
    u64map_fini(&summary->node_of);
    u64map_fini(&summary->suspended);
    rl_free(summary->nodes);
    rl_free(summary->threads);
    memset(summary, 0, sizeof *summary);
}

static uint32_t new_node(struct summary *summary, uint32_t parent, uint32_t code)
{
    void *nodes = summary->nodes;
    if (rl_grow(&nodes, &summary->node_cap, summary->node_count + 1, sizeof *summary->nodes) != 0) {
        summary->failed = 1;
        return SUMMARY_NONE;
    }
    summary->nodes = nodes;
    uint32_t index = (uint32_t)summary->node_count;
    summary->nodes[index] = (struct summary_node){.code = code,
                                                  .parent = parent,
                                                  .first_child = SUMMARY_NONE,
                                                  .last_child = SUMMARY_NONE,
                                                  .next = SUMMARY_NONE};
    summary->node_count++;
    if (parent != SUMMARY_NONE) {
        struct summary_node *p = &summary->nodes[parent];
        if (p->last_child != SUMMARY_NONE) {
            summary->nodes[p->last_child].next = index;
        } else {
            p->first_child = index;
        }
        p->last_child = index;
    }
    return index;
}

/* The node of `code` called from `parent`: the parent itself in a direct recursion. */
static uint32_t node_for(struct summary *summary, const struct summary_lane *lane, uint32_t parent,
                         uint32_t code)
{
    if (summary->nodes[parent].code == code && code != 0) {
        return parent;
    }
    uint64_t key = (uint64_t)parent << 32 | code;
    const uint64_t *known = u64map_get(&summary->node_of, key + 1);
    if (known != NULL) {
        return (uint32_t)*known;
    }
    if (summary->node_count >= SUMMARY_NODES_MAX && parent != lane->root) {
        summary->is_folded_flat = 1;
        return node_for(summary, lane, lane->root, code);
    }
    uint32_t node = new_node(summary, parent, code);
    if (node == SUMMARY_NONE || u64map_put(&summary->node_of, key + 1, node) != 0) {
        summary->failed = 1;
        return parent;
    }
    return node;
}

static struct summary_lane *new_lane(struct summary *summary, const struct chunk_info *info)
{
    struct summary_lane *lane = rl_zalloc(1, sizeof *lane);
    if (lane == NULL || u64map_put(&summary->lanes, info->thread, (uint64_t)(uintptr_t)lane) != 0) {
        rl_free(lane);
        summary->failed = 1;
        return NULL;
    }
    lane->serial = info->thread;
    lane->listed = SIZE_MAX;
    void *threads = summary->threads;
    if (summary->thread_count < SUMMARY_THREADS_MAX &&
        rl_grow(&threads, &summary->thread_cap, summary->thread_count + 1,
                sizeof *summary->threads) == 0) {
        summary->threads = threads;
        lane->root = new_node(summary, SUMMARY_NONE, 0);
        lane->listed = summary->thread_count++;
        summary->threads[lane->listed] = (struct summary_thread){
            .serial = info->thread, .root = lane->root, .first_ticks = info->ticks0};
    } else {
        summary->unlisted_threads++;
        lane->root = summary->thread_count != 0 ? summary->threads[0].root : 0;
    }
    if (summary->node_count == 0 || lane->root == SUMMARY_NONE) {
        (void)u64map_remove(&summary->lanes, info->thread, NULL);
        lane_free(lane);
        summary->failed = 1;
        return NULL;
    }
    return lane;
}

struct summary_lane *summary_begin_chunk(struct summary *summary, const struct chunk_info *info)
{
    if (summary->ended != NULL) {
        (void)u64map_remove(&summary->lanes, summary->ended->serial, NULL);
        lane_free(summary->ended);
        summary->ended = NULL;
    }
    const uint64_t *known = u64map_get(&summary->lanes, info->thread);
    struct summary_lane *lane =
        known != NULL ? (struct summary_lane *)(uintptr_t)*known : new_lane(summary, info);
    if (lane == NULL) {
        return NULL;
    }
    /* Event numbers show a loss. Chunk numbers do not: a slot of definitions alone takes a number
     * and becomes no chunk. */
    if (info->first_seq != lane->next_seq) {
        lane->depth = 0; /* what was open then is not known any more */
        lane->last_ticks = info->ticks0;
    }
    lane->next_seq = info->first_seq + info->events;
    return lane;
}

static uint32_t top_node(const struct summary_lane *lane)
{
    return lane->depth != 0 ? lane->stack[lane->depth - 1].node : lane->root;
}

static void push(struct summary *summary, struct summary_lane *lane, uint32_t node, uint64_t frame,
                 uint64_t ticks)
{
    void *stack = lane->stack;
    if (rl_grow(&stack, &lane->cap, lane->depth + 1, sizeof *lane->stack) != 0) {
        summary->failed = 1;
        return;
    }
    lane->stack = stack;
    uint32_t depth = 1;
    if (lane->depth != 0 && top_node(lane) == node) {
        depth += lane->stack[lane->depth - 1].depth;
    }
    if (depth > summary->nodes[node].max_depth) {
        summary->nodes[node].max_depth = depth;
    }
    lane->stack[lane->depth++] = (struct open_frame){frame, ticks, node, depth};
}

static void leave(struct summary *summary, struct summary_lane *lane, size_t at, uint64_t ticks)
{
    struct open_frame gone = lane->stack[at];
    memmove(&lane->stack[at], &lane->stack[at + 1], (lane->depth - at - 1) * sizeof *lane->stack);
    lane->depth--;
    if (gone.depth == 1) {
        summary->nodes[gone.node].total += ticks - gone.entered;
    }
}

static size_t find_open(const struct summary_lane *lane, uint64_t frame)
{
    for (size_t i = lane->depth; i-- > 0;) {
        if (lane->stack[i].frame == frame) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void enter_frame(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    uint32_t node;
    const uint64_t *suspended =
        kind_begins(rec->kind) ? NULL : u64map_get(&summary->suspended, rec->frame);
    if (suspended != NULL) {
        node = (uint32_t)*suspended;
        (void)u64map_remove(&summary->suspended, rec->frame, NULL);
    } else {
        node = node_for(summary, lane, top_node(lane), rec->id);
    }
    struct summary_node *n = &summary->nodes[node];
    if (rec->kind == RL_EVENT_CALL) {
        n->calls++;
        if (lane->listed != SIZE_MAX) {
            summary->threads[lane->listed].calls++;
        }
    }
    push(summary, lane, node, rec->frame, rec->ticks);
}

static void leave_frame(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    size_t at = find_open(lane, rec->frame);
    if (at == SIZE_MAX) {
        return;
    }
    uint32_t node = lane->stack[at].node;
    if (rec->kind == RL_EVENT_YIELD && u64map_put(&summary->suspended, rec->frame, node) != 0) {
        summary->failed = 1;
    }
    if (rec->kind == RL_EVENT_UNWIND) {
        summary->nodes[node].unwinds++;
        summary->nodes[node].exc = rec->exc;
        summary->nodes[node].exc_line = rec->line;
    }
    leave(summary, lane, at, rec->ticks);
}

static int is_wanted(const struct summary *summary, const struct summary_lane *lane)
{
    return summary->session == 0 || summary->session == lane->session;
}

void summary_add(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    if (rec->kind >= RL_EVENT_KINDS) {
        return;
    }
    if (kind_switches_session(rec->kind, rec->data_len)) {
        if (lane != NULL) {
            lane->session = rec->id;
        }
        return;
    }
    summary->kinds[rec->kind]++;
    if (lane == NULL || (kind_enters(rec->kind) && !is_wanted(summary, lane))) {
        return;
    }
    summary->nodes[top_node(lane)].self += lane->depth != 0 ? rec->ticks - lane->last_ticks : 0;
    lane->last_ticks = rec->ticks;
    struct summary_thread *thread =
        lane->listed != SIZE_MAX ? &summary->threads[lane->listed] : NULL;
    if (thread != NULL) {
        thread->events++;
        thread->last_ticks = rec->ticks;
    }
    if (rec->has_switch) {
        size_t at = find_open(lane, rec->switch_to);
        if (at != SIZE_MAX) {
            struct open_frame top = lane->stack[at];
            memmove(&lane->stack[at], &lane->stack[at + 1],
                    (lane->depth - at - 1) * sizeof *lane->stack);
            lane->stack[lane->depth - 1] = top;
        }
    }
    if (kind_enters(rec->kind)) {
        enter_frame(summary, lane, rec);
    } else if (kind_leaves(rec->kind)) {
        leave_frame(summary, lane, rec);
    } else if (rec->kind == RL_EVENT_C_CALL && is_wanted(summary, lane)) {
        uint32_t node = node_for(summary, lane, top_node(lane), rec->id);
        summary->nodes[node].calls++;
        push(summary, lane, node, 0, rec->ticks);
    } else if (rec->kind == RL_EVENT_C_RETURN || rec->kind == RL_EVENT_C_RAISE) {
        if (lane->depth != 0 && lane->stack[lane->depth - 1].frame == 0) {
            summary->nodes[top_node(lane)].unwinds += rec->kind == RL_EVENT_C_RAISE;
            leave(summary, lane, lane->depth - 1, rec->ticks);
        }
    } else if (rec->kind == RL_EVENT_THREAD_START && thread != NULL) {
        thread->native_id = rec->frame;
    } else if (rec->kind == RL_EVENT_THREAD_END) {
        if (thread != NULL) {
            thread->has_ended = 1;
        }
        summary->ended = lane;
    }
}

void summary_put(struct bytes_out *out, const struct summary *summary)
{
    bytes_put_varint(out, RL_EVENT_KINDS);
    for (int i = 0; i < RL_EVENT_KINDS; i++) {
        bytes_put_varint(out, summary->kinds[i]);
    }
    bytes_put_varint(out, (uint64_t)summary->is_folded_flat | (uint64_t)summary->failed << 1);
    bytes_put_varint(out, summary->unlisted_threads);
    bytes_put_varint(out, summary->thread_count);
    for (size_t i = 0; i < summary->thread_count; i++) {
        const struct summary_thread *t = &summary->threads[i];
        bytes_put_varint(out, t->serial);
        bytes_put_varint(out, t->root);
        bytes_put_varint(out, t->native_id);
        bytes_put_varint(out, t->first_ticks);
        bytes_put_varint(out, t->last_ticks);
        bytes_put_varint(out, t->events);
        bytes_put_varint(out, t->calls);
        bytes_put_varint(out, t->has_ended);
    }
    bytes_put_varint(out, summary->node_count);
    for (size_t i = 0; i < summary->node_count; i++) {
        const struct summary_node *n = &summary->nodes[i];
        bytes_put_varint(out, n->code);
        bytes_put_varint(out, n->parent == SUMMARY_NONE ? 0 : n->parent + 1);
        bytes_put_varint(out, n->max_depth);
        bytes_put_varint(out, n->exc);
        bytes_put_varint(out, n->exc_line);
        bytes_put_varint(out, n->calls);
        bytes_put_varint(out, n->total);
        bytes_put_varint(out, n->self);
        bytes_put_varint(out, n->unwinds);
    }
}

static rl_status get_threads(struct bytes_in *in, struct summary *summary)
{
    uint64_t count = bytes_varint(in);
    if (count > SUMMARY_THREADS_MAX || count > bytes_left(in)) {
        return RL_DAMAGED;
    }
    summary->threads = rl_zalloc((size_t)count, sizeof *summary->threads);
    if (summary->threads == NULL) {
        return RL_NOMEM;
    }
    summary->thread_cap = (size_t)count;
    for (; summary->thread_count < count; summary->thread_count++) {
        struct summary_thread *t = &summary->threads[summary->thread_count];
        t->serial = (uint32_t)bytes_varint(in);
        t->root = (uint32_t)bytes_varint(in);
        t->native_id = bytes_varint(in);
        t->first_ticks = bytes_varint(in);
        t->last_ticks = bytes_varint(in);
        t->events = bytes_varint(in);
        t->calls = bytes_varint(in);
        t->has_ended = (uint32_t)bytes_varint(in);
    }
    return RL_OK;
}

static rl_status get_nodes(struct bytes_in *in, struct summary *summary)
{
    uint64_t count = bytes_varint(in);
    if (count > bytes_left(in)) {
        return RL_DAMAGED;
    }
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        uint32_t code = (uint32_t)bytes_varint(in);
        uint64_t parent = bytes_varint(in);
        if (parent > i) {
            return RL_DAMAGED;
        }
        uint32_t node = new_node(summary, parent != 0 ? (uint32_t)parent - 1 : SUMMARY_NONE, code);
        if (node == SUMMARY_NONE) {
            return RL_NOMEM;
        }
        struct summary_node *n = &summary->nodes[node];
        n->max_depth = (uint32_t)bytes_varint(in);
        n->exc = (uint32_t)bytes_varint(in);
        n->exc_line = (uint32_t)bytes_varint(in);
        n->calls = bytes_varint(in);
        n->total = bytes_varint(in);
        n->self = bytes_varint(in);
        n->unwinds = bytes_varint(in);
    }
    for (size_t i = 0; i < summary->thread_count; i++) {
        if (summary->threads[i].root >= summary->node_count) {
            return RL_DAMAGED;
        }
    }
    return RL_OK;
}

rl_status summary_get(struct bytes_in *in, struct summary *summary)
{
    uint64_t kinds = bytes_varint(in);
    for (uint64_t i = 0; i < kinds && !in->bad; i++) {
        uint64_t count = bytes_varint(in);
        if (i < RL_EVENT_KINDS) {
            summary->kinds[i] = count;
        }
    }
    uint64_t flags = bytes_varint(in);
    summary->is_folded_flat = (int)(flags & 1);
    summary->failed = (int)(flags >> 1 & 1);
    summary->unlisted_threads = bytes_varint(in);
    rl_status status = get_threads(in, summary);
    if (status == RL_OK) {
        status = get_nodes(in, summary);
    }
    return status == RL_OK && in->bad ? RL_DAMAGED : status;
}
