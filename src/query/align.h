/* Pairs the steps of two sequences, so that as much as possible of both is equal: a longest common
 * subsequence. Equal steps weigh more in it than those that are merely the same step.
 *
 * Threads: pure functions of their arguments. */
#ifndef ALIGN_H
#define ALIGN_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

enum { ALIGN_MAX = 2000 }; /* steps on each side: the table takes 8 MB */

/* A step: one event, or a call with all that happens in it. */
struct align_step {
    uint64_t what;   /* equal: it is the same step */
    uint64_t whole;  /* equal: all of it is the same */
    uint64_t seq;    /* number of its first event */
    uint64_t events; /* how many it has */
    uint32_t code;   /* code id of its first event */
};

struct align_pair {
    size_t a, b;
};

/* The memory that align_steps() works in; a struct of zeros before the first call. */
struct align_table {
    uint16_t *cells; /* owned */
    size_t cap;
    struct align_pair *pairs; /* owned; of the last call, in order */
    size_t pair_cap, pair_count;
};

/* Finds the pairs. `n` and `m` are at most ALIGN_MAX. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status align_steps(struct align_table *table, const struct align_step *a, size_t n,
                                 const struct align_step *b, size_t m);
void align_fini(struct align_table *table);

#endif
