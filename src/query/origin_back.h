/* Events from a place back to the begin of the recording: what came last is found first.
 *
 *     chunk 1        chunk 2        chunk 3
 *     events ...     events ...     events up to the place
 *     <------------- <------------- <---- back_prev()
 *
 * A chunk is decoded when it is reached, and freed when it is used up. So the cost of a question is
 * the distance to its answer, not the size of the file. With all threads, a thread whose chunk
 * spans the place has one that is decoded.
 *
 * Threads: as for the reader, one at a time. */
#ifndef ORIGIN_BACK_H
#define ORIGIN_BACK_H

#include "cursor.h"

struct back;

/* Begins at an event of a thread, which back_prev() gives first. With `is_alone` all events are of
 * that thread; otherwise they are those of all threads, in the order of the cursor from its end.
 * RL_OK or RL_NOMEM. */
RL_CHECKED rl_status back_open(struct reader *reader, uint32_t thread, uint64_t seq, int is_alone,
                               struct back **out);
/* Gives the event before. Its parent and session are not known. RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED rl_status back_prev(struct back *back, struct event_out *event);
/* Returns whether the last event is the first one of its chunk. *top is then the frame that was
 * innermost before it, 0 = none. */
int back_is_first(const struct back *back, uint64_t *top);
/* Returns how many events were given. */
uint64_t back_count(const struct back *back);
void back_close(struct back *back);

#endif
