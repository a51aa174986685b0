/* Limits that other rooms look up: how much of a value is kept, and the highest level that --budget
 * leaves to each code object. */
#ifndef BOUNDS_H
#define BOUNDS_H

#include "word.h"

#include <stddef.h>
#include <stdint.h>

struct value_limits {
    unsigned depth; /* containers inside containers */
    unsigned items; /* of one container */
    unsigned bytes; /* of one text, bytes object or int */
};
#define CAPTURE_DEPTH_MAX 16u
#define CAPTURE_ITEMS_MAX 1000u
#define CAPTURE_BYTES_MAX 4096u
/* Of the recording, where no rule has others. */
extern struct value_limits value_limits;

/* By code id; an id beyond `count` has no limit. Owned; budget.c grows and frees it. */
struct level_limits {
    uint8_t *of; /* enum level */
    size_t count;
};
extern struct level_limits level_limits;

/* Whether calls of the code are only counted. */
static inline int level_is_counted(uint32_t id)
{
    return id < level_limits.count && level_limits.of[id] == LEVEL_COUNTED;
}

/* Returns the word of a code object, no higher than its limit. */
static inline uint64_t level_limited(uint64_t info)
{
    if ((info & CODE_EXCLUDED) || CODE_ID(info) >= level_limits.count) {
        return info;
    }
    unsigned limit = level_limits.of[CODE_ID(info)];
    if (limit < LEVEL_LINES) {
        info &= ~(uint64_t)CODE_LINES;
    }
    if (limit < LEVEL_VALUES) {
        info &= ~(uint64_t)(CODE_VALUES | CODE_ARGS);
    }
    return limit == LEVEL_COUNTED ? info | CODE_EXCLUDED : info;
}

#endif
