/* Where calls have ended, without a reading of all that is between their begin and their end. A
 * program's first calls are often those that end last.
 *
 * Their thread is read from both sides at once. So the cost is twice the distance from the nearer
 * side, and at most one reading of the thread.
 *
 * Threads: as for the reader, one at a time. */
#ifndef FRAME_END_H
#define FRAME_END_H

#include "kept_event.h"

/* A frame that runs in one thread only: no generator or coroutine. */
struct frame_end {
    uint64_t seq;           /* of its begin */
    uint64_t frame;         /* not 0 */
    struct kept_event *end; /* becomes its end; stays as it is where there is none */
};

/* Finds the ends of frames of one thread. Their parent, task and session are not known. RL_OK or
 * RL_NOMEM. */
RL_CHECKED rl_status frame_end_find(struct reader *reader, uint32_t thread, struct frame_end *items,
                                    size_t count);

#endif
