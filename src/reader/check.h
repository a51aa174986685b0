/* Whether a recording is whole: what `relive check` asks. */
#ifndef CHECK_H
#define CHECK_H

#include "reader.h"

/* Reads and decodes every block; what is wrong becomes problems. */
struct check_result {
    uint64_t blocks, bytes, chunks, events, unknown_blocks;
    uint64_t missing_events, missing_chunks; /* in the gaps between the chunks of a thread */
    uint64_t bad_blocks;
};
RL_CHECKED rl_status check_file(struct reader *reader, struct check_result *result);

#endif
