/* Answers about calls, from the folded tree: `relive tree` and `relive top`. */
#ifndef CALLTREE_H
#define CALLTREE_H

#include "reader.h"

/* One function over all places that called it. */
struct function_total {
    uint32_t code;
    uint64_t calls, unwinds;
    uint64_t total, self; /* ticks; total counts a recursion once */
    uint64_t open;        /* frames that had not ended when the recording did */
};

struct function_totals {
    struct function_total *items; /* owned; by self time, longest first */
    size_t count;
};

RL_CHECKED rl_status calltree_functions(const struct summary *summary,
                                        struct function_totals *totals);
void calltree_functions_fini(struct function_totals *totals);

#endif
