/* Numbers of calls that are known by their events: T1@17 -> price#3. The other way is position.h,
 * which defines what is counted. */
#ifndef CALL_NUMBERS_H
#define CALL_NUMBERS_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "map.h"
#include "reader.h"

struct call_number {
    uint32_t thread;
    uint64_t seq;    /* of the event that begins the call */
    uint64_t number; /* found: from 1; 0 = it is no call of these functions */
};

/* Finds the events that begin frames, all different: calls[i] becomes that of frames[i], with a
 * thread of 0 where it was not kept. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status call_numbers_begins(struct reader *reader, const uint64_t *frames,
                                         struct call_number *calls, size_t count);
/* Numbers `count` calls. `functions` maps code ids + 1 to functions, 0 to function_count - 1. Calls
 * of one function are counted together, whichever code they have. Reads up to the last of the
 * calls. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status call_numbers_find(struct reader *reader, const struct u64map *functions,
                                       size_t function_count, struct call_number *calls,
                                       size_t count);

#endif
