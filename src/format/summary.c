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

/* What an open frame is the outermost of in its thread. That frame alone counts time for it. */
enum outermost { OF_NODE = 1, OF_FUNCTION = 2 };

struct open_frame {
    uint64_t frame;   /* 0: a call of a function written in C */
    uint64_t entered; /* its time is counted from then on */
    uint32_t node;
    uint32_t function; /* of the node */
    uint32_t depth;    /* 1, or more inside a direct recursion */
    uint32_t outermost;
};

struct summary_lane {
    struct open_frame *stack; /* owned */
    size_t depth, cap;
    uint64_t last_ticks; /* of its last event; time never goes back */
    uint64_t next_seq;   /* event number that the next chunk begins with, unless some are lost */
    uint32_t root;
    uint32_t serial;
    uint32_t session; /* of the thread, 0 = none */
    size_t listed;    /* index into threads, or SIZE_MAX */
    int was_switched; /* frames have changed places: one that began later may be further down */
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
    u64map_fini(&summary->function_of);
    rl_free(summary->functions);
    rl_free(summary->nodes);
    rl_free(summary->threads);
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

uint32_t summary_new_node(struct summary *summary, uint32_t parent, uint32_t code)
{
    void *nodes = summary->nodes;
    uint32_t function = parent != SUMMARY_NONE ? function_for(summary, code) : SUMMARY_NONE;
    if ((parent != SUMMARY_NONE && function == SUMMARY_NONE) ||
        rl_grow(&nodes, &summary->node_cap, summary->node_count + 1, sizeof *summary->nodes) != 0) {
        summary->failed = 1;
        return SUMMARY_NONE;
    }
    summary->nodes = nodes;
    uint32_t index = (uint32_t)summary->node_count;
    summary->nodes[index] = (struct summary_node){.code = code,
                                                  .parent = parent,
                                                  .function = function,
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

/* Returns whether a code id gets a function of its own. Programs make functions without end (exec,
 * templates); the first SUMMARY_FUNCTIONS_MAX are kept apart, the others are counted together. */
static int is_kept_apart(const struct summary *summary, uint32_t code)
{
    return code == RL_CODE_OTHER || summary->function_count < SUMMARY_FUNCTIONS_MAX ||
           u64map_get(&summary->function_of, (uint64_t)code + 1) != NULL;
}

/* Returns the node of `code` called from `parent`; in direct recursion that is the parent itself.
 */
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
    if (!is_kept_apart(summary, code)) {
        return node_for(summary, lane, parent, RL_CODE_OTHER);
    }
    if (summary->node_count >= SUMMARY_NODES_MAX && parent != lane->root) {
        summary->is_folded_flat = 1;
        return node_for(summary, lane, lane->root, code);
    }
    uint32_t node = summary_new_node(summary, parent, code);
    if (node == SUMMARY_NONE || u64map_put(&summary->node_of, key + 1, node) != 0) {
        summary->failed = 1;
        return parent;
    }
    return node;
}

/* Makes the lane of a thread, and lists the thread where there is room. Its root is node code 0. */
static struct summary_lane *new_lane(struct summary *summary, const struct chunk_info *info)
{
    struct summary_lane *lane = rl_zalloc(1, sizeof *lane);
    if (lane == NULL || u64map_put(&summary->lanes, info->thread, (uint64_t)(uintptr_t)lane) != 0) {
        rl_free(lane);
        summary->failed = 1;
        return NULL;
    }
    lane->serial = info->thread;
    lane->last_ticks = info->ticks0;
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
        lane_free(lane);
        summary->failed = 1;
        return NULL;
    }
    return lane;
}

/* Returns the node of the innermost frame; the thread's root where none is open. */
static uint32_t top_node(const struct summary_lane *lane)
{
    return lane->depth != 0 ? lane->stack[lane->depth - 1].node : lane->root;
}

/* Moves the time of a thread on to `ticks`. The time in between belongs to the innermost frame. */
static void pass_time(struct summary *summary, struct summary_lane *lane, uint64_t ticks)
{
    if (ticks > lane->last_ticks) {
        summary->nodes[top_node(lane)].self += ticks - lane->last_ticks;
        summary->nodes[lane->root].total += ticks - lane->last_ticks;
        lane->last_ticks = ticks;
    }
}

/* Adds the time of a frame since it was entered to what it is the outermost of. */
static void count_time(struct summary *summary, const struct open_frame *frame, uint64_t ticks)
{
    if (frame->outermost & OF_NODE) {
        summary->nodes[frame->node].total += ticks - frame->entered;
    }
    if (frame->outermost & OF_FUNCTION) {
        summary->functions[frame->function].total += ticks - frame->entered;
    }
}

/* Returns what a frame of `node` will be the outermost of when it is entered now. The loop is
 * short: it ends at the next frame of the function, and runs only where one is open. */
static uint32_t outermost_of(const struct summary *summary, const struct summary_lane *lane,
                             uint32_t node)
{
    const struct summary_node *n = &summary->nodes[node];
    if (summary->functions[n->function].open == 0) {
        return OF_NODE | OF_FUNCTION;
    }
    uint32_t found = OF_NODE | OF_FUNCTION;
    for (size_t i = lane->depth; i-- > 0;) {
        if (lane->stack[i].node == node) {
            return 0;
        }
        if (lane->stack[i].function == n->function) {
            found = OF_NODE;
            if (n->open == 0) {
                break;
            }
        }
    }
    return found;
}

/* Opens a frame of `node`. A frame of 0 is a call of C code. */
static void push_open_frame(struct summary *summary, struct summary_lane *lane, uint32_t node,
                            uint64_t frame)
{
    void *stack = lane->stack;
    struct summary_node *n = &summary->nodes[node];
    if (n->function == SUMMARY_NONE ||
        rl_grow(&stack, &lane->cap, lane->depth + 1, sizeof *lane->stack) != 0) {
        summary->failed = 1;
        return;
    }
    lane->stack = stack;
    uint32_t depth = 1;
    if (lane->depth != 0 && top_node(lane) == node && n->code != RL_CODE_OTHER) {
        depth += lane->stack[lane->depth - 1].depth;
    }
    if (depth > n->max_depth) {
        n->max_depth = depth;
    }
    uint32_t outermost = outermost_of(summary, lane, node);
    n->open++;
    summary->functions[n->function].open++;
    lane->stack[lane->depth++] =
        (struct open_frame){frame, lane->last_ticks, node, n->function, depth, outermost};
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
            count_time(summary, heir, lane->last_ticks);
            heir->entered = lane->last_ticks;
            heir->outermost |= takes;
            left &= ~takes;
        }
    }
}

