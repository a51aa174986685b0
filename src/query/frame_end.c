/* Why: see frame_end.h.
 *
 *      first begin                                              end of the thread
 *      |--- cursor: a piece --->|                  |<--- back: a piece ---|
 *              a piece each, in turn, until all ends are known, or both meet */
#include "frame_end.h"

#include "map.h"
#include "origin_back.h"

enum { PIECE = 1 << 14 }; /* events, about a chunk */

/* Both readings of the thread. */
struct ends {
    struct cursor *cursor; /* owned */
    struct back *back;     /* owned */
    uint64_t below, above; /* events that the cursor has given, and the other one */
    struct frame_end *items;
    struct u64map missing; /* frame -> place in `items` */
};

/* Takes an end that is missing. */
static rl_status take_end(struct ends *ends, const struct event_out *event)
{
    uint64_t place;
    if (!kind_ends(event->kind) || !u64map_remove(&ends->missing, event->frame, &place)) {
        return RL_OK;
    }
    return kept_event_take(ends->items[place].end, event) == 0 ? RL_OK : RL_NOMEM;
}

static rl_status read_on(struct ends *ends)
{
    struct event_out event;
    rl_status status = RL_OK;
    for (int n = 0; n < PIECE && status == RL_OK && ends->missing.count != 0; n++) {
        status = cursor_next(ends->cursor, &event);
        if (status == RL_OK) {
            ends->below = event.seq;
            status = take_end(ends, &event);
        }
    }
    return status;
}

static rl_status read_back(struct ends *ends)
{
    struct event_out event;
    rl_status status = RL_OK;
    for (int n = 0; n < PIECE && status == RL_OK && ends->missing.count != 0; n++) {
        status = back_prev(ends->back, &event);
        if (status == RL_OK) {
            ends->above = event.seq;
            status = take_end(ends, &event);
        }
    }
    return status;
}

rl_status frame_end_find(struct reader *reader, uint32_t thread, struct frame_end *items,
                         size_t count)
{
    struct ends ends = {.above = UINT64_MAX, .items = items};
    uint64_t first = UINT64_MAX;
    rl_status status = RL_OK;
    for (size_t i = 0; i < count && status == RL_OK; i++) {
        first = items[i].seq < first ? items[i].seq : first;
        status = u64map_put(&ends.missing, items[i].frame, i) == 0 ? RL_OK : RL_NOMEM;
    }
    status = status == RL_OK ? cursor_open_thread(reader, thread, first, &ends.cursor) : status;
    status = status == RL_OK ? back_open(reader, thread, UINT64_MAX, 1, &ends.back) : status;
    while (status == RL_OK && ends.missing.count != 0 && ends.below < ends.above) {
        status = read_on(&ends);
        status = status == RL_OK ? read_back(&ends) : status;
    }
    cursor_close(ends.cursor);
    back_close(ends.back);
    u64map_fini(&ends.missing);
    return status == RL_END ? RL_OK : status;
}
