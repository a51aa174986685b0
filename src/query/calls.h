/* Single calls, each below its caller: `relive tree --calls`.
 *
 * Threads: as for the reader, one at a time. */
#ifndef CALLS_H
#define CALLS_H

#include "kept_event.h"

struct calls_question {
    uint32_t thread;     /* 0 = every thread */
    uint32_t session;    /* 0 = every session */
    int has_codes;       /* only these functions and what they call */
    struct u64map codes; /* code ids + 1 */
    uint32_t depth;      /* number of levels; 0 = all */
    uint64_t least;      /* ns; shorter calls are left out */
    size_t limit;        /* keeps the first ones in the order of the answer; SIZE_MAX = all */
};

struct call {
    struct kept_event start, end;
    int has_end;
    uint32_t level;         /* number of callers above it in the answer */
    struct call_node *node; /* owned reference until the answer is ordered, then NULL */
};

/* Ordered by thread, then by start, but each call directly below its nearest caller in the answer.
 * Start order alone would not do: tasks and generators that take turns start calls between each
 * other's. */
struct calls_answer {
    struct call **calls; /* owned, as is each call */
    size_t count;
    uint64_t hidden; /* calls that match but are beyond the limit */
};

RL_CHECKED rl_status calls_read(struct reader *reader, const struct calls_question *question,
                                struct calls_answer *answer);
void calls_fini(struct calls_answer *answer);

#endif