/* Closes the frame at this place of the stack; the frames above it stay open. */
static void close_frame(struct summary *summary, struct summary_lane *lane, size_t at)
{
    struct open_frame gone = lane->stack[at];
    memmove(&lane->stack[at], &lane->stack[at + 1], (lane->depth - at - 1) * sizeof *lane->stack);
    lane->depth--;
    count_time(summary, &gone, lane->last_ticks);
    summary->nodes[gone.node].open--;
    summary->functions[gone.function].open--;
    if (summary->functions[gone.function].open != 0) {
        hand_time_on(summary, lane, lane->was_switched ? 0 : at, &gone);
    }
}

/* Leaves all frames of a thread: events are missing, so which ones are open is not known. */
static void forget_open(struct summary *summary, struct summary_lane *lane)
{
    while (lane->depth != 0) {
        close_frame(summary, lane, lane->depth - 1);
    }
    lane->was_switched = 0;
}

/* Counts the open frames of a thread that has no more events. They stay marked as open. */
static void end_lane(struct summary *summary, struct summary_lane *lane)
{
    for (size_t i = 0; i < lane->depth; i++) {
        count_time(summary, &lane->stack[i], lane->last_ticks);
    }
    lane->depth = 0;
}

/* Frees the lane of a thread whose last chunk has passed. */
static void drop_ended(struct summary *summary)
{
    if (summary->ended != NULL) {
        end_lane(summary, summary->ended);
        (void)u64map_remove(&summary->lanes, summary->ended->serial, NULL);
        lane_free(summary->ended);
        summary->ended = NULL;
    }
}

struct summary_lane *summary_begin_chunk(struct summary *summary, const struct chunk_info *info)
{
    drop_ended(summary);
    const uint64_t *known = u64map_get(&summary->lanes, info->thread);
    struct summary_lane *lane =
        known != NULL ? (struct summary_lane *)(uintptr_t)*known : new_lane(summary, info);
    if (lane == NULL) {
        return NULL;
    }
    /* Event numbers show a loss. Chunk numbers do not: a slot with definitions alone has a number
     * and becomes no chunk. */
    if (info->first_seq != lane->next_seq) {
        forget_open(summary, lane);
        pass_time(summary, lane, info->ticks0);
    }
    lane->next_seq = info->first_seq + info->events;
    if (info->name != 0 && lane->listed != SIZE_MAX) {
        struct summary_thread *thread = &summary->threads[lane->listed];
        thread->first_name = thread->first_name != 0 ? thread->first_name : info->name;
        thread->name = info->name;
    }
    return lane;
}

