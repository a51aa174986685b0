/* Why: the writer thread takes as much of a second core as this walk does. Each event is decoded
 * once, while it is in the processor's cache, and the branch on its kind is taken once.
 *
 * The common kinds have short ways: the same functions as in the walk event by event
 * (chunk_maker_put(), summary_fold()), compiled for one kind. An event with a switch or a foreign
 * frame goes the long way. So do all other kinds.
 *
 *   short   [EXC] [DATA] EVENT   call, return, yield, resume, unwind, raise, handled, line, write,
 *                                C calls
 *   long    rows_next() --> chunk_maker_add(), summary_add()
 *
 * Invariant: the short way consumes an event with its prefixes as a whole, or leaves `at` where the
 * event begins. So the long way may take any event.
 *
 * Threads: belongs to whoever owns maker and summary. */
#include "slot_walk.h"

#include "summary_parts.h"
#include "token_parts.h"

struct walking {
    struct rows rows;
    struct chunk_maker *maker;
    struct summary *summary;
    struct summary_lane *lane;
};

/* Takes the next event or definition, whatever it is. RL_END after the last. */
static rl_status take_long_way(struct walking *walking)
{
    struct rec rec;
    rl_status status = rows_next(&walking->rows, &rec);
    if (status == RL_OK) {
        status = chunk_maker_add(walking->maker, &rec);
    }
    if (status == RL_OK) {
        summary_add(walking->summary, walking->lane, &rec);
    }
    return status;
}

/* Takes an event whose row is at `row`, behind the prefixes in *rec. Returns 1, 0 where the event
 * has no short way, or -1 without memory. */
INLINE int take_event(struct walking *walking, struct token_room *room, const uint8_t *row,
                      struct rec *rec)
{
    uint32_t word = get32(row + RL_ROW_KIND);
    int failed;
    rec->id = word & RL_ID_MAX;
    rec->frame = get64(row + RL_ROW_FRAME);
    rec->ticks = walking->rows.base + get32(row + RL_ROW_TICKS);
    switch (word >> RL_ID_BITS) {
#define SHORT_WAY(name)                                                                            \
    case RL_EVENT_##name:                                                                          \
        rec->kind = RL_EVENT_##name;                                                               \
        if (kind_has_line(rec->kind)) {                                                            \
            rec->line = (uint32_t)(rec->frame >> RL_FRAME_ORDINAL_BITS);                           \
            rec->frame = RL_FRAME(walking->rows.thread, rec->frame & RL_FRAME_ORDINAL_MASK);       \
        }                                                                                          \
        failed = chunk_maker_put(walking->maker, room, rec);                                       \
        walking->summary->kinds[rec->kind]++;                                                      \
        summary_fold(walking->summary, walking->lane, rec);                                        \
        break;
        SHORT_WAY(CALL)
        SHORT_WAY(RETURN)
        SHORT_WAY(YIELD)
        SHORT_WAY(RESUME)
        SHORT_WAY(UNWIND)
        SHORT_WAY(RAISE)
        SHORT_WAY(HANDLED)
        SHORT_WAY(LINE)
        SHORT_WAY(WRITE)
        SHORT_WAY(C_CALL)
        SHORT_WAY(C_RETURN)
#undef SHORT_WAY
    default:
        return 0;
    }
    return failed ? -1 : 1;
}

/* Takes the prefixes of an event that a short way may have. Returns the row behind them, or NULL
 * where there is none, or where they claim more than is left. */
static const uint8_t *take_prefixes(const uint8_t *row, const uint8_t *end, struct rec *rec)
{
    while ((size_t)(end - row) >= RL_ROW_BYTES) {
        uint32_t first = get32(row + RL_ROW_TICKS), word = get32(row + RL_ROW_KIND), units = 1;
        if (word >> RL_ID_BITS == RL_ROW_EXC) {
            rec->exc = word & RL_ID_MAX;
            rec->line = first;
        } else if (word >> RL_ID_BITS == RL_ROW_DATA) {
            size_t left = (size_t)(end - row);
            units = row_units(RL_ROW_DATA, first);
            if (first == 0 || first > left || units > left / RL_ROW_BYTES) {
                return NULL;
            }
            rec->data = row + RL_ROW_FRAME;
            rec->data_len = first;
        } else {
            return row;
        }
        row += units * (size_t)RL_ROW_BYTES;
    }
    return NULL;
}

/* Takes events as long as they have a short way. RL_OK where the next one has none. */
static rl_status take_short_way(struct walking *walking)
{
    struct bytes_in *in = &walking->rows.in;
    const uint8_t *row = in->at, *const end = in->end;
    struct token_room room;
    uint32_t events = 0;
    int taken = 1;
    if (chunk_maker_room(walking->maker, bytes_left(in) / RL_ROW_BYTES, &room) != 0) {
        return RL_NOMEM;
    }
    while ((size_t)(end - row) >= RL_ROW_BYTES) {
        const uint8_t *behind = row;
        if (get32(row + RL_ROW_KIND) >> RL_ID_BITS < RL_EVENT_KINDS) {
            struct rec rec = {0};
            taken = take_event(walking, &room, row, &rec);
        } else {
            struct rec rec = {0};
            behind = take_prefixes(row, end, &rec);
            taken = behind != NULL ? take_event(walking, &room, behind, &rec) : 0;
        }
        if (taken != 1) {
            break;
        }
        row = behind + RL_ROW_BYTES;
        events++;
    }
    in->at = row;
    chunk_maker_fill(walking->maker, &room, events);
    if (events != 0) {
        summary_count_folded(walking->lane, events);
    }
    return taken < 0 ? RL_NOMEM : RL_OK;
}

rl_status slot_walk(const struct chunk_info *info, const uint8_t *data, size_t len,
                    struct chunk_maker *maker, struct summary *summary)
{
    struct walking walking = {.rows = rows_of(info, data, len), .maker = maker, .summary = summary};
    rl_status status = RL_OK;
    chunk_maker_begin(maker, info);
    summary_mark(summary);
    walking.lane = summary_begin_chunk(summary, &maker->info);
    while (status == RL_OK) {
        if (walking.lane != NULL && !walking.rows.has_switch) {
            status = take_short_way(&walking);
        }
        if (status == RL_OK) {
            status = take_long_way(&walking);
        }
    }
    if (walking.lane != NULL) {
        walking.lane->next_seq +=
            maker->info.events; /* summary_begin_chunk() did not know them yet */
    }
    return status == RL_END ? RL_OK : status;
}
