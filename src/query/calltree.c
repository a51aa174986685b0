/* Why: the summary at the end of a recording has the call tree, folded by function. Totals of
 * functions are sums over its nodes, so `relive top` reads no event.
 *
 *    main        calls 1   self 2        main   calls 1  self 2
 *    |- load     calls 3   self 5   ->   load   calls 5  self 9
 *    `- run      calls 1   self 1        run    calls 1  self 1
 *       `- load  calls 2   self 4
 *
 * Invariants: calls, unwinds, self time and open frames add up over the nodes of a function. Total
 * time does not, because a recursion would count twice. The recorder has counted it per function.
 */
#include "calltree.h"

#include <stdlib.h>

#include "alloc.h"

/* Orders by self time, the longest first, then by code id. */
static int by_self_time(const void *left, const void *right)
{
    const struct function_total *a = left, *b = right;
    if (a->self != b->self) {
        return a->self > b->self ? -1 : 1;
    }
    return a->code < b->code ? -1 : a->code > b->code;
}

rl_status calltree_functions(const struct summary *summary, struct function_totals *totals)
{
    totals->count = 0;
    totals->items = rl_zalloc(summary->function_count, sizeof *totals->items);
    if (totals->items == NULL) {
        return RL_NOMEM;
    }
    for (; totals->count < summary->function_count; totals->count++) {
        const struct summary_function *function = &summary->functions[totals->count];
        totals->items[totals->count] =
            (struct function_total){.code = function->code, .total = function->total};
    }
    for (size_t i = 0; i < summary->node_count; i++) {
        const struct summary_node *node = &summary->nodes[i];
        if (node->function == SUMMARY_NONE) {
            continue;
        }
        struct function_total *total = &totals->items[node->function];
        total->calls += node->calls;
        total->unwinds += summary->details[i].unwinds;
        total->self += node->self;
        total->open += summary->details[i].open;
    }
    if (totals->count != 0) {
        qsort(totals->items, totals->count, sizeof *totals->items, by_self_time);
    }
    return RL_OK;
}

void calltree_functions_fini(struct function_totals *totals)
{
    rl_free(totals->items);
    totals->items = NULL;
    totals->count = 0;
}
