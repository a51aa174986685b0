/* Totals of functions, from the folded call tree of a recording: `relive top`.
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

#endif
