/* How often each line of some functions was about to run: `relive cover`. */
#ifndef COVER_H
#define COVER_H

#include <relive/rl_status.h>
#include <stdint.h>

#include "map.h"
#include "reader.h"

/* The key of a line of a function; 0 is none. */
static inline uint64_t cover_key(uint32_t code, uint32_t line)
{
    return ((uint64_t)code << 32 | line) + 1;
}

static inline uint32_t cover_code(uint64_t key)
{
    return (uint32_t)((key - 1) >> 32);
}

static inline uint32_t cover_line(uint64_t key)
{
    return (uint32_t)(key - 1);
}

/* Adds up the runs of each line by cover_key(), in a map that is empty before. `codes` has code ids
 * + 1; NULL = every function. Memory is bounded by the number of lines. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status cover_read(struct reader *reader, const struct u64map *codes,
                                struct u64map *hits);

#endif
