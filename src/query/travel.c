/* Why: see travel.h.
 *
 * Every `interval` events the state is saved. Where the saved states take more than `bytes_max`,
 * every second one is dropped and the interval doubles:
 *
 *    |....|....|....|....|....      -->      |.........|.........|....
 *
 * A long recording has an index, whose stretches begin with a state, too. The nearest of both
 * counts.
 *
 * Invariant: saved states are in order of their places. */
#include "travel.h"

#include <string.h>

#include "alloc.h"
#include "instant_parts.h"
#include "skim.h"

struct saved {
    uint64_t place;
    uint8_t *state; /* owned */
    size_t len;
};

struct travel {
    struct reader *reader;
    struct instant *instant; /* owned */
    struct event_out event;  /* the last one; its values are the instant's */
    uint64_t place;
    uint64_t interval;
    size_t bytes_max;
    struct saved *saved; /* owned */
    size_t saved_count, saved_cap, saved_bytes;
    struct bytes_out scratch;
};

rl_status travel_open(struct reader *reader, uint64_t interval, size_t bytes_max,
                      struct travel **out)
{
    struct travel *travel = rl_zalloc(1, sizeof *travel);
    if (travel == NULL) {
        return RL_NOMEM;
    }
    travel->reader = reader;
    travel->interval = interval != 0 ? interval : 1;
    travel->bytes_max = bytes_max;
    if (instant_open(reader, &travel->instant) != RL_OK) {
        travel_close(travel);
        return RL_NOMEM;
    }
    *out = travel;
    return RL_OK;
}

void travel_close(struct travel *travel)
{
    if (travel == NULL) {
        return;
    }
    for (size_t i = 0; i < travel->saved_count; i++) {
        rl_free(travel->saved[i].state);
    }
    rl_free(travel->saved);
    bytes_out_fini(&travel->scratch);
    instant_close(travel->instant);
    rl_free(travel);
}

/* ---- saving ---- */

/* Drops every second state. */
static void thin_out(struct travel *travel)
{
    size_t kept = 0;
    travel->interval *= 2;
    travel->saved_bytes = 0;
    for (size_t i = 0; i < travel->saved_count; i++) {
        if (travel->saved[i].place % travel->interval == 0) {
            travel->saved_bytes += travel->saved[i].len;
            travel->saved[kept++] = travel->saved[i];
        } else {
            rl_free(travel->saved[i].state);
        }
    }
    travel->saved_count = kept;
}

/* Saves the state, if it is the first time here. Without memory nothing is saved: going back then
 * reads more. */
static void save_state(struct travel *travel)
{
    struct bytes_out *scratch = &travel->scratch;
    void *all = travel->saved;
    if (travel->saved_count != 0 && travel->saved[travel->saved_count - 1].place >= travel->place) {
        return;
    }
    bytes_out_reset(scratch);
    instant_save(travel->instant, scratch);
    uint8_t *state = scratch->failed ? NULL : rl_alloc(scratch->len, 1);
    if (state == NULL ||
        rl_grow(&all, &travel->saved_cap, travel->saved_count + 1, sizeof *travel->saved) != 0) {
        rl_free(state);
        return;
    }
    memcpy(state, scratch->data, scratch->len);
    travel->saved = all;
    travel->saved[travel->saved_count++] = (struct saved){travel->place, state, scratch->len};
    travel->saved_bytes += scratch->len;
    while (travel->saved_bytes > travel->bytes_max && travel->saved_count > 1) {
        thin_out(travel);
    }
}

/* ---- going ---- */

rl_status travel_next(struct travel *travel, struct event_out *event)
{
    rl_status status = instant_next(travel->instant, event);
    if (status != RL_OK) {
        return status;
    }
    travel->event = *event;
    travel->place++;
    if (travel->place % travel->interval == 0) {
        save_state(travel);
    }
    return RL_OK;
}

/* Returns the last saved state at or before a place, or NULL. */
static const struct saved *find_saved(const struct travel *travel, uint64_t place)
{
    size_t low = 0, high = travel->saved_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        *(travel->saved[middle].place <= place ? &low : &high) =
            travel->saved[middle].place <= place ? middle + 1 : middle;
    }
    return low != 0 ? &travel->saved[low - 1] : NULL;
}

