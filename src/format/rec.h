/* One event as every layer above the bytes sees it, and its two encodings in a file.
 *
 *   traced thread --lane_put()--> rows --rows_next()--> struct rec --chunk_maker_add()--> tokens
 *                                                            ^                               |
 *                                   readers <----------------+-------- tokens_next() --------'
 *
 * Rows are 16 bytes each, in LIVE slots. They cost a traced thread two stores (docs/format.md,
 * "Rows"):
 *
 *   0        4                 8                     16
 *   | ticks  | kind:6 | id:26  | frame               |     an event, or a prefix of the next one
 *   | bytes  | DATA            | payload ...               values of the next event
 *   | bytes  | DEF_*  | id     | 0                   | payload, padded to 16      a definition
 *
 *   An event is its prefixes, in any order, and then its own row:
 *
 *     [TIME] [SWITCH] [EXC] [FOREIGN] [DATA] EVENT          DEF_STRING, DEF_CODE: between events
 *
 * Tokens are varints, in CHUNK blocks, made by the writer thread ("Chunks"). A token is
 * value << 3 | operation. Three streams follow each other, so that zstd finds like beside like:
 *
 *   | tokens | times: ticks since the event before | values: length and bytes, where DATA |
 *
 *   A chunk needs no other chunk: its decoder starts with an empty stack of frames.
 *
 *     call            pushes (code, next frame of the thread)        op 0: one varint
 *     return ...      pops the innermost frame                       op 1 to 3: one byte
 *     resume, others  name their frame by its distance to the last   op 4 and 5
 *     line, C calls   are about the innermost frame                  op 6: one varint
 *     prefixes        switch, exception, data                        op 7
 *
 * Invariants:
 *  1. Both decoders give the same records, so nothing above knows which encoding it was.
 *  2. Encoder and decoder change struct token_state in the same way, event by event.
 *  3. Nothing in a record is trusted but its kind and the bounds of `data`. */
#ifndef REC_H
#define REC_H

#include <relive/rl_filter.h>
#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

/* Of functions that a caller with a constant kind makes short: their branches go only there. */
#define INLINE static inline __attribute__((always_inline))

struct rec {
    uint8_t kind; /* enum rl_event_kind; DEF rows only from rows_next() */
    uint8_t has_switch;
    uint32_t id; /* of a code object; of the string or code object that a DEF row defines */
    uint64_t frame;
    uint64_t ticks;
    uint64_t
        switch_to; /* where has_switch: the thread's innermost frame before this event, 0 = none */
    uint32_t exc;  /* unwind: string id of the exception's type, 0 = not known */
    uint32_t line; /* unwind, raise, handled, line, write: 0 = not known */
    const uint8_t *data; /* DEF rows: the payload; events: their values (value.h). Borrowed */
    uint32_t data_len;
};

/* What slot headers and chunk prefixes have in common: where in its thread a chunk belongs, and the
 * clocks at both ends. */
struct chunk_info {
    uint32_t thread;
    uint32_t events;
    uint64_t chunk;
    uint64_t first_seq;
    uint64_t first_call;
    uint64_t ticks0, mono0;
    uint64_t ticks1, mono1; /* 0 in a slot */
    uint64_t top;           /* innermost open frame before the first event, 0 = none */
    uint32_t name;          /* string id of the thread's name, 0 = not known */
    uint32_t token_bytes;
    uint32_t time_bytes;
    uint32_t value_bytes;
};

/* Writes the prefix of a CHUNK block. */
void chunk_info_put(uint8_t at[RL_CHUNK_PREFIX_BYTES], const struct chunk_info *info);
/* Reads a prefix. RL_DAMAGED where it contradicts itself or `raw`, the decoded size of the block.
 */
RL_CHECKED rl_status chunk_info_get(const uint8_t *at, size_t len, uint32_t raw,
                                    struct chunk_info *info);
/* Write and read the header of a slot, but for its `used`. */
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

/* Decodes the rows of a slot. */
struct rows {
    struct bytes_in in;
    uint64_t base; /* ticks that rows count from */
    uint32_t thread;
    int has_switch; /* of the next event: definitions may come between the two rows */
    uint64_t switch_to;
};

