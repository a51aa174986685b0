/* How often a breakpoint must be reached before it stops: "> 3", ">= 3", "== 3", "< 3", "<= 3",
 * "% 3" (each third time), "3" (the third time). */
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

/* An empty text: each hit counts. A failure leaves *hits as it was. */
RL_CHECKED rl_status hits_parse(struct hits *hits, const char *text, size_t len,
                                struct rl_err *err);
/* One more hit; whether it stops. */
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
