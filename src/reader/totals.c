/* Why: `tree` and `top` must answer at once for a closed file and correctly for any other. A closed
 * file has a SUMMARY block. For the others, every event is read once with the code that would have
 * written that block, so both ways give the same numbers. */
#include "totals.h"

#include <string.h>

#include "blocks.h"
#include "walk.h"

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

/* Reads the SUMMARY block. RL_DAMAGED where the footer names none, or it cannot be right. */
static rl_status stored_summary(struct reader *reader, struct summary *summary)
{
    uint64_t at = reader->footer.summary, offset;
    struct block_header header;
    if (at == 0 || at >= reader->size || blocks_next(reader, &at, &offset, &header) != RL_OK ||
        header.type != RL_BLOCK_SUMMARY) {
        return RL_DAMAGED;
    }
    struct bytes_out raw = {0};
    rl_status status = blocks_unpack(reader, offset, &header, &raw);
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

/* Returns whether the SUMMARY block can be used. Files of minor 0 have none that counts open
 * frames, and theirs took a gap in chunk numbers for a loss. */
static int has_summary(const struct reader *reader)
{
    return reader->is_complete && reader->footer.summary != 0 && reader->header.minor >= 1;
}

rl_status totals_summary(struct reader *reader, uint32_t session, struct summary *summary)
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
    const struct walk walk = {&summing, sum_chunk, sum_event};
    summary->session = session;
    if (walk_chunks(reader, &walk) != RL_OK || summary->failed) {
        summary_fini(summary);
        return RL_NOMEM;
    }
    summary_end(summary, reader->end_ticks);
    return RL_OK;
}
