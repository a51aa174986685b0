/* Why: see walk.h. Rows and tokens are decoded to the same records, so callers do not see whether a
 * chunk is a slot or a block. */
#include "walk.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "follow.h"

/* Orders chunks by their first tick. Thread by thread would be simpler, but a generator may move
 * between threads; this order is close enough for a folded tree. */
static int by_ticks(const void *left, const void *right)
{
    const struct chunk_ref *a = left, *b = right;
    if (a->info.ticks0 != b->info.ticks0) {
        return a->info.ticks0 < b->info.ticks0 ? -1 : 1;
    }
    return a->info.chunk < b->info.chunk ? -1 : a->info.chunk > b->info.chunk;
}

/* Calls the functions for one chunk. RL_DAMAGED after the events before the damage. */
static rl_status walk_chunk(struct reader *reader, const struct chunk_ref *ref,
                            const struct walk *walk, struct bytes_out *raw, struct tokens *tokens)
{
    struct chunk_ref full = *ref;
    struct rec rec;
    rl_status status = follow_load(reader, &full, raw);
    if (status == RL_OK && full.row_bytes == 0) {
        status =
            chunk_info_get(reader->stored.data, reader->stored.len, (uint32_t)raw->len, &full.info);
    }
    if (status != RL_OK) {
        return status;
    }
    walk->chunk(walk->self, &full.info);
    if (full.row_bytes != 0) {
        struct rows rows = rows_of(&full.info, raw->data, raw->len);
        while ((status = rows_next(&rows, &rec)) == RL_OK) {
            walk->event(walk->self, &rec);
        }
    } else {
        tokens_begin(tokens, &full.info, raw->data);
        while ((status = tokens_next(tokens, &rec)) == RL_OK) {
            walk->event(walk->self, &rec);
        }
    }
    return status == RL_END ? RL_OK : status;
}

rl_status walk_chunks(struct reader *reader, const struct walk *walk)
{
    struct chunk_ref *order = rl_alloc(reader->chunk_count, sizeof *order);
    struct bytes_out raw = {0};
    struct tokens tokens = {0};
    rl_status status = order != NULL ? RL_OK : RL_NOMEM;
    if (order != NULL && reader->chunk_count != 0) {
        memcpy(order, reader->chunks, reader->chunk_count * sizeof *order);
        qsort(order, reader->chunk_count, sizeof *order, by_ticks);
    }
    for (size_t i = 0; status == RL_OK && i < reader->chunk_count; i++) {
        status = walk_chunk(reader, &order[i], walk, &raw, &tokens);
        if (status == RL_DAMAGED || status == RL_NEWER) {
            if (!reader_is_reused(reader)) {
                reader_problem(reader, "thread %u: chunk %llu is damaged", order[i].info.thread,
                               (unsigned long long)order[i].info.chunk);
            }
            status = RL_OK;
        }
    }
    tokens_fini(&tokens);
    bytes_out_fini(&raw);
    rl_free(order);
    return status;
}
