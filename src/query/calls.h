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
    /* Begins behind this call of the answer: thread, number of its event. Thread 0 = at the first
     * call. */
    uint32_t after_thread;
    uint64_t after_seq;
    int may_cut; /* ends once its calls are known; far ends have no parent, task and session */
};

struct call {
    struct kept_event start, end;
    int has_end;
    uint32_t level;         /* number of callers above it in the answer */
    struct call_node *node; /* owned reference until the answer is ordered, then NULL */
};

/* Ordered by thread, then by start, but each call directly below its nearest caller in the answer.
 * Start order alone would not do: tasks and generators that take turns start calls between each
 * other's. The order is that of paths: the starts of a call's callers, outermost first, then its
 * own. So pages can be cut anywhere, and joined they are the whole answer. */
struct calls_answer {
    struct call **calls; /* owned, as is each call */
    size_t count;
    uint64_t hidden; /* calls that match but are beyond the limit */
    int is_cut;      /* and there are more of them, which were not counted */
};

/* RL_OK, RL_NOMEM, or RL_USAGE where there is no call to begin behind. */
RL_CHECKED rl_status calls_read(struct reader *reader, const struct calls_question *question,
                                struct calls_answer *answer);
void calls_fini(struct calls_answer *answer);

#endif
