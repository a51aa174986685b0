/* Part of summary.h: a summary as the bytes of a SUMMARY block (docs/format.md), and back.
 *
 * All numbers are varints:
 *
 *   kinds      count, then how many events there are of each kind
 *   flags      1 = folded flat, 2 = incomplete; threads that are not listed
 *   threads    count, then serial, root, native id, first and last ticks, events, calls, ended
 *   nodes      count, then code, parent + 1, depth, last exception and line, calls, times, unwinds
 *   open       count, then a node and its open frames
 *   functions  count, then code and total
 *   names      count, then first and last name of each thread
 *
 * A reader rebuilds the links between nodes, and which nodes are one function, from code and
 * parent.
 *
 * Invariants: the bytes are untrusted. A count is compared with the bytes left before it sizes
 * anything. Each index into nodes, functions or threads is checked before it is used. */
#include <string.h>

#include "alloc.h"
#include "summary_parts.h"

/* Nodes with open frames: few of many, so their indices are written. */
static void put_open(struct bytes_out *out, const struct summary *summary)
{
    uint64_t count = 0;
    for (size_t i = 0; i < summary->node_count; i++) {
        count += summary->details[i].open != 0;
    }
    bytes_put_varint(out, count);
    for (size_t i = 0; i < summary->node_count; i++) {
        if (summary->details[i].open != 0) {
            bytes_put_varint(out, i);
            bytes_put_varint(out, summary->details[i].open);
        }
    }
}

/* The totals of functions. Nodes name functions by code, so their order is free. */
static void put_functions(struct bytes_out *out, const struct summary *summary)
{
    bytes_put_varint(out, summary->function_count);
    for (size_t i = 0; i < summary->function_count; i++) {
        bytes_put_varint(out, summary->functions[i].code);
        bytes_put_varint(out, summary->functions[i].total);
    }
}

/* Names of threads, in the order of the threads. */
static void put_names(struct bytes_out *out, const struct summary *summary)
{
    bytes_put_varint(out, summary->thread_count);
    for (size_t i = 0; i < summary->thread_count; i++) {
        bytes_put_varint(out, summary->threads[i].first_name);
        bytes_put_varint(out, summary->threads[i].name);
    }
}

void summary_put(struct bytes_out *out, const struct summary *summary)
{
    bytes_put_varint(out, RL_EVENT_KINDS);
    for (int i = 0; i < RL_EVENT_KINDS; i++) {
        bytes_put_varint(out, summary->kinds[i]);
    }
    bytes_put_varint(out, (uint64_t)summary->is_folded_flat | (uint64_t)summary->failed << 1);
    bytes_put_varint(out, summary->unlisted_threads);
    bytes_put_varint(out, summary->thread_count);
    for (size_t i = 0; i < summary->thread_count; i++) {
        const struct summary_thread *t = &summary->threads[i];
        bytes_put_varint(out, t->serial);
        bytes_put_varint(out, t->root);
        bytes_put_varint(out, t->native_id);
        bytes_put_varint(out, t->first_ticks);
        bytes_put_varint(out, t->last_ticks);
        bytes_put_varint(out, t->events);
        bytes_put_varint(out, t->calls);
        bytes_put_varint(out, t->has_ended);
    }
    bytes_put_varint(out, summary->node_count);
    for (size_t i = 0; i < summary->node_count; i++) {
        const struct summary_node *n = &summary->nodes[i];
        const struct summary_detail *d = &summary->details[i];
        bytes_put_varint(out, n->code);
        bytes_put_varint(out, n->parent == SUMMARY_NONE ? 0 : n->parent + 1);
        bytes_put_varint(out, d->max_depth);
        bytes_put_varint(out, d->exc);
        bytes_put_varint(out, d->exc_line);
        bytes_put_varint(out, n->calls);
        bytes_put_varint(out, n->total);
        bytes_put_varint(out, n->self);
        bytes_put_varint(out, d->unwinds);
    }
    put_open(out, summary);
    put_functions(out, summary);
    put_names(out, summary);
}

