/* Part of rec.h: what encoder and decoder of the token code share, and the encoding of one event.
 *
 * chunk_maker_put() is inline: a caller with a constant kind, as slot_walk.c, gets the branch of
 * that kind alone. chunk_maker_add() does the same for any kind. */
#ifndef TOKEN_PARTS_H
#define TOKEN_PARTS_H

#include "bytes.h"
#include "rec.h"

/* Makes room for one more frame. Returns -1 without memory. */
int frame_stack_grow(struct frame_stack *stack);
/* Takes a frame out of the stack, wherever it is. Frames above it stay: a switch may have moved it.
 */
void frame_stack_remove(struct frame_stack *stack, uint64_t frame);

INLINE int frame_stack_push(struct frame_stack *stack, uint64_t frame, uint32_t id)
{
    if (stack->count == stack->cap && frame_stack_grow(stack) != 0) {
        return -1;
    }
    stack->items[stack->count++] = (struct frame_ref){frame, id, 0};
    return 0;
}

/* Returns whether the innermost frame is this one, so that an exit need not name it. */
INLINE int frame_stack_top_is(const struct frame_stack *stack, uint64_t frame, uint32_t id)
{
    return stack->count != 0 && stack->items[stack->count - 1].frame == frame &&
           stack->items[stack->count - 1].id == id;
}

/* Advances the state by an event that is written in full. Encoder and decoder both call this. */
INLINE int token_after_explicit(struct token_state *state, const struct rec *rec)
{
    state->last_frame = rec->frame;
    if (kind_begins(rec->kind) && rec->frame == state->next_frame) {
        state->next_frame++;
    }
    if (kind_enters(rec->kind)) {
        return frame_stack_push(&state->stack, rec->frame, rec->id);
    }
    if (kind_leaves(rec->kind)) {
        frame_stack_remove(&state->stack, rec->frame);
    }
    return 0;
}

/* Writes a varint. Whether it takes one byte or two follows no pattern, so that is no branch: the
 * second byte is written either way. */
INLINE uint8_t *put_number(uint8_t *p, uint64_t v)
{
    if (__builtin_expect(v < 1u << 14, 1)) {
        unsigned is_long = v >= 0x80;
        p[0] = (uint8_t)(v | is_long << 7);
        p[1] = (uint8_t)(v >> 7);
        return p + 1 + is_long;
    }
    return put_varint(p, v);
}

INLINE uint8_t *put_token(uint8_t *p, enum rl_token_op op, uint64_t value)
{
    return put_number(p, value << 3 | op);
}

/* Writes a frame as its distance to the last one. */
INLINE uint8_t *put_frame(uint8_t *p, const struct token_state *state, uint64_t frame)
{
    return put_number(p, zigzag((int64_t)(frame - state->last_frame)));
}

/* Writes the prefixes of an event: switch, exception, data. */
INLINE uint8_t *put_prefixes(uint8_t *p, struct token_state *state, const struct rec *rec)
{
    if (rec->has_switch) {
        p = put_token(p, RL_OP_PREFIX, 0);
        p = put_frame(p, state, rec->switch_to);
        state->last_frame = rec->switch_to;
    }
    if (rec->exc != 0 || (rec->line != 0 && !kind_has_line(rec->kind))) {
        p = put_token(p, RL_OP_PREFIX, 1);
        p = put_number(p, rec->exc);
        p = put_number(p, rec->line);
    }
    return rec->data_len != 0 ? put_token(p, RL_OP_PREFIX, 2) : p;
}

/* Writes a line or a write in the innermost frame. Its line is a difference to the one before. */
INLINE uint8_t *put_line_token(uint8_t *p, struct frame_ref *top, const struct rec *rec)
{
    uint64_t delta = zigzag((int64_t)rec->line - top->line);
    top->line = rec->line;
    return put_token(p, RL_OP_NATIVE, (delta << 1 | (rec->kind == RL_EVENT_WRITE)) << 2 | 3);
}

/* Where the next token and the next time go. */
struct token_room {
    uint8_t *token, *time;
};

