/* Why: see summary.h.
 *
 * Invariants:
 *  1. A node's parent has a smaller index, so one pass over the nodes visits parents first.
 *  2. Nodes, functions, threads and open frames bound the memory.
 *  3. In each thread, at most one open frame counts the time of a node, and one that of a function.
 *     A total is therefore never less than the self time in it, and never more than the thread's.
 *
 *   stack of a thread:   main   f   g   f   g          f below f: the outermost f counts for f
 *   outermost of node    yes    yes yes yes yes        (each is at a different place)
 *   outermost of func    yes    yes yes no  no
 *
 *   When an outermost frame leaves and another is open, that one counts from then on
 *   (hand_time_on()): generators leave in any order.
 *
 * Threads: belongs to the writer thread, or to one reader. */
#include "summary.h"

#include <string.h>

#include "alloc.h"
#include "summary_parts.h"

void summary_free_lane(struct summary_lane *lane)
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
            summary_free_lane((struct summary_lane *)(uintptr_t)summary->lanes.entries[i].value);
        }
    }
    u64map_fini(&summary->lanes);
    u64map_fini(&summary->suspended.far);
    u64map_fini(&summary->function_of);
    rl_free(summary->functions);
    rl_free(summary->nodes);
    rl_free(summary->details);
    rl_free(summary->children);
    rl_free(summary->threads);
    summary_undo_free(summary->undo);
    memset(summary, 0, sizeof *summary);
}

/* Returns the function of a code id; SUMMARY_NONE without memory. */
static uint32_t function_for(struct summary *summary, uint32_t code)
{
    uint64_t key = (uint64_t)code + 1;
    const uint64_t *known = u64map_get(&summary->function_of, key);
    if (known != NULL) {
        return (uint32_t)*known;
    }
    void *functions = summary->functions;
    if (rl_grow(&functions, &summary->function_cap, summary->function_count + 1,
                sizeof *summary->functions) != 0) {
        return SUMMARY_NONE;
    }
    summary->functions = functions;
    if (u64map_put(&summary->function_of, key, summary->function_count) != 0) {
        return SUMMARY_NONE;
    }
    summary->functions[summary->function_count] = (struct summary_function){.code = code};
    return (uint32_t)summary->function_count++;
}

/* Makes room for one more node. Returns -1 without memory. */
static int grow_nodes(struct summary *summary)
{
    void *nodes = summary->nodes, *details = summary->details;
    size_t want = summary->node_count + 1;
    if (rl_grow(&nodes, &summary->node_cap, want, sizeof *summary->nodes) != 0) {
        return -1;
    }
    summary->nodes = nodes;
    if (rl_grow(&details, &summary->detail_cap, want, sizeof *summary->details) != 0) {
        return -1;
    }
    summary->details = details;
    return 0;
}

uint32_t summary_new_node(struct summary *summary, uint32_t parent, uint32_t code)
{
    uint32_t function = parent != SUMMARY_NONE ? function_for(summary, code) : SUMMARY_NONE;
    if ((parent != SUMMARY_NONE && function == SUMMARY_NONE) || grow_nodes(summary) != 0) {
        summary->failed = 1;
        return SUMMARY_NONE;
    }
    uint32_t node = (uint32_t)summary->node_count++;
    summary->nodes[node] =
        (struct summary_node){.code = code, .parent = parent, .function = function};
    summary->details[node] = (struct summary_detail){0};
    return node;
}

/* Puts a node into the table of children, which has a free place. */
static void index_child(struct summary *summary, uint32_t node)
{
    const struct summary_node *n = &summary->nodes[node];
    size_t mask = ((size_t)1 << summary->children_bits) - 1;
    size_t at = summary_child_place(summary, n->parent, n->code);
    while (summary->children[at] != 0) {
        at = (at + 1) & mask;
    }
    summary->children[at] = node;
}

