/* Why: the writer thread takes as much of a second core as this walk does. Each event is decoded
 * once, while it is in the processor's cache, and the branch on its kind is taken once.
 *
 * The common kinds have short ways. An event that is rare in any way goes the long way: that of the
 * walk event by event. Events with a switch or a foreign frame do, and so do all other kinds.
 *
 *   short   [EXC] [DATA] EVENT   call, return, yield, resume, unwind, raise, handled, line, write,
 *                                task switch, C calls (short_ways.h)
 *   long    rows_next() --> chunk_maker_add(), summary_add()
 *
 * Invariant: the short way consumes an event with its prefixes as a whole, or leaves `at` where the
 * event begins. So the long way may take any event.
 *
 * Threads: belongs to whoever owns maker and summary. */
#include "slot_walk.h"

#include "short_ways.h"

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

/* Takes the prefixes of an event that a short way may have. Returns the row behind them, or NULL
 * where there is none, or where they claim more than is left. */
INLINE const uint8_t *take_prefixes(const uint8_t *row, const uint8_t *end, struct rec *rec)
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

/* What the events of a slot have in common. */
struct slot_base {
    uint64_t ticks; /* of its rows; a TIME row changes them */
    uint32_t thread;
    const uint8_t *end;
};

/* Takes an event whose frame is left by the next row: a call by its return, a resume by its yield.
 * Returns 0 where that is not so. */
INLINE int take_pair(struct hand *hand, const struct slot_base *base, const uint8_t *row,
                     const struct rec *rec)
{
    const uint32_t kind = rec->kind == RL_EVENT_CALL ? RL_EVENT_RETURN : RL_EVENT_YIELD;
    const uint8_t *next = row + RL_ROW_BYTES;
    if ((size_t)(base->end - next) < RL_ROW_BYTES || get64(next + RL_ROW_FRAME) != rec->frame ||
        get32(next + RL_ROW_KIND) != (kind << RL_ID_BITS | rec->id)) {
        return 0;
    }
    uint64_t ticks = base->ticks + get32(next + RL_ROW_TICKS);
    return ticks >= rec->ticks &&
           (rec->kind == RL_EVENT_CALL ? take_leaf(hand, rec, ticks) : take_step(hand, rec, ticks));
}

/* Takes the event in a row, behind the prefixes in *rec. Returns how many rows were taken: 2 where
 * the event's end is in the next one, 0 where there is no short way. */
INLINE int take_event(struct hand *hand, const struct slot_base *base, const uint8_t *row,
                      struct rec *rec)
{
    uint32_t word = get32(row + RL_ROW_KIND);
    rec->id = word & RL_ID_MAX;
    rec->frame = get64(row + RL_ROW_FRAME);
    rec->ticks = base->ticks + get32(row + RL_ROW_TICKS);
    if (rec->ticks < hand->ticks) {
        return 0;
    }
    switch (word >> RL_ID_BITS) {
    case RL_EVENT_CALL:
        rec->kind = RL_EVENT_CALL;
        return take_pair(hand, base, row, rec) ? 2 : take_call(hand, rec);
    case RL_EVENT_RESUME:
        rec->kind = RL_EVENT_RESUME;
        return take_pair(hand, base, row, rec) ? 2 : take_resume(hand, rec);
#define SHORT_WAY(name, take)                                                                      \
    case RL_EVENT_##name:                                                                          \
        rec->kind = RL_EVENT_##name;                                                               \
        if (kind_has_line(rec->kind)) {                                                            \
            rec->line = (uint32_t)(rec->frame >> RL_FRAME_ORDINAL_BITS);                           \
            rec->frame = RL_FRAME(base->thread, rec->frame & RL_FRAME_ORDINAL_MASK);               \
        }                                                                                          \
        return take(hand, rec);
        SHORT_WAY(RETURN, take_leave)
        SHORT_WAY(YIELD, take_leave)
        SHORT_WAY(UNWIND, take_leave)
        SHORT_WAY(RAISE, take_inside)
        SHORT_WAY(HANDLED, take_inside)
        SHORT_WAY(LINE, take_inside)
        SHORT_WAY(WRITE, take_inside)
        SHORT_WAY(TASK_SWITCH, take_inside)
        SHORT_WAY(C_CALL, take_native_call)
        SHORT_WAY(C_RETURN, take_native_end)
        SHORT_WAY(C_RAISE, take_native_end)
#undef SHORT_WAY
    default:
        return 0;
    }
}

/* Takes the event that begins in a row, with its prefixes. Returns how many rows were taken, and
 * adds those of prefixes to *prefixes. */
INLINE size_t take_rows(struct hand *hand, const struct slot_base *base, const uint8_t *row,
                        size_t *prefixes)
{
    struct rec plain = {0}, rec = {0};
    int taken = take_event(hand, base, row, &plain);
    if (taken != 0) {
        return (size_t)taken;
    }
    const uint8_t *at = take_prefixes(row, base->end, &rec);
    taken = at != NULL && at != row ? take_event(hand, base, at, &rec) : 0;
    if (taken == 0) {
        return 0;
    }
    size_t before = (size_t)(at - row) / RL_ROW_BYTES;
    *prefixes += before;
    return before + (size_t)taken;
}

/* Takes events as long as they have a short way. RL_OK where the next one has none. */
static rl_status take_short_way(struct walking *walking)
{
    struct bytes_in *in = &walking->rows.in;
    const struct slot_base base = {walking->rows.base, walking->rows.thread, in->end};
    const uint8_t *row = in->at;
    size_t taken = 1, prefixes = 0;
    struct token_room room;
    if (chunk_maker_room(walking->maker, bytes_left(in) / RL_ROW_BYTES, &room) != 0) {
        return RL_NOMEM;
    }
    struct hand hand = hand_take_up(walking->maker, walking->summary, walking->lane, room);
    while (taken != 0 && (size_t)(base.end - row) >= RL_ROW_BYTES) {
        taken = take_rows(&hand, &base, row, &prefixes);
        row += taken * RL_ROW_BYTES;
    }
    hand_put_down(&hand, walking->maker, walking->lane,
                  (uint32_t)((size_t)(row - in->at) / RL_ROW_BYTES - prefixes));
    in->at = row;
    return RL_OK;
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
        if (!walking.rows.has_switch && hand_may_take_up(maker, summary, walking.lane)) {
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
