/* Part of summary.h: what building a summary (summary.c), its bytes (summary_bytes.c), taking a
 * chunk back (summary_undo.c) and the walk over a slot (short_ways.h) share. */
#ifndef SUMMARY_PARTS_H
#define SUMMARY_PARTS_H

#include "rec.h"
#include "summary.h"

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
    size_t untouched;     /* frames from the bottom that are as they were at the mark */
    uint64_t first_ticks; /* of its first chunk */
    uint64_t last_ticks;  /* of its last event; time never goes back */
    uint64_t event_ticks; /* the same, but for what a gap or the end has added */
    uint64_t events, calls;
    uint64_t next_seq; /* event number that the next chunk begins with, unless some are lost */
    uint32_t root;
    uint32_t serial;
    uint32_t session; /* of the thread, 0 = none */
    size_t listed;    /* index into threads, or SIZE_MAX */
    int was_switched; /* frames have changed places: one that began later may be further down */
};

/* SUMMARY_NONE without memory; summary->failed says so then. */
uint32_t summary_new_node(struct summary *summary, uint32_t parent, uint32_t code);
void summary_free_lane(struct summary_lane *lane);
/* Frees the lane of a thread whose last chunk has passed. */
void summary_drop_ended(struct summary *summary);
void summary_undo_free(struct summary_undo *undo);

/* ---- summary_undo.c: called before something changes for the first time since the mark ---- */

void summary_save_node(struct summary *summary, uint32_t node);
void summary_save_detail(struct summary *summary, uint32_t node);
/* Saves the frames from place `at` on, and the node below them. */
void summary_save_frames(struct summary *summary, struct summary_lane *lane, size_t at);
/* Saves the frame that is suspended at a near place. */
void summary_save_near(struct summary *summary, size_t place);
/* Saves where a frame is suspended far, 0 = nowhere. */
void summary_save_far(struct summary *summary, uint64_t frame, uint64_t where);
/* The chunk is of this lane, which is_new where the chunk has made it. */
void summary_save_lane(struct summary *summary, struct summary_lane *lane, int is_new);

/* ---- summary.c: what is rare ---- */

/* Fills the table of children again, with 1 << bits places. Returns -1 without memory. */
int summary_index_children(struct summary *summary, unsigned bits);
/* Returns what a frame of `node` will be the outermost of when it is entered above the frames from
 * `begin` to `end`. */
uint32_t summary_outermost(const struct summary *summary, const struct open_frame *begin,
                           const struct open_frame *end, uint32_t node);
/* A frame is suspended, in the table that has room. */
void summary_suspend_far(struct summary *summary, uint64_t frame, uint64_t where);
/* Forgets a frame that is suspended far. Returns where it was, or 0. */
uint64_t summary_resume_far(struct summary *summary, uint64_t frame);

/* Returns the node of the innermost frame; the thread's root where none is open. */
INLINE uint32_t summary_top(const struct summary_lane *lane)
{
    return lane->depth != 0 ? lane->stack[lane->depth - 1].node : lane->root;
}

/* Moves the time of a thread on to `ticks`. The time in between belongs to the innermost frame. */
INLINE void summary_pass_time(struct summary *summary, struct summary_lane *lane, uint64_t ticks)
{
    if (ticks > lane->last_ticks) {
        summary->nodes[summary_top(lane)].self += ticks - lane->last_ticks;
        lane->last_ticks = ticks;
    }
}

/* Adds the time of a frame since it was entered to what it is the outermost of. */
INLINE void summary_count_time(struct summary *summary, const struct open_frame *frame,
                               uint64_t ticks)
{
    if (frame->outermost & OF_NODE) {
        summary->nodes[frame->node].total += ticks - frame->entered;
    }
    if (frame->outermost & OF_FUNCTION) {
        summary->functions[frame->function].total += ticks - frame->entered;
    }
}

/* Does the same for a frame that ends. */
INLINE void summary_count_end(struct summary *summary, const struct open_frame *frame,
                              uint64_t ticks)
{
    struct summary_node *node = &summary->nodes[frame->node];
    summary_count_time(summary, frame, ticks);
    if (node->open != UINT16_MAX) {
        node->open--;
    }
    summary->functions[frame->function].open--;
}

/* Returns what few events touch of a node, which is about to change. */
INLINE struct summary_detail *summary_detail_of(struct summary *summary, uint32_t node)
{
    if (summary->details[node].mark != summary->mark) {
        summary_save_detail(summary, node);
    }
    return &summary->details[node];
}

/* Remembers how deep a recursion has been. */
INLINE void summary_count_depth(struct summary *summary, uint32_t node, uint32_t depth)
{
    if (depth > summary->details[node].max_depth) {
        summary_detail_of(summary, node)->max_depth = depth;
    }
}

