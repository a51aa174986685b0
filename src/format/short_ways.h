/* Part of slot_walk.c: the short ways, one for each kind of event that is frequent.
 *
 * What streams and tree know of the innermost frames is in a struct hand meanwhile. No byte that is
 * written can change it, so it stays in registers.
 *
 *   hand_take_up() --> short way, short way, ... --> hand_put_down()    then anything may be called
 *
 * A call that the next row ends is one step (take_leaf()). So is a generator that the next row
 * suspends again (take_step()). Neither stack is touched.
 *
 * Invariant: a short way does what chunk_maker_add() and summary_add() do with the same event. Or
 * it returns 0 and has changed nothing that they do not change alike. Stacks do not grow here, and
 * nodes are not made. */
#ifndef SHORT_WAYS_H
#define SHORT_WAYS_H

#include "summary_parts.h"
#include "token_parts.h"

struct hand {
    struct token_room room;
    struct bytes_out *values;
    struct summary *summary;
    uint64_t ticks; /* of the event before */
    uint64_t next_frame, last_frame;
    /* Behind the innermost frame that the chunk knows, and behind the innermost open one. */
    struct frame_ref *known, *known_begin, *known_end;
    struct open_frame *open, *open_begin, *open_end;
    const struct open_frame *closable; /* frames from here on close at once */
    uint32_t root, top;                /* nodes: of the thread, and of the innermost open frame */
    uint64_t calls;
};

/* Returns whether a lane can be walked by short ways now. Its time may run ahead of the chunk's. */
INLINE int hand_may_take_up(const struct chunk_maker *maker, const struct summary *summary,
                            const struct summary_lane *lane)
{
    return lane != NULL && lane->stack != NULL && maker->state.stack.items != NULL &&
           summary->session == 0 && lane->last_ticks == maker->state.last_ticks;
}

/* The room is for all events that may be taken. */
INLINE struct hand hand_take_up(struct chunk_maker *maker, struct summary *summary,
                                const struct summary_lane *lane, struct token_room room)
{
    const struct token_state *state = &maker->state;
    return (struct hand){
        .room = room,
        .values = &maker->values,
        .summary = summary,
        .ticks = state->last_ticks,
        .next_frame = state->next_frame,
        .last_frame = state->last_frame,
        .known = state->stack.items + state->stack.count,
        .known_begin = state->stack.items,
        .known_end = state->stack.items + state->stack.cap,
        .open = lane->stack + lane->depth,
        .open_begin = lane->stack,
        .open_end = lane->stack + lane->cap,
        .closable = lane->stack + (lane->was_switched ? lane->cap : lane->untouched),
        .root = lane->root,
        .top = summary_top(lane),
    };
}

INLINE void hand_put_down(const struct hand *hand, struct chunk_maker *maker,
                          struct summary_lane *lane, uint32_t events)
{
    struct token_state *state = &maker->state;
    chunk_maker_fill(maker, &hand->room, events);
    state->last_ticks = lane->last_ticks = hand->ticks;
    state->next_frame = hand->next_frame;
    state->last_frame = hand->last_frame;
    state->stack.count = (size_t)(hand->known - hand->known_begin);
    lane->depth = (size_t)(hand->open - hand->open_begin);
    lane->calls += hand->calls;
    lane->events += events;
    if (events != 0) {
        lane->event_ticks = hand->ticks;
    }
}

/* Returns whether both stacks have room for a frame. */
INLINE int has_room(const struct hand *hand)
{
    return hand->known != hand->known_end && hand->open != hand->open_end;
}

/* Returns whether the innermost frame that the chunk knows is that of the event. */
INLINE int is_innermost(const struct hand *hand, const struct rec *rec)
{
    return hand->known != hand->known_begin && hand->known[-1].frame == rec->frame &&
           hand->known[-1].id == rec->id;
}

/* Returns whether the innermost open frame is this one, and closes at once. */
INLINE int is_closable(const struct hand *hand, uint64_t frame)
{
    return hand->open > hand->closable && hand->open[-1].frame == frame;
}

/* Writes the time of an event, and counts it for the innermost frame. */
INLINE void pass_time(struct hand *hand, uint64_t ticks)
{
    uint64_t passed = ticks - hand->ticks;
    hand->room.time = put_number(hand->room.time, passed);
    hand->summary->nodes[hand->top].self += passed;
    hand->ticks = ticks;
}

