/* A state that goes to any event of a recording, forwards and backwards.
 *
 *    travel_to(5)      |....>....|         reads on from where it is
 *    travel_to(2)      |.>                 begins again, or at a state that was saved
 *
 * A place is the number of events that have happened, in the order of the cursor: place 1 is right
 * after the first event. Going on is cheap.
 *
 * Threads: as for the reader, one at a time. */
#ifndef TRAVEL_H
#define TRAVEL_H

#include "instant.h"

struct travel;
/* Begins at place 0. The state is saved every `interval` events, in about `bytes_max` bytes. RL_OK
 * or RL_NOMEM. */
#define TRAVEL_INTERVAL  16384u
#define TRAVEL_BYTES_MAX (48u << 20)
RL_CHECKED rl_status travel_open(struct reader *reader, uint64_t interval, size_t bytes_max,
                                 struct travel **out);
void travel_close(struct travel *travel);

/* Takes the next event. RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED rl_status travel_next(struct travel *travel, struct event_out *event);
/* Goes to a place. Reads at most `*events` events and counts them down. RL_OK; RL_LIMIT where they
 * are used up and the next call goes on; RL_END where the recording has no such place; RL_NOMEM. */
RL_CHECKED rl_status travel_to(struct travel *travel, uint64_t place, uint64_t *events);
/* Goes to an event of a thread, as travel_to() does. RL_END where it was not kept; `begins` is 1 in
 * the first call of a search. */
RL_CHECKED rl_status travel_find(struct travel *travel, uint32_t thread, uint64_t seq, int begins,
                                 uint64_t *events);
/* Returns the last place at or before this one to which going back needs no reading. */
uint64_t travel_saved(const struct travel *travel, uint64_t place);

uint64_t travel_place(const struct travel *travel);
/* Returns the state right after the last event; borrowed. */
struct instant *travel_instant(const struct travel *travel);
/* Returns the last event; its kind is 0 at place 0. Borrowed until the next one is taken. */
const struct event_out *travel_event(const struct travel *travel);

#endif
