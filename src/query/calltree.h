/* Totals of functions, from the folded call tree of a recording: `relive top`; and of the functions
 * that call some, or that they call: `relive callers`, `relive callees`.
 *
 * Threads: pure functions of their arguments. */
#ifndef CALLTREE_H
#define CALLTREE_H

#include "reader.h"

/* One function, over all places that call it. */
struct function_total {
    uint32_t code;
    uint64_t calls, unwinds;
    uint64_t total, self; /* ticks; total counts a recursion once */
    uint64_t open;        /* frames that were still open when the recording ended */
};

struct function_totals {
    struct function_total *items; /* owned; the longest self time first */
    size_t count;
};

/* Sums up the tree. Fails only with RL_NOMEM; the summary must be checked already. */
RL_CHECKED rl_status calltree_functions(const struct summary *summary,
                                        struct function_totals *totals);
void calltree_functions_fini(struct function_totals *totals);

enum calltree_side { CALLTREE_CALLERS, CALLTREE_CALLEES };

/* A function on the other side of the calls that a question is about. */
struct neighbour_total {
    uint32_t code; /* 0 = none: the thread itself, or C code */
    uint64_t calls, unwinds;
    uint64_t total, self; /* ticks of the called function; total counts nested calls once */
    uint64_t open;
    uint32_t depth; /* how deep the called function went into itself, directly */
};

struct neighbour_totals {
    struct neighbour_total *items; /* owned; the most calls first */
    size_t count, cap;
};

/* Sums up the calls of these functions (code ids + 1) by who made them, or the calls that they made
 * by what was called. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status calltree_neighbours(const struct summary *summary, const struct u64map *codes,
                                         enum calltree_side side, struct neighbour_totals *totals);
void calltree_neighbours_fini(struct neighbour_totals *totals);

#endif
