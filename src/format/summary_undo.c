/* Part of summary.h: taking a chunk back. The writer counts a chunk while it encodes it, in one
 * walk over the rows (slot_walk.c). Afterwards the chunk may not fit the disk. It must not count
 * then.
 *
 *   summary_mark() --> the chunk's events --> in the file:      the next summary_mark()
 *                                         '-> not in the file:  summary_take_back()
 *
 * Invariants:
 *  1. summary_take_back() gives the summary that summary_mark() found, but for memory that has
 *     grown. So a chunk counts only once it is in the file.
 *  2. What was there at the mark is saved before it changes for the first time:
 *       nodes       where node.mark is not summary.mark, with the total of the function. A new
 *                   node is saved, too: its function may be older. The root and the node of the
 *                   innermost frame always are saved, so time passes without a test.
 *       frames      below lane.untouched they are as they were. A frame above is new or saved.
 *       details     where detail.mark is not summary.mark.
 *       suspended frames    near ones where the place's mark is not summary.mark. Of far ones each
 *                   change is saved; the first saved is restored last.
 *       counts, the lane, its thread    copied at the mark.
 *  3. What is newer than the mark is removed: nodes, functions, a thread.
 *  4. Without memory to save something, the summary has failed. It is never written then.
 *
 * A chunk touches few nodes often, so that this costs about one compare an event.
 *
 * Threads: belongs to the writer thread. Readers have no undo. */
#include <string.h>

#include "alloc.h"
#include "summary_parts.h"

/* A growing list of what is saved. Its memory is kept from chunk to chunk. */
struct saved_list {
    void *items; /* owned */
    size_t count, cap;
};

struct saved_node {
    struct summary_node node;
    uint64_t function_total; /* of its function */
    uint32_t index;
};

struct saved_detail {
    struct summary_detail detail;
    uint32_t index;
};

struct saved_near {
    struct suspended_frame frame;
    size_t place;
};

struct summary_undo {
    struct saved_list nodes, details, frames, near, far;
    size_t node_count, function_count, thread_count; /* at the mark */
    uint64_t unlisted_threads;
    uint64_t kinds[RL_EVENT_KINDS];
    int is_folded_flat;
    struct summary_lane *lane;    /* of the chunk, NULL = none */
    int is_new;                   /* the chunk has made the lane */
    struct summary_lane before;   /* the lane at the mark */
    struct summary_thread thread; /* the thread at the mark, where it is listed */
};

void summary_undo_free(struct summary_undo *undo)
{
    if (undo != NULL) {
        rl_free(undo->nodes.items);
        rl_free(undo->details.items);
        rl_free(undo->frames.items);
        rl_free(undo->near.items);
        rl_free(undo->far.items);
        rl_free(undo);
    }
}

/* Returns the place of one more item, or NULL without memory. */
static void *add_saved(struct summary *summary, struct saved_list *list, size_t size)
{
    if (list->count == list->cap && rl_grow(&list->items, &list->cap, list->count + 1, size) != 0) {
        summary->failed = 1;
        return NULL;
    }
    return (uint8_t *)list->items + size * list->count++;
}

void summary_save_node(struct summary *summary, uint32_t node)
{
    struct summary_node *n = &summary->nodes[node];
    struct saved_node *saved = NULL;
    if (n->mark != summary->mark) {
        saved = add_saved(summary, &summary->undo->nodes, sizeof *saved);
    }
    if (saved != NULL) {
        uint64_t total = n->function != SUMMARY_NONE ? summary->functions[n->function].total : 0;
        *saved = (struct saved_node){*n, total, node};
    }
    n->mark = summary->mark;
}

void summary_save_detail(struct summary *summary, uint32_t node)
{
    struct summary_undo *undo = summary->undo;
    struct saved_detail *saved =
        node < undo->node_count ? add_saved(summary, &undo->details, sizeof *saved) : NULL;
    if (saved != NULL) {
        *saved = (struct saved_detail){summary->details[node], node};
    }
    summary->details[node].mark = summary->mark;
}

void summary_save_frames(struct summary *summary, struct summary_lane *lane, size_t at)
{
    while (lane->untouched > at) {
        const struct open_frame *frame = &lane->stack[--lane->untouched];
        struct open_frame *saved = add_saved(summary, &summary->undo->frames, sizeof *saved);
        if (saved != NULL) {
            *saved = *frame;
        }
        if (lane->untouched != 0) {
            summary_save_node(summary, frame[-1].node);
        }
    }
}

void summary_save_near(struct summary *summary, size_t place)
{
    struct saved_near *saved = add_saved(summary, &summary->undo->near, sizeof *saved);
    if (saved != NULL) {
        *saved = (struct saved_near){summary->suspended.near[place], place};
    }
    summary->suspended.marks[place] = summary->mark;
}

void summary_save_far(struct summary *summary, uint64_t frame, uint64_t where)
{
    struct suspended_frame *saved = NULL;
    if (summary->undo != NULL) {
        saved = add_saved(summary, &summary->undo->far, sizeof *saved);
    }
    if (saved != NULL) {
        *saved = (struct suspended_frame){frame, where};
    }
}

