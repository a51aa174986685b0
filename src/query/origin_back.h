/* Events from a place back to the begin of the recording: what came last is found first.
 *
 *     chunk 1        chunk 2        chunk 3
 *     events ...     events ...     events up to the place
 *     <------------- <------------- <---- back_prev()
 *
 * A chunk is decoded when it is reached, unless nothing in it is wanted, and freed when it is used
 * up. So the cost of a question is the distance to its answer, not the size of the file. With all
 * threads, a thread whose chunk spans the place has one that is decoded.
 *
 * Threads: as for the reader, one at a time. */
#ifndef ORIGIN_BACK_H
#define ORIGIN_BACK_H

#include "cursor.h"
#include "index.h"

struct back;

/* Begins at an event of a thread, which back_prev() gives first. With `is_alone` all events are of
 * that thread; otherwise they are those of all threads, in the order of the cursor from its end.
 * RL_OK or RL_NOMEM. */
RL_CHECKED rl_status back_open(struct reader *reader, uint32_t thread, uint64_t seq, int is_alone,
                               struct back **out);
/* Gives the event before. Its parent and session are not known. RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED rl_status back_prev(struct back *back, struct event_out *event);
/* From here on, chunks may be left out in which nothing is wanted. The index says so, where there
 * is one; or they lack HOLDS_BYTES bytes that all wanted events have. Other events may still be
 * given. NULL = anything is wanted. What is borrowed must live until the next call of this. */
void back_want(struct back *back, const struct index_wanted *wanted, const uint8_t *bytes);
/* Bounds how far the reading goes back: to this time (ns), and over about so many events. Then
 * RL_END comes, at the same event whatever is left out. 0 = no bound. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status back_limit(struct back *back, uint64_t events, uint64_t since);
/* Returns whether back_prev() has ended there. */
int back_is_cut_off(const struct back *back);
/* Returns whether the last event is the first one of its chunk. *top is then the frame that was
 * innermost before it, 0 = none. */
int back_is_first(const struct back *back, uint64_t *top);
void back_close(struct back *back);

#endif