int summary_index_children(struct summary *summary, unsigned bits)
{
    uint32_t *children = rl_zalloc((size_t)1 << bits, sizeof *children);
    if (children == NULL) {
        summary->failed = 1;
        return -1;
    }
    rl_free(summary->children);
    summary->children = children;
    summary->children_bits = bits;
    for (uint32_t node = 0; node < summary->node_count; node++) {
        if (summary->nodes[node].parent != SUMMARY_NONE) {
            index_child(summary, node);
        }
    }
    return 0;
}

/* Returns whether a code id gets a function of its own. Programs make functions without end (exec,
 * templates); the first SUMMARY_FUNCTIONS_MAX are kept apart, the others are counted together. */
static int is_kept_apart(const struct summary *summary, uint32_t code)
{
    return code == RL_CODE_OTHER || summary->function_count < SUMMARY_FUNCTIONS_MAX ||
           u64map_get(&summary->function_of, (uint64_t)code + 1) != NULL;
}

/* Makes the node of `code` below `parent`. The table of children stays half empty. */
static uint32_t new_child(struct summary *summary, uint32_t parent, uint32_t code)
{
    uint32_t node = summary_new_node(summary, parent, code);
    if (node == SUMMARY_NONE) {
        return node;
    }
    summary->details[node].max_depth = 1;
    if (summary->node_count <= (size_t)1 << (summary->children_bits - 1)) {
        index_child(summary, node);
    } else if (summary_index_children(summary, summary->children_bits + 1) != 0) {
        return SUMMARY_NONE;
    }
    return node;
}

static uint32_t callee_of(struct summary *summary, const struct summary_lane *lane, uint32_t parent,
                          uint32_t code);

/* Returns the node of a call that was not seen yet. */
static uint32_t new_callee(struct summary *summary, const struct summary_lane *lane,
                           uint32_t parent, uint32_t code)
{
    if (!is_kept_apart(summary, code)) {
        return callee_of(summary, lane, parent, RL_CODE_OTHER);
    }
    if (summary->node_count >= SUMMARY_NODES_MAX && parent != lane->root) {
        summary->is_folded_flat = 1;
        return callee_of(summary, lane, lane->root, code);
    }
    return new_child(summary, parent, code);
}

/* Returns the node of `code` called from `parent`, which is made where it is not known yet.
 * SUMMARY_NONE without memory. */
static uint32_t callee_of(struct summary *summary, const struct summary_lane *lane, uint32_t parent,
                          uint32_t code)
{
    uint32_t node = summary_known_callee(summary, parent, code);
    return node != 0 ? node : new_callee(summary, lane, parent, code);
}

/* Makes the lane of a thread, and lists the thread where there is room. Its root is node code 0. */
static struct summary_lane *new_lane(struct summary *summary, const struct chunk_info *info)
{
    if (summary->children == NULL && summary_index_children(summary, 6) != 0) {
        return NULL;
    }
    struct summary_lane *lane = rl_zalloc(1, sizeof *lane);
    if (lane == NULL || u64map_put(&summary->lanes, info->thread, (uint64_t)(uintptr_t)lane) != 0) {
        rl_free(lane);
        summary->failed = 1;
        return NULL;
    }
    lane->serial = info->thread;
    lane->first_ticks = lane->last_ticks = info->ticks0;
    lane->listed = SIZE_MAX;
    void *threads = summary->threads;
    if (summary->thread_count < SUMMARY_THREADS_MAX &&
        rl_grow(&threads, &summary->thread_cap, summary->thread_count + 1,
                sizeof *summary->threads) == 0) {
        summary->threads = threads;
        lane->root = summary_new_node(summary, SUMMARY_NONE, 0);
        lane->listed = summary->thread_count++;
        summary->threads[lane->listed] = (struct summary_thread){
            .serial = info->thread, .root = lane->root, .first_ticks = info->ticks0};
    } else {
        summary->unlisted_threads++;
        lane->root = summary->thread_count != 0 ? summary->threads[0].root : 0;
    }
    if (summary->node_count == 0 || lane->root == SUMMARY_NONE) {
        (void)u64map_remove(&summary->lanes, info->thread, NULL);
        summary_free_lane(lane);
        summary->failed = 1;
        return NULL;
    }
    return lane;
}