/* Copies the values of a DATA row: 8 bytes of its first unit, 16 of each other. Most have few, so
 * whole units take less than a call of memcpy(). */
INLINE void copy_units(uint8_t *to, const uint8_t *from, size_t len)
{
    enum { FIRST = RL_ROW_BYTES - RL_ROW_FRAME, SECOND = FIRST + RL_ROW_BYTES };
    if (len > SECOND) {
        memcpy(to, from, len);
        return;
    }
    memcpy(to, from, FIRST);
    if (len > FIRST) {
        memcpy(to + FIRST, from + FIRST, RL_ROW_BYTES);
    }
}

/* Does what put_values() does, for values in a row. */
INLINE void put_row_values(struct bytes_out *values, const uint8_t *data, uint32_t len)
{
    uint8_t *p = bytes_room(values, VARINT_MAX + (size_t)len + RL_ROW_BYTES);
    if (p != NULL) {
        uint8_t *behind = put_number(p, len);
        copy_units(behind, data, len);
        values->len += (size_t)(behind - p) + len;
    }
}

/* Writes and counts what events of all kinds have. The token follows. */
INLINE void begin_event(struct hand *hand, const struct rec *rec)
{
    hand->room.token = put_prefixes(hand->room.token, rec);
    if (rec->data_len != 0) {
        put_row_values(hand->values, rec->data, rec->data_len);
    }
    pass_time(hand, rec->ticks);
    hand->summary->kinds[rec->kind]++;
}

/* Opens a frame of `node`. A frame of 0 is a call of C code. */
INLINE void push_open(struct hand *hand, uint32_t node, uint64_t frame)
{
    *hand->open =
        summary_open(hand->summary, hand->open_begin, hand->open, node, frame, hand->ticks);
    summary_count_open(hand->summary, hand->open);
    hand->open++;
    hand->top = node;
}

/* Closes the innermost open frame. */
INLINE void close_open(struct hand *hand)
{
    hand->open--;
    summary_count_end(hand->summary, hand->open, hand->ticks);
    hand->top = hand->open != hand->open_begin ? hand->open[-1].node : hand->root;
}

INLINE void push_known(struct hand *hand, const struct rec *rec)
{
    *hand->known++ = (struct frame_ref){rec->frame, rec->id, 0};
}

INLINE int take_call(struct hand *hand, const struct rec *rec)
{
    uint32_t node = summary_known_callee(hand->summary, hand->top, rec->id);
    if (node == 0 || rec->frame != hand->next_frame || !has_room(hand)) {
        return 0;
    }
    begin_event(hand, rec);
    hand->room.token = put_token(hand->room.token, RL_OP_CALL, rec->id);
    hand->next_frame++;
    hand->calls++;
    push_known(hand, rec);
    push_open(hand, node, rec->frame);
    hand->summary->nodes[node].calls++;
    return 1;
}

/* Opens a frame of `node` and closes it at once, by an event at `end`. It was written what opens
 * it. Neither stack is touched. */
INLINE void pass_frame(struct hand *hand, uint32_t node, uint64_t opened, uint64_t end,
                       enum rl_event_kind kind, enum rl_token_op op)
{
    struct summary *summary = hand->summary;
    struct open_frame frame =
        summary_open(summary, hand->open_begin, hand->open, node, opened, hand->ticks);
    uint64_t passed = end - hand->ticks;
    hand->room.token = put_token(hand->room.token, op, 0);
    hand->room.time = put_number(hand->room.time, passed);
    hand->ticks = end;
    summary->nodes[node].self += passed;
    summary->kinds[kind]++;
    summary_count_time(summary, &frame, end);
}

/* Takes a call that ends by the next event, a return at `end`. */
INLINE int take_leaf(struct hand *hand, const struct rec *rec, uint64_t end)
{
    struct summary *summary = hand->summary;
    uint32_t node = summary_known_callee(summary, hand->top, rec->id);
    if (node == 0 || rec->frame != hand->next_frame) {
        return 0;
    }
    begin_event(hand, rec);
    hand->room.token = put_token(hand->room.token, RL_OP_CALL, rec->id);
    hand->next_frame++;
    hand->calls++;
    pass_frame(hand, node, rec->frame, end, RL_EVENT_RETURN, RL_OP_RETURN);
    summary->nodes[node].calls++;
    return 1;
}

