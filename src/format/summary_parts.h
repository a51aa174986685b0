/* Part of summary.h: what building a summary (summary.c), its bytes (summary_bytes.c), taking a
 * chunk back (summary_undo.c) and the walk over a slot (slot_walk.c) share.
 *
 * summary_fold() is inline: a caller with a constant kind gets the branch of that kind alone.
 * summary_add() does the same for any kind. */
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
/* Saves where a frame is suspended, 0 = nowhere. */
void summary_save_suspended(struct summary *summary, uint64_t frame, uint64_t where);
/* The chunk is of this lane, which is_new where the chunk has made it. */
void summary_save_lane(struct summary *summary, struct summary_lane *lane, int is_new);

/* ---- summary.c: the rare parts of summary_count() ---- */

/* Fills the table of children again, with 1 << bits places. Returns -1 without memory. */
int summary_index_children(struct summary *summary, unsigned bits);
/* As summary_callee(), where the first place of the table has another node. */
uint32_t summary_child(struct summary *summary, const struct summary_lane *lane, uint32_t parent,
                       uint32_t code);
uint32_t summary_outermost(const struct summary *summary, const struct summary_lane *lane,
                           uint32_t node);
/* A frame is suspended, in the table that has room. Returns where it was suspended before, or 0. */
uint64_t summary_suspend_far(struct summary *summary, uint64_t frame, uint64_t where);
/* Forgets a frame that is suspended far. Returns where it was, or 0. */
uint64_t summary_resume_far(struct summary *summary, uint64_t frame);
int summary_grow_stack(struct summary *summary, struct summary_lane *lane);
/* Returns the place of a frame in the stack, or SIZE_MAX. */
size_t summary_find(const struct summary_lane *lane, uint64_t frame);
/* Closes a frame that is not the innermost, or was open at the mark, or may have heirs. */
void summary_close_slowly(struct summary *summary, struct summary_lane *lane, size_t at);
void summary_switch(struct summary *summary, struct summary_lane *lane, uint64_t frame);
void summary_count_thread(struct summary *summary, struct summary_lane *lane, unsigned kind,
                          uint32_t id, uint64_t native_id);

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