/* The loop is short: it ends at the next frame of the function, and runs only where one is open. */
uint32_t summary_outermost(const struct summary *summary, const struct open_frame *begin,
                           const struct open_frame *end, uint32_t node)
{
    const struct summary_node *n = &summary->nodes[node];
    uint32_t found = OF_NODE | OF_FUNCTION;
    while (end != begin) {
        end--;
        if (end->node == node) {
            return 0;
        }
        if (end->function == n->function) {
            found = OF_NODE;
            if (n->open == 0) {
                break;
            }
        }
    }
    return found;
}

/* Makes room for one more open frame. Returns -1 without memory. */
static int grow_stack(struct summary *summary, struct summary_lane *lane)
{
    void *stack = lane->stack;
    if (rl_grow(&stack, &lane->cap, lane->depth + 1, sizeof *lane->stack) != 0) {
        summary->failed = 1;
        return -1;
    }
    lane->stack = stack;
    return 0;
}

/* Lets the next open frame of the same node or function count from now on. */
static void hand_time_on(struct summary *summary, struct summary_lane *lane, size_t from,
                         const struct open_frame *gone)
{
    uint32_t left = gone->outermost;
    for (size_t i = from; i < lane->depth && left != 0; i++) {
        struct open_frame *heir = &lane->stack[i];
        uint32_t takes = heir->node == gone->node           ? left
                         : heir->function == gone->function ? left & OF_FUNCTION
                                                            : 0;
        if (takes != 0) {
            summary_count_time(summary, heir, lane->last_ticks);
            heir->entered = lane->last_ticks;
            heir->outermost |= takes;
            left &= ~takes;
        }
    }
}

/* Closes a frame that is not the innermost, or was open at the mark, or may have heirs. */
static void close_slowly(struct summary *summary, struct summary_lane *lane, size_t at)
{
    struct open_frame gone = lane->stack[at];
    size_t heirs = lane->was_switched ? 0 : at;
    summary_save_frames(summary, lane, heirs);
    memmove(&lane->stack[at], &lane->stack[at + 1], (lane->depth - at - 1) * sizeof *lane->stack);
    lane->depth--;
    summary_count_end(summary, &gone, lane->last_ticks);
    if (summary->functions[gone.function].open != 0) {
        hand_time_on(summary, lane, heirs, &gone);
    }
}

/* Closes the frame at this place of the stack; the frames above it stay open. */
static void close_frame(struct summary *summary, struct summary_lane *lane, size_t at)
{
    if (at + 1 != lane->depth || at < lane->untouched || lane->was_switched) {
        close_slowly(summary, lane, at);
        return;
    }
    lane->depth = at;
    summary_count_end(summary, &lane->stack[at], lane->last_ticks);
}

/* Leaves all frames of a thread: events are missing, so which ones are open is not known. */
static void forget_open(struct summary *summary, struct summary_lane *lane)
{
    while (lane->depth != 0) {
        close_frame(summary, lane, lane->depth - 1);
    }
    lane->was_switched = 0;
}

/* Ends a thread that has no more events. Its open frames count, and stay marked as open. */
static void end_lane(struct summary *summary, struct summary_lane *lane)
{
    for (size_t i = 0; i < lane->depth; i++) {
        summary_count_time(summary, &lane->stack[i], lane->last_ticks);
        summary->details[lane->stack[i].node].open++;
    }
    lane->depth = 0;
    summary->nodes[lane->root].total += lane->last_ticks - lane->first_ticks;
    if (lane->listed != SIZE_MAX) {
        struct summary_thread *thread = &summary->threads[lane->listed];
        thread->events = lane->events;
        thread->calls = lane->calls;
        thread->last_ticks = lane->event_ticks;
    }
}

void summary_drop_ended(struct summary *summary)
{
    if (summary->ended != NULL) {
        end_lane(summary, summary->ended);
        (void)u64map_remove(&summary->lanes, summary->ended->serial, NULL);
        summary_free_lane(summary->ended);
        summary->ended = NULL;
    }
}

