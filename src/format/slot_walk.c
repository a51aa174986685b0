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

/* Takes events as long as they have a short way. RL_OK where the next one has none. */
static rl_status take_short_way(struct walking *walking)
{
    struct chunk_maker *const maker = walking->maker;
    struct summary *const summary = walking->summary;
    struct summary_lane *const lane = walking->lane;
    const uint8_t *const end = walking->rows.in.end;
    const uint8_t *row = walking->rows.in.at, *begin;
    const uint64_t base = walking->rows.base;
    struct token_room room;
    uint32_t events = 0;
    int failed = 0;
    if (chunk_maker_room(maker, bytes_left(&walking->rows.in) / RL_ROW_BYTES, &room) != 0) {
        return RL_NOMEM;
    }
    for (;;) {
        struct rec rec = {0};
        uint32_t first, word;
        begin = row;
    next_row:
        if ((size_t)(end - row) < RL_ROW_BYTES || failed) {
            break;
        }
        first = get32(row + RL_ROW_TICKS);
        word = get32(row + RL_ROW_KIND);
        rec.id = word & RL_ID_MAX;
        rec.frame = get64(row + RL_ROW_FRAME);
        rec.ticks = base + first;
        switch (word >> RL_ID_BITS) {
#define SHORT_WAY(name)                                                                            \
    case RL_EVENT_##name:                                                                          \
        rec.kind = RL_EVENT_##name;                                                                \
        failed = chunk_maker_put(maker, &room, &rec);                                              \
        summary->kinds[rec.kind]++;                                                                \
        summary_fold(summary, lane, &rec);                                                         \
        break;
            SHORT_WAY(CALL)
            SHORT_WAY(RETURN)
            SHORT_WAY(YIELD)
            SHORT_WAY(RESUME)
            SHORT_WAY(UNWIND)
            SHORT_WAY(RAISE)
            SHORT_WAY(HANDLED)
            SHORT_WAY(C_CALL)
            SHORT_WAY(C_RETURN)
#undef SHORT_WAY
#define SHORT_WAY(name)                                                                            \
    case RL_EVENT_##name:                                                                          \
        rec.kind = RL_EVENT_##name;                                                                \
        rec.line = (uint32_t)(rec.frame >> RL_FRAME_ORDINAL_BITS);                                 \
        rec.frame = RL_FRAME(walking->rows.thread, rec.frame & RL_FRAME_ORDINAL_MASK);             \
        failed = chunk_maker_put(maker, &room, &rec);                                              \
        summary->kinds[rec.kind]++;                                                                \
        summary_fold(summary, lane, &rec);                                                         \
        break;
            SHORT_WAY(LINE)
            SHORT_WAY(WRITE)
#undef SHORT_WAY
        case RL_ROW_EXC:
            rec.exc = rec.id;
            rec.line = first;
            row += RL_ROW_BYTES;
            goto next_row;
        case RL_ROW_DATA:
            if (first == 0 || first > (size_t)(end - row) ||
                row_units(RL_ROW_DATA, first) > (size_t)(end - row) / RL_ROW_BYTES) {
                goto done;
            }
            rec.data = row + RL_ROW_FRAME;
            rec.data_len = first;
            row += row_units(RL_ROW_DATA, first) * (size_t)RL_ROW_BYTES;
            goto next_row;
        default:
            goto done;
        }
        row += RL_ROW_BYTES;
        events++;
    }
done:
    walking->rows.in.at = begin;
    chunk_maker_fill(maker, &room, events);
    if (events != 0) {
        summary_count_folded(lane, events);
    }
    return failed ? RL_NOMEM : RL_OK;
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