/* Remembers how deep a recursion has been. */
INLINE void summary_count_depth(struct summary *summary, uint32_t node, uint32_t depth)
{
    if (depth > summary->details[node].max_depth) {
        summary_save_detail(summary, node);
        summary->details[node].max_depth = depth;
    }
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

/* Returns the node of `code` called from `parent`; in direct recursion that is the parent itself.
 * SUMMARY_NONE without memory. */
INLINE uint32_t summary_callee(struct summary *summary, const struct summary_lane *lane,
                               uint32_t parent, uint32_t code)
{
    if (code != 0 && summary->nodes[parent].code == code) {
        return parent;
    }
    uint32_t node = summary->children[summary_child_place(summary, parent, code)];
    if (summary_is_child(summary, node, parent, code)) {
        return node;
    }
    return summary_child(summary, lane, parent, code);
}

INLINE struct suspended_frame *summary_near(struct summary *summary, uint64_t frame)
{
    struct suspended_frame *near = summary->suspended.near;
    return &near[frame % (sizeof summary->suspended.near / sizeof *near)];
}

/* A frame is suspended in `node`. */
INLINE void summary_suspend(struct summary *summary, const struct summary_lane *lane,
                            uint64_t frame, uint32_t node)
{
    struct suspended_frame *near = summary_near(summary, frame);
    uint64_t where = (uint64_t)lane->root << 32 | node, before = 0;
    if (near->frame != 0 || summary->suspended.far.count != 0) {
        before = summary_suspend_far(summary, frame, where);
    } else {
        *near = (struct suspended_frame){frame, where};
    }
    summary_save_suspended(summary, frame, before);
}

/* Returns the node that a frame was suspended in, in this thread, or SUMMARY_NONE. */
INLINE uint32_t summary_resume(struct summary *summary, const struct summary_lane *lane,
                               uint64_t frame)
{
    struct suspended_frame *near = summary_near(summary, frame);
    uint64_t where = near->where;
    if (near->frame == frame && frame != 0) {
        near->frame = 0;
    } else {
        where = summary->suspended.far.count != 0 ? summary_resume_far(summary, frame) : 0;
    }
    if (where != 0) {
        summary_save_suspended(summary, frame, where);
    }
    return where != 0 && where >> 32 == lane->root ? (uint32_t)where : SUMMARY_NONE;
}

/* Opens a frame of `node`. A frame of 0 is a call of C code. */
INLINE void summary_push(struct summary *summary, struct summary_lane *lane, uint32_t node,
                         uint64_t frame, int is_call)
{
    if (lane->depth == lane->cap && summary_grow_stack(summary, lane) != 0) {
        return;
    }
    struct summary_node *n = &summary->nodes[node];
    if (n->mark != summary->mark) {
        summary_save_node(summary, node);
    }
    n->calls += (uint64_t)is_call;
    struct summary_function *function = &summary->functions[n->function];
    uint32_t depth = 1, outermost = OF_NODE | OF_FUNCTION;
    if (lane->depth != 0 && lane->stack[lane->depth - 1].node == node) {
        outermost = 0;
        if (n->code != RL_CODE_OTHER) {
            depth += lane->stack[lane->depth - 1].depth;
            summary_count_depth(summary, node, depth);
        }
    } else if (function->open != 0) {
        outermost = summary_outermost(summary, lane, node);
    }
    function->open++;
    if (n->open != UINT16_MAX) {
        n->open++;
    }
    lane->stack[lane->depth++] =
        (struct open_frame){frame, lane->last_ticks, node, n->function, depth, outermost};
}

/* Closes the frame at this place of the stack; the frames above it stay open. */
INLINE void summary_close(struct summary *summary, struct summary_lane *lane, size_t at)
{
    if (at + 1 != lane->depth || at < lane->untouched || lane->was_switched) {
        summary_close_slowly(summary, lane, at);
        return;
    }
    lane->depth = at;
    summary_count_end(summary, &lane->stack[at], lane->last_ticks);
}

/* Call, resume or throw: a frame goes on in the node that it was suspended in, in this thread. */
INLINE void summary_enter(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    uint32_t node = SUMMARY_NONE;
    if (!kind_begins(rec->kind)) {
        node = summary_resume(summary, lane, rec->frame);
    }
    if (node == SUMMARY_NONE) {
        int is_alone = rec->has_switch && rec->switch_to == 0;
        node = summary_callee(summary, lane, is_alone ? lane->root : summary_top(lane), rec->id);
    }
    if (node != SUMMARY_NONE) {
        lane->calls += rec->kind == RL_EVENT_CALL;
        summary_push(summary, lane, node, rec->frame, rec->kind == RL_EVENT_CALL);
    }
}

/* Return, yield or unwind. The end of a frame that was not seen to begin is ignored. */
INLINE void summary_leave(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    size_t at = lane->depth - 1;
    if (lane->depth == 0 || lane->stack[at].frame != rec->frame) {
        at = summary_find(lane, rec->frame);
        if (at == SIZE_MAX) {
            return;
        }
    }
    uint32_t node = lane->stack[at].node;
    if (rec->kind == RL_EVENT_YIELD && rec->frame != 0) {
        summary_suspend(summary, lane, rec->frame, node);
    }
    if (rec->kind == RL_EVENT_UNWIND) {
        summary_save_detail(summary, node);
        summary->details[node].unwinds++;
        summary->details[node].exc = rec->exc;
        summary->details[node].exc_line = rec->line;
    }
    summary_close(summary, lane, at);
}

/* Closes the innermost frame where that is a call of C code. */
INLINE void summary_leave_native(struct summary *summary, struct summary_lane *lane,
                                 const struct rec *rec)
{
    if (lane->depth != 0 && lane->stack[lane->depth - 1].frame == 0) {
        if (rec->kind == RL_EVENT_C_RAISE) {
            summary_save_detail(summary, summary_top(lane));
            summary->details[summary_top(lane)].unwinds++;
        }
        summary_close(summary, lane, lane->depth - 1);
    }
}

/* Returns whether a call made now in this thread counts. */
INLINE int summary_is_in_session(const struct summary *summary, const struct summary_lane *lane)
{
    return summary->session == 0 || summary->session == lane->session;
}

/* Folds an event into the tree: its time, and what it opens or closes. */
INLINE void summary_fold(struct summary *summary, struct summary_lane *lane, const struct rec *rec)
{
    summary_pass_time(summary, lane, rec->ticks);
    if (rec->has_switch && rec->switch_to != 0) {
        summary_switch(summary, lane, rec->switch_to);
    }
    if (kind_enters(rec->kind)) {
        summary_enter(summary, lane, rec);
    } else if (kind_leaves(rec->kind)) {
        summary_leave(summary, lane, rec);
    } else if (rec->kind == RL_EVENT_C_CALL && summary_is_in_session(summary, lane)) {
        uint32_t node = summary_callee(summary, lane, summary_top(lane), rec->id);
        if (node != SUMMARY_NONE) {
            summary_push(summary, lane, node, 0, 1);
        }
    } else if (rec->kind == RL_EVENT_C_RETURN || rec->kind == RL_EVENT_C_RAISE) {
        summary_leave_native(summary, lane, rec);
    } else if (rec->kind == RL_EVENT_THREAD_START || rec->kind == RL_EVENT_THREAD_END) {
        summary_count_thread(summary, lane, rec->kind, rec->id, rec->frame);
    }
}

/* Counts events of a thread that were folded. */
INLINE void summary_count_folded(struct summary_lane *lane, uint64_t events)
{
    lane->events += events;
    lane->event_ticks = lane->last_ticks;
}

#endif