static inline struct rows rows_of(const struct chunk_info *info, const uint8_t *data, size_t len)
{
    struct rows rows = {bytes_in_of(data, len), info->ticks0, info->thread, 0, 0};
    return rows;
}

/* Decodes the next event or definition. RL_OK, RL_END, or RL_DAMAGED. */
RL_CHECKED rl_status rows_next(struct rows *rows, struct rec *rec);

/* The open frames that encoder and decoder know inside one chunk. */
struct frame_stack {
    struct frame_ref {
        uint64_t frame;
        uint32_t id;
        uint32_t line; /* of its last line or write; the next one is a difference */
    } *items;          /* owned */
    size_t count;
    size_t cap;
};

/* What both sides of the token code know before an event. */
struct token_state {
    struct frame_stack stack;
    uint64_t next_frame; /* identity of the thread's next call */
    uint64_t last_frame; /* the last frame that was written as a difference */
    uint64_t last_ticks;
    uint32_t thread;
};

void token_state_fini(struct token_state *state);

/* Encodes one chunk: chunk_maker_begin(), chunk_maker_add() for each record, chunk_maker_end(). The
 * memory is kept from chunk to chunk. */
struct chunk_maker {
    struct chunk_info info;
    struct token_state state;
    struct bytes_out tokens;
    struct bytes_out times;
    struct bytes_out values;
};

void chunk_maker_fini(struct chunk_maker *maker);
void chunk_maker_begin(struct chunk_maker *maker, const struct chunk_info *info);
/* Adds an event. DEF rows are skipped: DICT blocks hold definitions. RL_NOMEM ends the chunk. */
RL_CHECKED rl_status chunk_maker_add(struct chunk_maker *maker, const struct rec *rec);
/* Completes `info` and gives the three streams as one. Borrowed until the next chunk_maker_begin().
 */
RL_CHECKED rl_status chunk_maker_end(struct chunk_maker *maker, const uint8_t **data, size_t *len);

/* Decodes the tokens of a chunk. The memory is kept from chunk to chunk. */
struct tokens {
    struct bytes_in tokens;
    struct bytes_in times;
    struct bytes_in values;
    struct token_state state;
    uint32_t left; /* events that are not decoded yet */
};

void tokens_fini(struct tokens *tokens);
void tokens_begin(struct tokens *tokens, const struct chunk_info *info, const uint8_t *data);
/* Decodes the next event. RL_OK, RL_END, RL_NOMEM, or RL_DAMAGED: the rest of the chunk is lost. */
RL_CHECKED rl_status tokens_next(struct tokens *tokens, struct rec *rec);

/* Returns whether the frame field of the row holds a line too. */
static inline int kind_has_line(unsigned kind)
{
    return kind == RL_EVENT_LINE || kind == RL_EVENT_WRITE;
}

/* The frame is innermost after the event: it begins or goes on. */
static inline int kind_enters(unsigned kind)
{
    return kind == RL_EVENT_CALL || kind == RL_EVENT_RUNNING || kind == RL_EVENT_RESUME ||
           kind == RL_EVENT_THROW;
}

/* The first event of a frame. */
static inline int kind_begins(unsigned kind)
{
    return kind == RL_EVENT_CALL || kind == RL_EVENT_RUNNING;
}

/* The last event of a frame. */
static inline int kind_ends(unsigned kind)
{
    return kind == RL_EVENT_RETURN || kind == RL_EVENT_UNWIND || kind == RL_EVENT_CLOSED;
}

/* The frame is not open after the event: it ends or is suspended. */
static inline int kind_leaves(unsigned kind)
{
    return kind_ends(kind) || kind == RL_EVENT_YIELD;
}

/* Returns whether a session_start only says in which session the thread goes on (0 = in none). Such
 * an event has no fields and is not shown. */
static inline int kind_switches_session(unsigned kind, uint32_t values)
{
    return kind == RL_EVENT_SESSION_START && values == 0;
}

/* Return the printed name, "unknown" for one of a newer file. */
const char *kind_name(unsigned kind);
const char *loss_name(unsigned reason);

#endif
