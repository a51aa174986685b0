/* How often a breakpoint must be hit before it stops the program.
 *
 *   "> 3"   ">= 3"   "== 3"   "< 3"   "<= 3"      compares the number of the hit
 *   "3"                                           as "== 3": the third hit
 *   "% 3"                                         every third hit
 *   ""                                            every hit
 *
 * Threads: one at a time per struct. */
#ifndef HITS_H
#define HITS_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

enum hits_test { HITS_ALL, HITS_EQ, HITS_GT, HITS_GE, HITS_LT, HITS_LE, HITS_EACH };

struct hits {
    enum hits_test test;
    uint64_t n;
    uint64_t seen;
};

/* Reads a hit condition and sets the count to 0. A failure leaves *hits unchanged. */
RL_CHECKED rl_status hits_parse(struct hits *hits, const char *text, size_t len,
                                struct rl_err *err);
/* Counts one more hit. Returns whether the program stops. */
static inline int hits_take(struct hits *hits)
{
    uint64_t seen = ++hits->seen;
    switch (hits->test) {
    case HITS_EQ:
        return seen == hits->n;
    case HITS_GT:
        return seen > hits->n;
    case HITS_GE:
        return seen >= hits->n;
    case HITS_LT:
        return seen < hits->n;
    case HITS_LE:
        return seen <= hits->n;
    case HITS_EACH:
        return seen % hits->n == 0;
    default:
        return 1;
    }
}

#endif