/* Writes the event of a generator that goes on. */
INLINE void put_resume(struct hand *hand, const struct rec *rec)
{
    begin_event(hand, rec);
    hand->room.token = put_token(hand->room.token, RL_OP_RESUME, rec->id);
    hand->room.token = put_frame(hand->room.token, hand->last_frame, rec->frame);
    hand->last_frame = rec->frame;
}

/* Takes a return, a yield or an unwind. */
INLINE int take_leave(struct hand *hand, const struct rec *rec)
{
    const enum rl_token_op op = rec->kind == RL_EVENT_RETURN  ? RL_OP_RETURN
                                : rec->kind == RL_EVENT_YIELD ? RL_OP_YIELD
                                                              : RL_OP_UNWIND;
    if (!is_innermost(hand, rec) || !is_closable(hand, rec->frame) || rec->frame == 0) {
        return 0;
    }
    begin_event(hand, rec);
    hand->room.token = put_token(hand->room.token, op, 0);
    hand->known--;
    if (rec->kind == RL_EVENT_YIELD) {
        summary_suspend(hand->summary, hand->root, rec->frame, hand->top);
    }
    if (rec->kind == RL_EVENT_UNWIND) {
        summary_count_unwind(hand->summary, hand->top, rec);
    }
    close_open(hand);
    return 1;
}

INLINE int take_resume(struct hand *hand, const struct rec *rec)
{
    if (!has_room(hand)) {
        return 0;
    }
    uint32_t node = summary_resume(hand->summary, hand->root, rec->frame);
    if (node == SUMMARY_NONE) {
        node = summary_known_callee(hand->summary, hand->top, rec->id);
    }
    if (node == 0) {
        return 0;
    }
    put_resume(hand, rec);
    push_known(hand, rec);
    push_open(hand, node, rec->frame);
    return 1;
}

/* Takes a generator that goes on and yields by the next event, at `end`. It stays suspended where
 * it was, so that table is not touched either. */
INLINE int take_step(struct hand *hand, const struct rec *rec, uint64_t end)
{
    uint32_t node = summary_suspended_near(hand->summary, hand->root, rec->frame);
    if (node == 0) {
        return 0;
    }
    put_resume(hand, rec);
    pass_frame(hand, node, rec->frame, end, RL_EVENT_YIELD, RL_OP_YIELD);
    return 1;
}

/* Takes an event that leaves open frames as they are: a raise, a caught exception, a line, a write
 * or a task that goes on. */
INLINE int take_inside(struct hand *hand, const struct rec *rec)
{
    begin_event(hand, rec);
    if (kind_has_line(rec->kind) && is_innermost(hand, rec)) {
        hand->room.token = put_line_token(hand->room.token, &hand->known[-1], rec);
    } else {
        hand->room.token = put_explicit(hand->room.token, hand->last_frame, rec);
        hand->last_frame = rec->frame;
    }
    return 1;
}

/* Writes the token of an event of C code. */
INLINE void put_native(struct hand *hand, const struct rec *rec)
{
    begin_event(hand, rec);
    if (hand->known != hand->known_begin && hand->known[-1].frame == rec->frame) {
        hand->room.token = put_native_token(hand->room.token, rec);
    } else {
        hand->room.token = put_explicit(hand->room.token, hand->last_frame, rec);
        hand->last_frame = rec->frame;
    }
}

INLINE int take_native_call(struct hand *hand, const struct rec *rec)
{
    uint32_t node = summary_known_callee(hand->summary, hand->top, rec->id);
    if (node == 0 || hand->open == hand->open_end) {
        return 0;
    }
    put_native(hand, rec);
    push_open(hand, node, 0);
    hand->summary->nodes[node].calls++;
    return 1;
}

/* Takes the end of a call of C code. */
INLINE int take_native_end(struct hand *hand, const struct rec *rec)
{
    if (!is_closable(hand, 0)) {
        return 0;
    }
    put_native(hand, rec);
    if (rec->kind == RL_EVENT_C_RAISE) {
        summary_detail_of(hand->summary, hand->top)->unwinds++;
    }
    close_open(hand);
    return 1;
}

#endif