/* The bytes that one event needs at most. */
#define TOKEN_ROOM ((size_t)10 * VARINT_MAX)
#define TIME_ROOM  ((size_t)VARINT_MAX)

/* Makes room for that many more events. Returns -1 without memory. */
INLINE int chunk_maker_room(struct chunk_maker *maker, size_t events, struct token_room *room)
{
    room->token = bytes_room(&maker->tokens, events * TOKEN_ROOM);
    room->time = bytes_room(&maker->times, events * TIME_ROOM);
    return room->token != NULL && room->time != NULL ? 0 : -1;
}

/* The room is used up to here, by that many events. */
INLINE void chunk_maker_fill(struct chunk_maker *maker, const struct token_room *room,
                             uint32_t events)
{
    maker->tokens.len = (size_t)(room->token - maker->tokens.data);
    maker->times.len = (size_t)(room->time - maker->times.data);
    maker->info.events += events;
}

/* Writes the token of an event at *at, and moves *at behind it. Returns nonzero without memory. */
INLINE int put_event_token(uint8_t **at, struct token_state *state, const struct rec *rec)
{
    uint8_t *p = put_prefixes(*at, state, rec);
    int failed = 0;
    if (rec->kind == RL_EVENT_CALL && rec->frame == state->next_frame) {
        p = put_token(p, RL_OP_CALL, rec->id);
        state->next_frame++;
        failed = frame_stack_push(&state->stack, rec->frame, rec->id);
    } else if ((rec->kind == RL_EVENT_RETURN || rec->kind == RL_EVENT_YIELD ||
                rec->kind == RL_EVENT_UNWIND) &&
               frame_stack_top_is(&state->stack, rec->frame, rec->id)) {
        p = put_token(p,
                      rec->kind == RL_EVENT_RETURN  ? RL_OP_RETURN
                      : rec->kind == RL_EVENT_YIELD ? RL_OP_YIELD
                                                    : RL_OP_UNWIND,
                      0);
        state->stack.count--;
    } else if (rec->kind == RL_EVENT_RESUME) {
        p = put_token(p, RL_OP_RESUME, rec->id);
        p = put_frame(p, state, rec->frame);
        failed = token_after_explicit(state, rec);
    } else if (rec->kind >= RL_EVENT_C_CALL && rec->kind <= RL_EVENT_C_RAISE &&
               state->stack.count != 0 &&
               state->stack.items[state->stack.count - 1].frame == rec->frame) {
        p = put_token(p, RL_OP_NATIVE, (uint64_t)rec->id << 2 | (rec->kind - RL_EVENT_C_CALL));
    } else if (kind_has_line(rec->kind) && frame_stack_top_is(&state->stack, rec->frame, rec->id)) {
        p = put_line_token(p, &state->stack.items[state->stack.count - 1], rec);
    } else {
        p = put_token(p, RL_OP_EXPLICIT, rec->kind);
        p = put_number(p, rec->id);
        p = put_frame(p, state, rec->frame);
        p = kind_has_line(rec->kind) ? put_number(p, rec->line) : p;
        failed = token_after_explicit(state, rec);
    }
    *at = p;
    return failed;
}

/* Appends the values of an event. Without memory, chunk_maker_end() fails. */
INLINE void put_values(struct bytes_out *values, const uint8_t *data, uint32_t len)
{
    uint8_t *p = bytes_room(values, VARINT_MAX + (size_t)len);
    if (p != NULL) {
        uint8_t *behind = put_number(p, len);
        memcpy(behind, data, len);
        values->len += (size_t)(behind - p) + len;
    }
}

/* Writes an event to the room. Nonzero without memory: the chunk is lost then. */
INLINE int chunk_maker_put(struct chunk_maker *maker, struct token_room *room,
                           const struct rec *rec)
{
    if (put_event_token(&room->token, &maker->state, rec) != 0) {
        return -1;
    }
    if (rec->data_len != 0) {
        put_values(&maker->values, rec->data, rec->data_len);
    }
    room->time = put_number(room->time, rec->ticks - maker->state.last_ticks);
    maker->state.last_ticks = rec->ticks;
    return 0;
}

#endif
