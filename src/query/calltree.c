/* Why: per-function totals are a fold of the call tree, so they need no pass over events. */
#include "calltree.h"

#include <stdlib.h>

#include "alloc.h"

static int by_self(const void *left, const void *right)
{
    const struct function_total *a = left, *b = right;
    if (a->self != b->self) {
        return a->self > b->self ? -1 : 1;
    }
    return a->code < b->code ? -1 : a->code > b->code;
}

static int has_caller_of_same_code(const struct summary *summary, uint32_t node)
{
    uint32_t code = summary->nodes[node].code;
    for (uint32_t up = summary->nodes[node].parent; up != SUMMARY_NONE;
         up = summary->nodes[up].parent) {
        if (summary->nodes[up].code == code) {
            return 1;
        }
    }
    return 0;
}

rl_status calltree_functions(const struct summary *summary, struct function_totals *totals)
{
    struct u64map index = {0};
    size_t cap = 0;
    rl_status status = RL_NOMEM;
    totals->items = NULL;
    totals->count = 0;
    for (uint32_t i = 0; i < summary->node_count; i++) {
        const struct summary_node *node = &summary->nodes[i];
        if (node->parent == SUMMARY_NONE) {
            continue;
        }
        uint64_t key = (uint64_t)node->code + 1;
        const uint64_t *known = u64map_get(&index, key);
        if (known == NULL) {
            void *items = totals->items;
            if (rl_grow(&items, &cap, totals->count + 1, sizeof *totals->items) != 0 ||
                u64map_put(&index, key, totals->count) != 0) {
                totals->items = items;
                goto done;
            }
            totals->items = items;
            totals->items[totals->count++] = (struct function_total){.code = node->code};
            known = u64map_get(&index, key);
        }
        struct function_total *total = &totals->items[*known];
        total->calls += node->calls;
        total->unwinds += node->unwinds;
        total->self += node->self;
        if (!has_caller_of_same_code(summary, i)) {
            total->total += node->total;
        }
    }
    if (totals->count != 0) {
        qsort(totals->items, totals->count, sizeof *totals->items, by_self);
    }
    status = RL_OK;
done:
    u64map_fini(&index);
    if (status != RL_OK) {
        calltree_functions_fini(totals);
    }
    return status;
}

void calltree_functions_fini(struct function_totals *totals)
{
    rl_free(totals->items);
    totals->items = NULL;
    totals->count = 0;
}
