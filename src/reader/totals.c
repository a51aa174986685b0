/* Why: counts and the folded tree of a recording: from its SUMMARY block, or, where it was not
 * closed, by reading every event once with the code that would have written that block. */
#include <stdlib.h>

#include "alloc.h"
#include "reader.h"
#include "scan.h"

/* Events thread by thread would do, but a generator may move between threads: chunks in the order
 * in which they began are near enough for a folded tree. */
static int by_ticks(const void *left, const void *right)
{
    const struct chunk_ref *a = left, *b = right;
    if (a->info.ticks0 != b->info.ticks0) {
        return a->info.ticks0 < b->info.ticks0 ? -1 : 1;
    }
    return a->info.chunk < b->info.chunk ? -1 : a->info.chunk > b->info.chunk;
}

static rl_status walk_chunk(struct reader *reader, const struct chunk_ref *ref,
                            const struct reader_walk *walk, struct bytes_out *raw,
                            struct tokens *tokens)
{
    struct chunk_ref full = *ref;
    struct rec rec;
    rl_status status = reader_load(reader, &full, raw);
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

rl_status reader_walk(struct reader *reader, const struct reader_walk *walk)
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

/* ---- the summary ---- */

struct summing {
    struct summary *summary;
    struct summary_lane *lane;
};

static void sum_chunk(void *self, const struct chunk_info *info)
{
    struct summing *summing = self;
    summing->lane = summary_begin_chunk(summing->summary, info);
}

static void sum_event(void *self, const struct rec *rec)
{
    struct summing *summing = self;
    summary_add(summing->summary, summing->lane, rec);
}

static rl_status stored_summary(struct reader *reader, struct summary *summary)
{
    uint64_t at = reader->footer.summary, offset;
    struct block_header header;
    if (at == 0 || at >= reader->size ||
        reader_next_block(reader, &at, &offset, &header) != RL_OK ||
        header.type != RL_BLOCK_SUMMARY) {
        return RL_DAMAGED;
    }
    struct bytes_out raw = {0};
    rl_status status = scan_unpack(reader, offset, &header, &raw);
    if (status == RL_OK) {
        struct bytes_in in = bytes_in_of(raw.data, raw.len);
        status = summary_get(&in, summary);
    }
    if (status != RL_OK) {
        summary_fini(summary);
    }
    bytes_out_fini(&raw);
    return status;
}

/* The SUMMARY of minor 0 knows nothing of frames that are open at the end, and took a gap in chunk
 * numbers for a loss: the events are read instead. */
static int has_summary(const struct reader *reader)
{
    return reader->is_complete && reader->footer.summary != 0 && reader->header.minor >= 1;
}

rl_status reader_summary(struct reader *reader, uint32_t session, struct summary *summary)
{
    memset(summary, 0, sizeof *summary);
    if (session == 0 && has_summary(reader)) {
        rl_status status = stored_summary(reader, summary);
        if (status == RL_OK || status == RL_NOMEM) {
            return status;
        }
        reader_problem(reader, "the summary is damaged: every event is read instead");
    }
    struct summing summing = {summary, NULL};
    const struct reader_walk walk = {&summing, sum_chunk, sum_event};
    summary->session = session;
    if (reader_walk(reader, &walk) != RL_OK || summary->failed) {
        summary_fini(summary);
        return RL_NOMEM;
    }
    summary_end(summary, reader->end_ticks);
    return RL_OK;
}