void summary_save_lane(struct summary *summary, struct summary_lane *lane, int is_new)
{
    struct summary_undo *undo = summary->undo;
    undo->lane = lane;
    undo->is_new = is_new;
    undo->before = *lane;
    if (!is_new && lane->listed != SIZE_MAX) {
        undo->thread = summary->threads[lane->listed];
    }
    lane->untouched = lane->depth;
    summary_save_node(summary, lane->root);
    summary_save_node(summary, summary_top(lane));
}

/* Returns the number of the next mark. After the last one, no node has any. */
static uint16_t next_mark(struct summary *summary)
{
    if (summary->mark == UINT16_MAX) {
        for (size_t i = 0; i < summary->node_count; i++) {
            summary->nodes[i].mark = summary->details[i].mark = 0;
        }
        memset(summary->suspended.marks, 0, sizeof summary->suspended.marks);
        return 1;
    }
    return (uint16_t)(summary->mark + 1);
}

void summary_mark(struct summary *summary)
{
    struct summary_undo *undo = summary->undo;
    summary_drop_ended(summary);
    if (undo == NULL) {
        undo = summary->undo = rl_zalloc(1, sizeof *undo);
        if (undo == NULL) {
            summary->failed = 1;
            return;
        }
    }
    summary->mark = next_mark(summary);
    undo->nodes.count = undo->details.count = undo->frames.count = 0;
    undo->near.count = undo->far.count = 0;
    undo->node_count = summary->node_count;
    undo->function_count = summary->function_count;
    undo->thread_count = summary->thread_count;
    undo->unlisted_threads = summary->unlisted_threads;
    undo->is_folded_flat = summary->is_folded_flat;
    undo->lane = NULL;
    memcpy(undo->kinds, summary->kinds, sizeof undo->kinds);
}

/* Takes back the open frames of the chunk's thread, and how many of each function are open. */
static void take_back_frames(struct summary *summary, struct summary_lane *lane)
{
    struct summary_undo *undo = summary->undo;
    const struct open_frame *saved = undo->frames.items;
    for (size_t i = lane->untouched; i < lane->depth; i++) {
        summary->functions[lane->stack[i].function].open--;
    }
    for (size_t i = 0; i < undo->frames.count; i++) {
        summary->functions[saved[i].function].open++;
        lane->stack[undo->before.depth - 1 - i] = saved[i];
    }
}

static void take_back_lane(struct summary *summary, struct summary_lane *lane)
{
    struct summary_undo *undo = summary->undo;
    take_back_frames(summary, lane);
    if (undo->is_new) {
        (void)u64map_remove(&summary->lanes, lane->serial, NULL);
        summary_free_lane(lane);
        return;
    }
    undo->before.stack = lane->stack;
    undo->before.cap = lane->cap;
    *lane = undo->before;
    if (lane->listed != SIZE_MAX) {
        summary->threads[lane->listed] = undo->thread;
    }
}

/* Takes back which frames are suspended. */
static void take_back_suspended(struct summary *summary)
{
    struct summary_undo *undo = summary->undo;
    const struct saved_near *near = undo->near.items;
    const struct suspended_frame *far = undo->far.items;
    for (size_t i = 0; i < undo->near.count; i++) {
        summary->suspended.near[near[i].place] = near[i].frame;
    }
    for (size_t i = undo->far.count; i-- > 0;) {
        if (far[i].where == 0) {
            (void)u64map_remove(&summary->suspended.far, far[i].frame, NULL);
        } else if (u64map_put(&summary->suspended.far, far[i].frame, far[i].where) != 0) {
            summary->failed = 1;
        }
    }
}

/* Takes back what the chunk has changed in nodes that are older. */
static void take_back_changes(struct summary *summary)
{
    struct summary_undo *undo = summary->undo;
    const struct saved_detail *details = undo->details.items;
    for (size_t i = undo->details.count; i-- > 0;) {
        summary->details[details[i].index] = details[i].detail;
    }
    const struct saved_node *nodes = undo->nodes.items;
    for (size_t i = undo->nodes.count; i-- > 0;) {
        const struct summary_node *node = &nodes[i].node;
        summary->nodes[nodes[i].index] = *node;
        if (node->function != SUMMARY_NONE) {
            summary->functions[node->function].total = nodes[i].function_total;
        }
    }
}

/* Removes the nodes and functions that the chunk has made. */
static void remove_new(struct summary *summary)
{
    struct summary_undo *undo = summary->undo;
    if (summary->node_count > undo->node_count) {
        summary->node_count = undo->node_count;
        (void)summary_index_children(summary, summary->children_bits);
    }
    while (summary->function_count > undo->function_count) {
        uint32_t code = summary->functions[--summary->function_count].code;
        (void)u64map_remove(&summary->function_of, (uint64_t)code + 1, NULL);
    }
}

void summary_take_back(struct summary *summary)
{
    struct summary_undo *undo = summary->undo;
    if (summary->failed) {
        return;
    }
    memcpy(summary->kinds, undo->kinds, sizeof undo->kinds);
    summary->thread_count = undo->thread_count;
    summary->unlisted_threads = undo->unlisted_threads;
    summary->is_folded_flat = undo->is_folded_flat;
    summary->ended = NULL;
    if (undo->lane != NULL) {
        take_back_lane(summary, undo->lane);
    }
    take_back_suspended(summary);
    take_back_changes(summary);
    remove_new(summary);
    undo->lane = NULL;
}