/* Returns the place of a frame in the stack, or SIZE_MAX. */
static size_t find_open_frame(const struct summary_lane *lane, uint64_t frame)
{
    for (size_t i = lane->depth; i-- > 0;) {
        if (lane->stack[i].frame == frame) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Call, resume or throw: a frame goes on in the node that it was suspended in, in this thread. */
static void enter_frame(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    uint32_t node = SUMMARY_NONE;
    uint64_t suspended;
    if (!kind_begins(rec->kind) && u64map_remove(&summary->suspended, rec->frame, &suspended) &&
        suspended >> 32 == lane->root) {
        node = (uint32_t)suspended;
    }
    if (node == SUMMARY_NONE) {
        int is_alone = rec->has_switch && rec->switch_to == 0;
        node = node_for(summary, lane, is_alone ? lane->root : top_node(lane), rec->id);
    }
    struct summary_node *n = &summary->nodes[node];
    if (rec->kind == RL_EVENT_CALL) {
        n->calls++;
        if (lane->listed != SIZE_MAX) {
            summary->threads[lane->listed].calls++;
        }
    }
    push_open_frame(summary, lane, node, rec->frame);
}

/* Return, yield or unwind. The end of a frame that was not seen to begin is ignored. */
static void leave_frame(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    size_t at = find_open_frame(lane, rec->frame);
    if (at == SIZE_MAX) {
        return;
    }
    uint32_t node = lane->stack[at].node;
    if (rec->kind == RL_EVENT_YIELD && rec->frame != 0 &&
        u64map_put(&summary->suspended, rec->frame, (uint64_t)lane->root << 32 | node) != 0) {
        summary->failed = 1;
    }
    if (rec->kind == RL_EVENT_UNWIND) {
        summary->nodes[node].unwinds++;
        summary->nodes[node].exc = rec->exc;
        summary->nodes[node].exc_line = rec->line;
    }
    close_frame(summary, lane, at);
}

/* Returns whether a call made now in this thread counts. */
static int is_in_session(const struct summary *summary, const struct summary_lane *lane)
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
    if (lane == NULL || (kind_enters(rec->kind) && !is_in_session(summary, lane))) {
        return;
    }
    pass_time(summary, lane, rec->ticks);
    struct summary_thread *thread =
        lane->listed != SIZE_MAX ? &summary->threads[lane->listed] : NULL;
    if (thread != NULL) {
        thread->events++;
        thread->last_ticks = lane->last_ticks;
    }
    if (rec->has_switch && rec->switch_to != 0) {
        size_t at = find_open_frame(lane, rec->switch_to);
        if (at != SIZE_MAX) {
            struct open_frame top = lane->stack[at];
            memmove(&lane->stack[at], &lane->stack[at + 1],
                    (lane->depth - at - 1) * sizeof *lane->stack);
            lane->stack[lane->depth - 1] = top;
            lane->was_switched = 1;
        }
    }
    if (kind_enters(rec->kind)) {
        enter_frame(summary, lane, rec);
    } else if (kind_leaves(rec->kind)) {
        leave_frame(summary, lane, rec);
    } else if (rec->kind == RL_EVENT_C_CALL && is_in_session(summary, lane)) {
        uint32_t node = node_for(summary, lane, top_node(lane), rec->id);
        summary->nodes[node].calls++;
        push_open_frame(summary, lane, node, 0);
    } else if (rec->kind == RL_EVENT_C_RETURN || rec->kind == RL_EVENT_C_RAISE) {
        if (lane->depth != 0 && lane->stack[lane->depth - 1].frame == 0) {
            summary->nodes[top_node(lane)].unwinds += rec->kind == RL_EVENT_C_RAISE;
            close_frame(summary, lane, lane->depth - 1);
        }
    } else if (rec->kind == RL_EVENT_THREAD_START && thread != NULL) {
        thread->native_id = rec->frame;
        thread->first_name = rec->id != 0 ? rec->id : thread->first_name;
    } else if (rec->kind == RL_EVENT_THREAD_END) {
        if (thread != NULL) {
            thread->has_ended = 1;
        }
        summary->ended = lane;
    }
}

void summary_end(struct summary *summary, uint64_t ticks)
{
    drop_ended(summary);
    for (size_t i = 0; i < summary->lanes.capacity; i++) {
        if (summary->lanes.entries[i].key == 0) {
            continue;
        }
        struct summary_lane *lane =
            (struct summary_lane *)(uintptr_t)summary->lanes.entries[i].value;
        if (lane->depth != 0) {
            pass_time(summary, lane, ticks);
            if (lane->listed != SIZE_MAX) {
                summary->threads[lane->listed].last_ticks = lane->last_ticks;
            }
        }
        end_lane(summary, lane);
    }
}
