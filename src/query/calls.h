/* Single calls, each below its caller: `relive tree --calls`. */
#ifndef CALLS_H
#define CALLS_H

#include "kept_event.h"

struct calls_question {
    uint32_t thread;     /* 0 = every thread */
    uint32_t session;    /* 0 = every session */
    int has_codes;       /* only these functions, and what they call */
    struct u64map codes; /* code ids + 1 */
    uint32_t depth;      /* so many levels; 0 = all */
    uint64_t least;      /* leave out calls that took fewer nanoseconds */
    size_t limit;        /* keep the first ones in the order of the answer; SIZE_MAX = all */
};

struct call {
    struct kept_event start, end;
    int has_end;
    uint32_t level;         /* callers above it that are asked for */
    struct call_node *node; /* owned reference, until the answer is ordered */
};

/* By thread; within one in order of start, but each directly below the nearest of its callers that
 * is there: tasks and generators that take turns start calls in each other's midst. */
struct calls_answer {
    struct call **calls; /* owned, and each call */
    size_t count;
    uint64_t hidden; /* calls that match and lie beyond the limit */
};

RL_CHECKED rl_status calls_read(struct reader *reader, const struct calls_question *question,
                                struct calls_answer *answer);
void calls_fini(struct calls_answer *answer);

#endif