/* Returns the place before a stretch of the index. */
static uint64_t place_of_stretch(const struct travel *travel, size_t stretch)
{
    const struct index *index = travel->reader->index;
    return index != NULL && stretch < index->count ? index->stretches[stretch].before : 0;
}

uint64_t travel_saved(const struct travel *travel, uint64_t place)
{
    const struct saved *saved = find_saved(travel, place);
    uint64_t of_index = place_of_stretch(travel, skim_stretch_of_count(travel->reader, place));
    uint64_t own = saved != NULL ? saved->place : 0;
    return of_index <= place && of_index > own ? of_index : own;
}

/* Becomes the state that these bytes hold, before any event where there are none. */
static rl_status load_state(struct travel *travel, uint64_t place, const uint8_t *bytes, size_t len)
{
    struct instant *instant = NULL;
    struct event_out event = {0};
    rl_status status = len != 0 ? instant_load(travel->reader, bytes, len, &event, &instant)
                                : instant_open(travel->reader, &instant);
    if (status == RL_OK) {
        instant_close(travel->instant);
        travel->instant = instant;
        travel->event = event;
        travel->place = place;
    }
    return status;
}

/* Loads the last state at or before a place. Where it is of no use, reading begins again. */
static rl_status load_before(struct travel *travel, uint64_t place)
{
    const struct saved *saved = find_saved(travel, place);
    size_t stretch = skim_stretch_of_count(travel->reader, place);
    uint64_t of_index = place_of_stretch(travel, stretch);
    rl_status status = RL_DAMAGED;
    if (of_index <= place && of_index > (saved != NULL ? saved->place : 0)) {
        status = index_state(travel->reader->index, stretch, &travel->scratch);
        if (status == RL_OK) {
            status = load_state(travel, of_index, travel->scratch.data, travel->scratch.len);
        }
    }
    if (status == RL_DAMAGED && saved != NULL) {
        status = load_state(travel, saved->place, saved->state, saved->len);
    }
    return status == RL_DAMAGED ? load_state(travel, 0, NULL, 0) : status;
}

rl_status travel_to(struct travel *travel, uint64_t place, uint64_t *events)
{
    struct event_out event;
    rl_status status = RL_OK;
    if (place < travel->place || travel_saved(travel, place) > travel->place) {
        status = load_before(travel, place);
    }
    while (status == RL_OK && travel->place < place) {
        if (*events == 0) {
            return RL_LIMIT;
        }
        --*events;
        status = travel_next(travel, &event);
    }
    return status;
}

/* Returns whether an event of a thread has happened, or one after it. */
static int is_past(const struct travel *travel, uint32_t thread, uint64_t seq)
{
    const struct lane_state *lane = instant_lane(travel->instant, thread);
    return lane != NULL && lane->kind != 0 && lane->seq >= seq;
}

static int is_at(const struct travel *travel, uint32_t thread, uint64_t seq)
{
    return travel->event.kind != 0 && travel->event.thread == thread && travel->event.seq == seq;
}

/* Goes to a state before an event, the nearest of those that are known to be. */
static rl_status begin_find(struct travel *travel, uint32_t thread, uint64_t seq)
{
    uint64_t place = place_of_stretch(travel, skim_stretch_of_event(travel->reader, thread, seq));
    if (is_at(travel, thread, seq) || (!is_past(travel, thread, seq) && travel->place >= place)) {
        return RL_OK;
    }
    rl_status status = load_before(travel, place);
    /* A stretch begins before the event in the order of all threads, but the saved state of another
     * kind at the same place need not. */
    return status == RL_OK && is_past(travel, thread, seq) && !is_at(travel, thread, seq)
               ? load_state(travel, 0, NULL, 0)
               : status;
}

rl_status travel_find(struct travel *travel, uint32_t thread, uint64_t seq, int begins,
                      uint64_t *events)
{
    struct event_out event;
    rl_status status = begins ? begin_find(travel, thread, seq) : RL_OK;
    while (status == RL_OK && !is_at(travel, thread, seq)) {
        if (is_past(travel, thread, seq)) {
            return RL_END;
        }
        if (*events == 0) {
            return RL_LIMIT;
        }
        --*events;
        status = travel_next(travel, &event);
    }
    return status;
}

uint64_t travel_place(const struct travel *travel)
{
    return travel->place;
}

struct instant *travel_instant(const struct travel *travel)
{
    return travel->instant;
}

const struct event_out *travel_event(const struct travel *travel)
{
    return &travel->event;
}