struct summary_lane *summary_begin_chunk(struct summary *summary, const struct chunk_info *info)
{
    summary_drop_ended(summary);
    if (summary->failed) {
        return NULL;
    }
    const uint64_t *known = u64map_get(&summary->lanes, info->thread);
    struct summary_lane *lane =
        known != NULL ? (struct summary_lane *)(uintptr_t)*known : new_lane(summary, info);
    if (lane == NULL) {
        return NULL;
    }
    if (summary->undo != NULL) {
        summary_save_lane(summary, lane, known == NULL);
    }
    /* Event numbers show a loss. Chunk numbers do not: a slot with definitions alone has a number
     * and becomes no chunk. */
    if (info->first_seq != lane->next_seq) {
        forget_open(summary, lane);
        summary_pass_time(summary, lane, info->ticks0);
    }
    lane->next_seq = info->first_seq + info->events;
    if (info->name != 0 && lane->listed != SIZE_MAX) {
        struct summary_thread *thread = &summary->threads[lane->listed];
        thread->first_name = thread->first_name != 0 ? thread->first_name : info->name;
        thread->name = info->name;
    }
    return lane;
}

uint64_t summary_end_chunk(struct summary_lane *lane, uint32_t events)
{
    size_t depth = lane != NULL ? lane->depth : 0;
    while (depth != 0 && lane->stack[depth - 1].frame == 0) {
        depth--; /* a function written in C */
    }
    if (lane != NULL) {
        lane->next_seq += events;
    }
    return depth != 0 ? lane->stack[depth - 1].frame : 0;
}

/* Returns the place of a frame in the stack, or SIZE_MAX. */
static size_t find_open(const struct summary_lane *lane, uint64_t frame)
{
    for (size_t i = lane->depth; i-- > 0;) {
        if (lane->stack[i].frame == frame) {
            return i;
        }
    }
    return SIZE_MAX;
}

uint64_t summary_resume_far(struct summary *summary, uint64_t frame)
{
    uint64_t where = 0;
    if (u64map_remove(&summary->suspended.far, frame, &where)) {
        summary_save_far(summary, frame, where);
    }
    return where;
}

void summary_suspend_far(struct summary *summary, uint64_t frame, uint64_t where)
{
    size_t place = summary_near_place(summary, frame);
    uint64_t there = summary->suspended.near[place].frame;
    if (there != frame) {
        (void)summary_resume_far(summary, frame);
    }
    if (there == frame || there == 0) {
        summary_put_near(summary, place, frame, where);
        return;
    }
    summary_save_far(summary, frame, 0);
    if (u64map_put(&summary->suspended.far, frame, where) != 0) {
        summary->failed = 1;
    }
}

/* Makes an open frame the innermost one. */
static void switch_to(struct summary *summary, struct summary_lane *lane, uint64_t frame)
{
    size_t at = find_open(lane, frame);
    if (at != SIZE_MAX) {
        summary_save_frames(summary, lane, at);
        struct open_frame top = lane->stack[at];
        memmove(&lane->stack[at], &lane->stack[at + 1],
                (lane->depth - at - 1) * sizeof *lane->stack);
        lane->stack[lane->depth - 1] = top;
        lane->was_switched = 1;
    }
}

static void count_thread(struct summary *summary, struct summary_lane *lane, unsigned kind,
                         uint32_t id, uint64_t native_id)
{
    struct summary_thread *thread =
        lane->listed != SIZE_MAX ? &summary->threads[lane->listed] : NULL;
    if (kind == RL_EVENT_THREAD_END) {
        summary->ended = lane;
        if (thread != NULL) {
            thread->has_ended = 1;
        }
    } else if (thread != NULL) {
        thread->native_id = native_id;
        thread->first_name = id != 0 ? id : thread->first_name;
    }
}

static void push(struct summary *summary, struct summary_lane *lane, uint32_t node, uint64_t frame,
                 int is_call)
{
    if (lane->depth < lane->cap || grow_stack(summary, lane) == 0) {
        struct open_frame opened = summary_open(summary, lane->stack, lane->stack + lane->depth,
                                                node, frame, lane->last_ticks);
        summary->nodes[node].calls += (uint64_t)is_call;
        summary_count_open(summary, &opened);
        lane->stack[lane->depth++] = opened;
    }
}

