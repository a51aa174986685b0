/* Part of rec.h: what encoder and decoder of the token code (rec.c) and the walk over a slot
 * (short_ways.h) share. */
#ifndef TOKEN_PARTS_H
#define TOKEN_PARTS_H

#include "bytes.h"
#include "rec.h"

/* Writes a varint. Whether it takes one byte or two follows no pattern, so that is no branch: two
 * bytes are written either way. */
INLINE uint8_t *put_number(uint8_t *p, uint64_t v)
{
    if (__builtin_expect(v < 1u << 14, 1)) {
        unsigned is_long = v >= 0x80, bits = (unsigned)v;
        put16(p, (uint16_t)(bits + (bits & 0x3f80) + (is_long << 7)));
        return p + 1 + is_long;
    }
    return put_varint(p, v);
}

INLINE uint8_t *put_token(uint8_t *p, enum rl_token_op op, uint64_t value)
{
    return put_number(p, value << 3 | op);
}

/* Writes a frame as its distance to the last one. */
INLINE uint8_t *put_frame(uint8_t *p, uint64_t last, uint64_t frame)
{
    return put_number(p, zigzag((int64_t)(frame - last)));
}

/* Writes the prefixes of an event behind a switch: exception, data. */
INLINE uint8_t *put_prefixes(uint8_t *p, const struct rec *rec)
{
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

/* Writes an event of C code that the innermost frame has called. */
INLINE uint8_t *put_native_token(uint8_t *p, const struct rec *rec)
{
    return put_token(p, RL_OP_NATIVE, (uint64_t)rec->id << 2 | (rec->kind - RL_EVENT_C_CALL));
}

/* Writes an event in full. */
INLINE uint8_t *put_explicit(uint8_t *p, uint64_t last_frame, const struct rec *rec)
{
    p = put_token(p, RL_OP_EXPLICIT, rec->kind);
    p = put_number(p, rec->id);
    if (__builtin_expect(rec->frame == last_frame, 1)) {
        *p++ = 0; /* that is most often so */
    } else {
        p = put_frame(p, last_frame, rec->frame);
    }
    return kind_has_line(rec->kind) ? put_number(p, rec->line) : p;
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

#endif
