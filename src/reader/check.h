/* Whether a recording is whole: `relive check`. */
#ifndef CHECK_H
#define CHECK_H

#include "reader.h"

struct check_result {
    uint64_t blocks, bytes, chunks, events, unknown_blocks;
    uint64_t missing_events, missing_chunks; /* in the gaps between the chunks of a thread */
    uint64_t bad_blocks;
};
/* Reads and decodes every block, every value and the summary. What is wrong becomes problems.
 * RL_OK or RL_NOMEM. */
RL_CHECKED rl_status check_file(struct reader *reader, struct check_result *result);

#endif
