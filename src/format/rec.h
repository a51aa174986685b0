/* One event, as every layer above the bytes sees it, and the two ways it lies in a file:
 *
 *   rows     16 bytes each, in LIVE slots: what a traced thread writes (docs/format.md, "Rows")
 *   tokens   varints, in CHUNK blocks: what the writer thread makes of rows ("Chunks")
 *
 * Both iterators give the same records, so nothing above needs to know which it was. */
#ifndef REC_H
#define REC_H

#include <relive/rl_filter.h>
#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct rec {
    uint8_t kind; /* enum rl_event_kind; DEF rows only from rows_next() */
    uint8_t has_switch;
    uint32_t id; /* code, or string of a definition */
    uint64_t frame;
    uint64_t ticks;
    uint64_t
        switch_to; /* where has_switch: the thread's innermost frame before this event, 0 = none */
    uint32_t exc;  /* unwind: string id of the exception's type, 0 = not known */
    uint32_t line; /* unwind, raise, handled, line, write: 0 = not known */
    const uint8_t *data; /* DEF rows: the payload; events: their values (value.h). Borrowed */
    uint32_t data_len;
};

/* What slot headers and chunk prefixes have in common. */
struct chunk_info {
    uint32_t thread;
    uint32_t events;
    uint64_t chunk;
    uint64_t first_seq;
    uint64_t first_call;
    uint64_t ticks0, mono0;
    uint64_t ticks1, mono1; /* 0 in a slot */
    uint64_t top;
    uint32_t name; /* string id of the thread's name, as it was last; 0 = not known */
    uint32_t token_bytes;
    uint32_t time_bytes;
    uint32_t value_bytes;
};

void chunk_info_put(uint8_t at[RL_CHUNK_PREFIX_BYTES], const struct chunk_info *info);
/* RL_DAMAGED where it contradicts itself or `raw`, the decoded size of the block. */
RL_CHECKED rl_status chunk_info_get(const uint8_t *at, size_t len, uint32_t raw,
                                    struct chunk_info *info);
void slot_info_put(uint8_t at[RL_SLOT_HEADER_BYTES], const struct chunk_info *info);
void slot_info_get(const uint8_t *at, struct chunk_info *info);

/* Returns how many 16-byte units a row takes with the payload behind it. `first` is the row's first
 * 32 bits: the length of the payload, where the kind has one. In an untrusted file, compare it with
 * the bytes left before: the sum below must not overflow. */
static inline uint32_t row_units(unsigned kind, uint32_t first)
{
    if (kind == RL_ROW_DATA) {
        return (first + RL_ROW_FRAME + RL_ROW_BYTES - 1) / RL_ROW_BYTES;
    }
    if (kind == RL_ROW_DEF_STRING || kind == RL_ROW_DEF_CODE) {
        return 1 + (first + RL_ROW_BYTES - 1) / RL_ROW_BYTES;
    }
    return 1;
}

struct rows {
    struct bytes_in in;
    uint64_t base;
    uint32_t thread;
    int has_switch; /* that the next event has: definitions may be between them */
    uint64_t switch_to;
};

static inline struct rows rows_of(const struct chunk_info *info, const uint8_t *data, size_t len)
{
    struct rows rows = {bytes_in_of(data, len), info->ticks0, info->thread, 0, 0};
    return rows;
}

/* RL_OK, RL_END, or RL_DAMAGED. */
RL_CHECKED rl_status rows_next(struct rows *rows, struct rec *rec);

/* The frames that both sides of the token code know inside one chunk. */
struct frame_stack {
    struct frame_ref {
        uint64_t frame;
        uint32_t id;
        uint32_t line; /* the last one told */
    } *items;          /* owned */
    size_t count;
    size_t cap;
};

struct token_state {
    struct frame_stack stack;
    uint64_t next_frame;
    uint64_t last_frame;
    uint64_t last_ticks;
    uint32_t thread;
};

void token_state_fini(struct token_state *state);

/* Makes one chunk: begin, a call a record, then the info is filled and the streams stand in
 * `tokens`, `times` and `values`. DEF rows are passed over. */
struct chunk_maker {
    struct chunk_info info;
    struct token_state state;
    struct bytes_out tokens;
    struct bytes_out times;
    struct bytes_out values;
};

void chunk_maker_fini(struct chunk_maker *maker);
void chunk_maker_begin(struct chunk_maker *maker, const struct chunk_info *info);
RL_CHECKED rl_status chunk_maker_add(struct chunk_maker *maker, const struct rec *rec);
/* The coded bytes of the chunk: tokens, times, values. Borrowed until the next begin. */
RL_CHECKED rl_status chunk_maker_end(struct chunk_maker *maker, const uint8_t **data, size_t *len);

struct tokens {
    struct bytes_in tokens;
    struct bytes_in times;
    struct bytes_in values;
    struct token_state state;
    uint32_t left;
};

void tokens_fini(struct tokens *tokens);
void tokens_begin(struct tokens *tokens, const struct chunk_info *info, const uint8_t *data);
RL_CHECKED rl_status tokens_next(struct tokens *tokens, struct rec *rec);

/* Whether the frame field of the row holds a line too. */
static inline int kind_has_line(unsigned kind)
{
    return kind == RL_EVENT_LINE || kind == RL_EVENT_WRITE;
}

/* Whether the kind begins, goes on with, or ends a frame. */
static inline int kind_enters(unsigned kind)
{
    return kind == RL_EVENT_CALL || kind == RL_EVENT_RUNNING || kind == RL_EVENT_RESUME ||
           kind == RL_EVENT_THROW;
}

static inline int kind_begins(unsigned kind)
{
    return kind == RL_EVENT_CALL || kind == RL_EVENT_RUNNING;
}

static inline int kind_ends(unsigned kind)
{
    return kind == RL_EVENT_RETURN || kind == RL_EVENT_UNWIND || kind == RL_EVENT_CLOSED;
}

static inline int kind_leaves(unsigned kind)
{
    return kind_ends(kind) || kind == RL_EVENT_YIELD;
}

/* A session's start without fields: the thread goes on in that session, 0 = in none. */
static inline int kind_switches_session(unsigned kind, uint32_t values)
{
    return kind == RL_EVENT_SESSION_START && values == 0;
}

const char *kind_name(unsigned kind); /* "call"; "unknown" for a newer file's */
const char *loss_name(unsigned reason);

#endif
