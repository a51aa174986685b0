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

/* Orders by calls, the most first, then by code id. */
static int by_calls(const void *left, const void *right)
{
    const struct neighbour_total *a = left, *b = right;
    if (a->calls != b->calls) {
        return a->calls > b->calls ? -1 : 1;
    }
    return a->code < b->code ? -1 : a->code > b->code;
}

/* Returns whether a node is a call that the question is about, and the function on its other side.
 */
static int is_about(const struct summary *summary, size_t node, const struct u64map *codes,
                    enum calltree_side side, uint32_t *other)
{
    const struct summary_node *called = &summary->nodes[node];
    if (called->function == SUMMARY_NONE) {
        return 0; /* a thread */
    }
    uint32_t caller = summary->nodes[called->parent].code;
    uint32_t asked = side == CALLTREE_CALLERS ? called->code : caller;
    *other = side == CALLTREE_CALLERS ? caller : called->code;
    return u64map_get(codes, (uint64_t)asked + 1) != NULL;
}

/* Returns whether a call of the same two functions is around this one, so that its time is in that
 * one's. */
static int is_nested(const struct summary *summary, size_t node, const struct u64map *codes,
                     enum calltree_side side, uint32_t other)
{
    uint32_t outer_other;
    for (uint32_t outer = summary->nodes[node].parent; outer != SUMMARY_NONE;
         outer = summary->nodes[outer].parent) {
        if (is_about(summary, outer, codes, side, &outer_other) && outer_other == other) {
            return 1;
        }
    }
    return 0;
}

/* Returns the total of a function, new or not; NULL without memory. */
static struct neighbour_total *neighbour_of(struct neighbour_totals *totals, struct u64map *index,
                                            uint32_t code)
{
    const uint64_t *known = u64map_get(index, (uint64_t)code + 1);
    void *items = totals->items;
    if (known != NULL) {
        return &totals->items[*known];
    }
    if (rl_grow(&items, &totals->cap, totals->count + 1, sizeof *totals->items) != 0) {
        return NULL;
    }
    totals->items = items;
    if (u64map_put(index, (uint64_t)code + 1, totals->count) != 0) {
        return NULL;
    }
    totals->items[totals->count] = (struct neighbour_total){.code = code};
    return &totals->items[totals->count++];
}

rl_status calltree_neighbours(const struct summary *summary, const struct u64map *codes,
                              enum calltree_side side, struct neighbour_totals *totals)
{
    struct u64map index = {0};
    rl_status status = RL_OK;
    uint32_t other;
    *totals = (struct neighbour_totals){0};
    for (size_t i = 0; i < summary->node_count && status == RL_OK; i++) {
        if (!is_about(summary, i, codes, side, &other)) {
            continue;
        }
        const struct summary_node *node = &summary->nodes[i];
        const struct summary_detail *detail = &summary->details[i];
        struct neighbour_total *sum = neighbour_of(totals, &index, other);
        if (sum == NULL) {
            status = RL_NOMEM;
            break;
        }
        sum->calls += node->calls;
        sum->self += node->self;
        sum->unwinds += detail->unwinds;
        sum->open += detail->open;
        sum->depth = detail->max_depth > sum->depth ? detail->max_depth : sum->depth;
        if (!is_nested(summary, i, codes, side, other)) {
            sum->total += node->total;
        }
    }
    u64map_fini(&index);
    if (status == RL_OK && totals->count != 0) {
        qsort(totals->items, totals->count, sizeof *totals->items, by_calls);
    }
    return status;
}

void calltree_neighbours_fini(struct neighbour_totals *totals)
{
    rl_free(totals->items);
    *totals = (struct neighbour_totals){0};
}