/* Call, resume or throw: a frame goes on in the node that it was suspended in, in this thread. */
static void enter(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    uint32_t node = SUMMARY_NONE;
    if (!kind_begins(rec->kind)) {
        node = summary_resume(summary, lane->root, rec->frame);
    }
    if (node == SUMMARY_NONE) {
        int is_alone = rec->has_switch && rec->switch_to == 0;
        node = callee_of(summary, lane, is_alone ? lane->root : summary_top(lane), rec->id);
    }
    if (node != SUMMARY_NONE) {
        lane->calls += rec->kind == RL_EVENT_CALL;
        push(summary, lane, node, rec->frame, rec->kind == RL_EVENT_CALL);
    }
}

/* Return, yield or unwind. The end of a frame that was not seen to begin is ignored. */
static void leave(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    size_t at = lane->depth - 1;
    if (lane->depth == 0 || lane->stack[at].frame != rec->frame) {
        at = find_open(lane, rec->frame);
        if (at == SIZE_MAX) {
            return;
        }
    }
    uint32_t node = lane->stack[at].node;
    if (rec->kind == RL_EVENT_YIELD && rec->frame != 0) {
        summary_suspend(summary, lane->root, rec->frame, node);
    }
    if (rec->kind == RL_EVENT_UNWIND) {
        summary_count_unwind(summary, node, rec);
    }
    close_frame(summary, lane, at);
}

/* Closes the innermost frame where that is a call of C code. */
static void leave_native(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    if (lane->depth != 0 && lane->stack[lane->depth - 1].frame == 0) {
        if (rec->kind == RL_EVENT_C_RAISE) {
            summary_detail_of(summary, summary_top(lane))->unwinds++;
        }
        close_frame(summary, lane, lane->depth - 1);
    }
}

/* Returns whether a call made now in this thread counts. */
static int is_in_session(const struct summary *summary, const struct summary_lane *lane)
{
    return summary->session == 0 || summary->session == lane->session;
}

/* Folds an event into the tree: its time, and what it opens or closes. */
static void fold(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    summary_pass_time(summary, lane, rec->ticks);
    if (rec->has_switch && rec->switch_to != 0) {
        switch_to(summary, lane, rec->switch_to);
    }
    if (kind_enters(rec->kind)) {
        enter(summary, lane, rec);
    } else if (kind_leaves(rec->kind)) {
        leave(summary, lane, rec);
    } else if (rec->kind == RL_EVENT_C_CALL && is_in_session(summary, lane)) {
        uint32_t node = callee_of(summary, lane, summary_top(lane), rec->id);
        if (node != SUMMARY_NONE) {
            push(summary, lane, node, 0, 1);
        }
    } else if (rec->kind == RL_EVENT_C_RETURN || rec->kind == RL_EVENT_C_RAISE) {
        leave_native(summary, lane, rec);
    } else if (rec->kind == RL_EVENT_THREAD_START || rec->kind == RL_EVENT_THREAD_END) {
        count_thread(summary, lane, rec->kind, rec->id, rec->frame);
    }
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
    if (lane != NULL && (!kind_enters(rec->kind) || is_in_session(summary, lane))) {
        fold(summary, lane, rec);
        lane->events++;
        lane->event_ticks = lane->last_ticks;
    }
}

void summary_end(struct summary *summary, uint64_t ticks)
{
    summary_drop_ended(summary);
    for (size_t i = 0; i < summary->lanes.capacity; i++) {
        if (summary->lanes.entries[i].key == 0) {
            continue;
        }
        struct summary_lane *lane =
            (struct summary_lane *)(uintptr_t)summary->lanes.entries[i].value;
        if (lane->depth != 0) {
            summary_pass_time(summary, lane, ticks);
            lane->event_ticks = lane->last_ticks;
        }
        end_lane(summary, lane);
    }
}