/* Reads the threads. Their roots are checked once the nodes are known. */
static rl_status get_threads(struct bytes_in *in, struct summary *summary)
{
    uint64_t count = bytes_varint(in);
    if (count > SUMMARY_THREADS_MAX || count > bytes_left(in)) {
        return RL_DAMAGED;
    }
    summary->threads = rl_zalloc((size_t)count, sizeof *summary->threads);
    if (summary->threads == NULL) {
        return RL_NOMEM;
    }
    summary->thread_cap = (size_t)count;
    for (; summary->thread_count < count; summary->thread_count++) {
        struct summary_thread *t = &summary->threads[summary->thread_count];
        t->serial = (uint32_t)bytes_varint(in);
        t->root = (uint32_t)bytes_varint(in);
        t->native_id = bytes_varint(in);
        t->first_ticks = bytes_varint(in);
        t->last_ticks = bytes_varint(in);
        t->events = bytes_varint(in);
        t->calls = bytes_varint(in);
        t->has_ended = (uint32_t)bytes_varint(in);
    }
    return RL_OK;
}

/* Reads the nodes. A parent has a smaller index, so each is there before its children. */
static rl_status get_nodes(struct bytes_in *in, struct summary *summary)
{
    uint64_t count = bytes_varint(in);
    if (count > bytes_left(in)) {
        return RL_DAMAGED;
    }
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        uint32_t code = (uint32_t)bytes_varint(in);
        uint64_t parent = bytes_varint(in);
        if (parent > i) {
            return RL_DAMAGED;
        }
        uint32_t node =
            summary_new_node(summary, parent != 0 ? (uint32_t)parent - 1 : SUMMARY_NONE, code);
        if (node == SUMMARY_NONE) {
            return RL_NOMEM;
        }
        struct summary_node *n = &summary->nodes[node];
        struct summary_detail *d = &summary->details[node];
        d->max_depth = (uint32_t)bytes_varint(in);
        d->exc = (uint32_t)bytes_varint(in);
        d->exc_line = (uint32_t)bytes_varint(in);
        n->calls = bytes_varint(in);
        n->total = bytes_varint(in);
        n->self = bytes_varint(in);
        d->unwinds = bytes_varint(in);
    }
    for (size_t i = 0; i < summary->thread_count; i++) {
        if (summary->threads[i].root >= summary->node_count) {
            return RL_DAMAGED;
        }
    }
    return RL_OK;
}

static rl_status get_open(struct bytes_in *in, struct summary *summary)
{
    uint64_t count = bytes_varint(in);
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        uint64_t node = bytes_varint(in);
        if (node >= summary->node_count) {
            return RL_DAMAGED;
        }
        summary->details[node].open = (uint32_t)bytes_varint(in);
    }
    return RL_OK;
}

static rl_status get_functions(struct bytes_in *in, struct summary *summary)
{
    uint64_t count = bytes_varint(in);
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        uint64_t code = bytes_varint(in);
        const uint64_t *known =
            code <= UINT32_MAX ? u64map_get(&summary->function_of, code + 1) : NULL;
        if (known == NULL) {
            return RL_DAMAGED;
        }
        summary->functions[*known].total = bytes_varint(in);
    }
    return RL_OK;
}

static rl_status get_names(struct bytes_in *in, struct summary *summary)
{
    uint64_t count = bytes_varint(in);
    if (count > summary->thread_count) {
        return RL_DAMAGED;
    }
    for (uint64_t i = 0; i < count; i++) {
        summary->threads[i].first_name = (uint32_t)bytes_varint(in);
        summary->threads[i].name = (uint32_t)bytes_varint(in);
    }
    return RL_OK;
}

rl_status summary_get(struct bytes_in *in, struct summary *summary)
{
    uint64_t kinds = bytes_varint(in);
    for (uint64_t i = 0; i < kinds && !in->bad; i++) {
        uint64_t count = bytes_varint(in);
        if (i < RL_EVENT_KINDS) {
            summary->kinds[i] = count;
        }
    }
    uint64_t flags = bytes_varint(in);
    summary->is_folded_flat = (int)(flags & 1);
    summary->failed = (int)(flags >> 1 & 1);
    summary->unlisted_threads = bytes_varint(in);
    rl_status status = get_threads(in, summary);
    if (status == RL_OK) {
        status = get_nodes(in, summary);
    }
    if (status == RL_OK) {
        status = get_open(in, summary);
    }
    if (status == RL_OK) {
        status = get_functions(in, summary);
    }
    if (status == RL_OK) {
        status = get_names(in, summary);
    }
    return status == RL_OK && in->bad ? RL_DAMAGED : status;
}
