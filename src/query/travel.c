/* Why: see travel.h. */
#include "travel.h"

#include "alloc.h"
#include "instant_parts.h"

struct travel {
    struct reader *reader;
    struct instant *instant; /* owned */
    struct event_out event;  /* the last one; its values are the cursor's */
    uint64_t place;
};

rl_status travel_open(struct reader *reader, struct travel **out)
{
    struct travel *travel = rl_zalloc(1, sizeof *travel);
    if (travel == NULL) {
        return RL_NOMEM;
    }
    travel->reader = reader;
    if (instant_open(reader, &travel->instant) != RL_OK) {
        travel_close(travel);
        return RL_NOMEM;
    }
    *out = travel;
    return RL_OK;
}

void travel_close(struct travel *travel)
{
    if (travel != NULL) {
        instant_close(travel->instant);
        rl_free(travel);
    }
}

rl_status travel_next(struct travel *travel, struct event_out *event)
{
    rl_status status = instant_next(travel->instant, event);
    if (status == RL_OK) {
        travel->event = *event;
        travel->place++;
    }
    return status;
}

uint64_t travel_saved(const struct travel *travel, uint64_t place)
{
    (void)travel;
    (void)place;
    return 0;
}

/* Goes back to the last saved place before another. */
static rl_status go_back(struct travel *travel)
{
    struct instant *instant = NULL;
    rl_status status = instant_open(travel->reader, &instant);
    if (status == RL_OK) {
        instant_close(travel->instant);
        travel->instant = instant;
        travel->event = (struct event_out){0};
        travel->place = 0;
    }
    return status;
}

rl_status travel_to(struct travel *travel, uint64_t place, uint64_t *events)
{
    struct event_out event;
    rl_status status = place < travel->place ? go_back(travel) : RL_OK;
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

rl_status travel_find(struct travel *travel, uint32_t thread, uint64_t seq, int begins,
                      uint64_t *events)
{
    struct event_out event;
    rl_status status = RL_OK;
    if (begins && is_past(travel, thread, seq) && !is_at(travel, thread, seq)) {
        status = go_back(travel);
    }
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