/* Counts an exception that has left a frame. */
INLINE void summary_count_unwind(struct summary *summary, uint32_t node, const struct rec *rec)
{
    struct summary_detail *detail = summary_detail_of(summary, node);
    detail->unwinds++;
    detail->exc = rec->exc;
    detail->exc_line = rec->line;
}

/* Returns where a search for a child begins in the table of children. */
INLINE size_t summary_child_place(const struct summary *summary, uint32_t parent, uint32_t code)
{
    uint64_t key = (uint64_t)parent << 32 | code;
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - summary->children_bits));
}

INLINE int summary_is_child(const struct summary *summary, uint32_t node, uint32_t parent,
                            uint32_t code)
{
    return summary->nodes[node].code == code && summary->nodes[node].parent == parent;
}

/* Returns the node of `code` called from `parent`; in direct recursion that is the parent itself. 0
 * where no such call was seen yet: the first node is the root of a thread. */
INLINE uint32_t summary_known_callee(const struct summary *summary, uint32_t parent, uint32_t code)
{
    size_t mask = ((size_t)1 << summary->children_bits) - 1;
    if (code != 0 && summary->nodes[parent].code == code) {
        return parent;
    }
    for (size_t at = summary_child_place(summary, parent, code);; at = (at + 1) & mask) {
        uint32_t node = summary->children[at];
        if (node == 0 || summary_is_child(summary, node, parent, code)) {
            return node;
        }
    }
}

/* Returns the place of a frame that is suspended near. */
INLINE size_t summary_near_place(const struct summary *summary, uint64_t frame)
{
    return frame % (sizeof summary->suspended.near / sizeof *summary->suspended.near);
}

/* Sets what is at a place, or frees it (0). */
INLINE void summary_put_near(struct summary *summary, size_t place, uint64_t frame, uint64_t where)
{
    if (summary->suspended.marks[place] != summary->mark) {
        summary_save_near(summary, place);
    }
    summary->suspended.near[place] = (struct suspended_frame){frame, where};
}

/* A frame is suspended in `node`, in the thread with this root. */
INLINE void summary_suspend(struct summary *summary, uint32_t root, uint64_t frame, uint32_t node)
{
    size_t place = summary_near_place(summary, frame);
    uint64_t where = (uint64_t)root << 32 | node;
    if (summary->suspended.near[place].frame != 0 || summary->suspended.far.count != 0) {
        summary_suspend_far(summary, frame, where);
    } else {
        summary_put_near(summary, place, frame, where);
    }
}

/* Returns the node that a frame was suspended in, in the thread with this root, or SUMMARY_NONE. */
INLINE uint32_t summary_resume(struct summary *summary, uint32_t root, uint64_t frame)
{
    size_t place = summary_near_place(summary, frame);
    uint64_t where = summary->suspended.near[place].where;
    if (summary->suspended.near[place].frame == frame && frame != 0) {
        summary_put_near(summary, place, 0, 0);
    } else {
        where = summary->suspended.far.count != 0 ? summary_resume_far(summary, frame) : 0;
    }
    return where != 0 && where >> 32 == root ? (uint32_t)where : SUMMARY_NONE;
}

/* Returns the node of a frame that is suspended near, in the thread with this root. 0: it is not.
 */
INLINE uint32_t summary_suspended_near(const struct summary *summary, uint32_t root, uint64_t frame)
{
    const struct suspended_frame *near =
        &summary->suspended.near[summary_near_place(summary, frame)];
    return near->frame == frame && frame != 0 && near->where >> 32 == root ? (uint32_t)near->where
                                                                           : 0;
}

/* Returns a frame of `node` above the open frames from `begin` to `end`, which are older. A frame
 * of 0 is a call of C code. */
INLINE struct open_frame summary_open(struct summary *summary, const struct open_frame *begin,
                                      const struct open_frame *end, uint32_t node, uint64_t frame,
                                      uint64_t ticks)
{
    struct summary_node *n = &summary->nodes[node];
    struct open_frame opened = {frame, ticks, node, n->function, 1, OF_NODE | OF_FUNCTION};
    if (n->mark != summary->mark) {
        summary_save_node(summary, node);
    }
    if (begin != end && end[-1].node == node) {
        opened.outermost = 0;
        if (n->code != RL_CODE_OTHER) {
            opened.depth += end[-1].depth;
            summary_count_depth(summary, node, opened.depth);
        }
    } else if (summary->functions[n->function].open != 0) {
        opened.outermost = summary_outermost(summary, begin, end, node);
    }
    return opened;
}

/* Counts a frame that is open from now on. */
INLINE void summary_count_open(struct summary *summary, const struct open_frame *frame)
{
    struct summary_node *node = &summary->nodes[frame->node];
    if (node->open != UINT16_MAX) {
        node->open++;
    }
    summary->functions[frame->function].open++;
}

#endif
