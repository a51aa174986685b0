/* Why: `relive check` proves a file: every byte that carries meaning is read, every sum compared.
 *
 *   1. every block of the file, in order: sum, tokens, times, values
 *   2. every chunk as a verb finds it: the index may name a place where no chunk is
 *   3. every slot that did not become a block, with its values
 *   4. the summary
 *   5. numbers that must agree: gaps between chunks, the footer's count */
#include "check.h"

#include <string.h>

#include "blocks.h"
#include "chunks.h"
#include "shown_again.h"
#include "source_entry.h"
#include "totals.h"
#include "value.h"

/* ---- values ---- */

/* Each skip_ function reads the values of one kind of event, and says whether they are whole. */

static rl_status skip_varints(struct bytes_in *in, unsigned count)
{
    while (count-- != 0) {
        (void)bytes_varint(in);
    }
    return in->bad ? RL_DAMAGED : RL_OK;
}

/* Values of a call: at most one for each parameter. */
static rl_status skip_arguments(struct bytes_in *in, uint32_t count)
{
    rl_status status = RL_OK;
    for (uint32_t i = 0; i < count && bytes_left(in) != 0 && status == RL_OK; i++) {
        status = value_skip(in);
    }
    return status;
}

/* A write: where one item alone changed, its kind and name come first; then variable and value. */
static rl_status skip_write(struct bytes_in *in)
{
    rl_status status = RL_OK;
    if ((bytes_varint(in) & 3) == RL_WRITE_ITEM) {
        status = value_skip(in);
        (void)bytes_varint(in);
    }
    return status == RL_OK ? value_skip(in) : status;
}

/* An exception, or what is recorded in place of one. */
static rl_status skip_exception(struct bytes_in *in)
{
    struct bytes_in ahead = *in;
    struct value value;
    rl_status status = value_next(&ahead, &value);
    if (status == RL_OK && value.tag != RL_VALUE_EXCEPTION && value.tag != RL_VALUE_NONE &&
        value.tag != RL_VALUE_UNSET) {
        return RL_DAMAGED;
    }
    return status == RL_OK ? value_skip(in) : status;
}

/* A task: its coroutine; where the maker is known, three numbers follow. */
static rl_status skip_task(struct bytes_in *in)
{
    enum { PARENT_FRAME_LINE = 3 };
    rl_status status = value_skip(in);
    return status == RL_OK && bytes_left(in) != 0 ? skip_varints(in, PARENT_FRAME_LINE) : status;
}

/* Fields of logs, sessions, requests and marks: a dictionary whose keys are text. */
static rl_status skip_fields(struct bytes_in *in)
{
    struct bytes_in ahead = *in;
    struct value fields, name;
    rl_status status = value_next(&ahead, &fields);
    if (status == RL_OK && fields.tag != RL_VALUE_DICT) {
        return RL_DAMAGED;
    }
    for (uint64_t i = 0; status == RL_OK && i < fields.shown; i++) {
        status = value_next(&ahead, &name);
        if (status == RL_OK) {
            status = name.bytes != NULL ? value_skip(&ahead) : RL_DAMAGED;
        }
    }
    return status;
}

/* Returns whether the values of an event are what its kind has (docs/format.md, "Values"). */
static int values_are_whole(const struct reader *reader, const struct rec *rec)
{
    struct bytes_in in = bytes_in_of(rec->data, rec->data_len);
    if (rec->data_len == 0) {
        return rec->kind != RL_EVENT_WRITE && rec->kind != RL_EVENT_GC &&
               rec->kind != RL_EVENT_BUDGET && rec->kind != RL_EVENT_FILTER;
    }
    switch (rec->kind) {
    case RL_EVENT_CALL:
        return skip_arguments(&in, reader_code(reader, rec->id).args) == RL_OK;
    case RL_EVENT_THROW:
    case RL_EVENT_UNWIND:
    case RL_EVENT_RAISE:
    case RL_EVENT_HANDLED:
        return skip_exception(&in) == RL_OK;
    case RL_EVENT_WRITE:
        return skip_write(&in) == RL_OK;
    case RL_EVENT_TASK_START:
        return skip_task(&in) == RL_OK;
    case RL_EVENT_GC:
        return skip_varints(&in, 4) == RL_OK;
    case RL_EVENT_BUDGET:
        return skip_varints(&in, rec->id != 0 ? 4 : 3) == RL_OK;
    case RL_EVENT_FILTER:
        return skip_varints(&in, 13) == RL_OK;
    case RL_EVENT_LOG:
    case RL_EVENT_SESSION_START:
    case RL_EVENT_SESSION_END:
    case RL_EVENT_HTTP_REQUEST:
    case RL_EVENT_HTTP_RESPONSE:
    case RL_EVENT_MARK:
        return skip_fields(&in) == RL_OK;
    case RL_EVENT_OUTPUT:
        return 1; /* bytes of any kind */
    default:
        return rec->kind > RL_EVENT_C_RAISE || value_skip(&in) == RL_OK;
    }
}

/* ---- events ---- */

struct checking {
    struct reader *reader;
    struct tokens tokens;
    struct shown_again shown;
    struct u64map walked; /* places of the CHUNK blocks that were decoded */
    struct u64map begun;  /* frame / 64 + 1 -> a bit for each frame that has begun */
};

/* Returns whether the frame has begun before, or -1 without memory. */
static int begins_twice(struct u64map *begun, uint64_t frame)
{
    uint64_t key = (frame >> 6) + 1, bit = UINT64_C(1) << (frame & 63);
    uint64_t *known = u64map_get(begun, key);
    if (known == NULL) {
        return u64map_put(begun, key, bit);
    }
    int is_known = (*known & bit) != 0;
    *known |= bit;
    return is_known;
}

/* Checks the values of an event, and that its frame begins once. `number` counts in the chunk. */
static rl_status check_event(struct checking *c, const struct chunk_info *info, uint64_t number,
                             struct rec *rec)
{
    if (shown_again_put(&c->shown, rec) != RL_OK) {
        return RL_NOMEM;
    }
    if (!values_are_whole(c->reader, rec)) {
        reader_value_problem(c->reader, info->thread, info->first_seq + number);
    }
    int is_twice = kind_begins(rec->kind) ? begins_twice(&c->begun, rec->frame) : 0;
    if (is_twice > 0) {
        reader_problem(c->reader, "thread %u, event %llu: its frame has begun before", info->thread,
                       (unsigned long long)info->first_seq + number);
    }
    return is_twice < 0 ? RL_NOMEM : RL_OK;
}

/* ---- blocks ---- */

/* Returns whether the chunk at `offset` is the one in the table. A file whose closing was
 * interrupted may hold a block twice; one of them counts. */
static int is_in_table(const struct reader *reader, const struct chunk_info *info, uint64_t offset)
{
    const struct chunk_ref *ref = chunks_find(reader, info);
    return ref != NULL && ref->offset == offset;
}

/* Decodes a chunk to its end, and counts its events where it is the one in the table. */
static rl_status decode_chunk(struct checking *c, const struct block_header *header,
                              uint64_t offset, struct check_result *result)
{
    struct reader *reader = c->reader;
    struct chunk_info info;
    struct rec rec;
    rl_status status;
    uint64_t events = 0;
    if (header->prefix < RL_CHUNK_PREFIX_BYTES ||
        chunk_info_get(reader->stored.data, reader->stored.len, header->raw, &info) != RL_OK) {
        return RL_DAMAGED;
    }
    int counts = is_in_table(reader, &info, offset);
    tokens_begin(&c->tokens, &info, reader->raw.data);
    shown_again_begin(&c->shown);
    while ((status = tokens_next(&c->tokens, &rec)) == RL_OK) {
        if (counts && check_event(c, &info, events, &rec) != RL_OK) {
            return RL_NOMEM;
        }
        events++;
    }
    if (status == RL_END && counts) {
        result->events += events;
        result->chunks++;
    }
    return status == RL_END ? RL_OK : status;
}

/* Returns RL_OK where each entry of a SOURCE block is whole, and each text has its digest. */
static rl_status check_sources(const struct bytes_out *raw)
{
    struct bytes_in in = bytes_in_of(raw->data, raw->len);
    struct source_entry entry;
    while (source_entry_get(&in, &entry)) {
        if (entry.state == RL_SOURCE_TEXT &&
            !block_sum_matches(entry.text.data, entry.text.len, entry.digest)) {
            return RL_DAMAGED;
        }
    }
    return in.bad ? RL_DAMAGED : RL_OK;
}

/* Decodes one block. PAD and LIVE have no sum: slots are checked as chunks. */
static rl_status check_block(struct checking *c, uint64_t offset, const struct block_header *header,
                             struct check_result *result)
{
    struct reader *reader = c->reader;
    if (header->type == RL_BLOCK_PAD || header->type == RL_BLOCK_LIVE) {
        return RL_OK;
    }
    rl_status status = blocks_unpack(reader, offset, header, &reader->raw);
    if (status == RL_OK && header->type == RL_BLOCK_CHUNK) {
        status = decode_chunk(c, header, offset, result);
    }
    if (status == RL_OK && header->type == RL_BLOCK_SOURCE) {
        status = check_sources(&reader->raw);
    }
    if (status == RL_NOMEM) {
        return status;
    }
    if (status != RL_OK && reader_is_reused(reader)) {
        return RL_OK;
    }
    if (status != RL_OK) {
        result->bad_blocks++;
        reader_problem(reader, "the block at byte %llu (type %u) is damaged",
                       (unsigned long long)offset, header->type);
        return RL_OK;
    }
    result->unknown_blocks += header->type > RL_BLOCK_BEFORE;
    return RL_OK;
}

/* Checks a chunk as verbs find it. Where the index is right, the walk over blocks has decoded it.
 * The rows of a slot were read at open, but not their values. */
static rl_status check_chunk(struct checking *c, const struct chunk_ref *ref)
{
    struct reader *reader = c->reader;
    struct rec rec;
    uint64_t number = 0;
    if (ref->row_bytes == 0 && u64map_get(&c->walked, ref->offset) != NULL) {
        return RL_OK;
    }
    if (ref->row_bytes == 0) {
        reader_problem(reader, "the index names a chunk at byte %llu, where none is",
                       (unsigned long long)ref->offset);
        return RL_OK;
    }
    rl_status status = chunks_load(reader, ref, &reader->raw);
    struct rows rows = rows_of(&ref->info, reader->raw.data, status == RL_OK ? ref->row_bytes : 0);
    shown_again_begin(&c->shown);
    while (status == RL_OK && rows_next(&rows, &rec) == RL_OK) {
        if (rec.kind < RL_EVENT_KINDS) {
            status = check_event(c, &ref->info, number++, &rec);
        }
    }
    return status == RL_NOMEM ? status : RL_OK;
}

static rl_status check_chunks(struct checking *c)
{
    const struct reader *reader = c->reader;
    rl_status status = RL_OK;
    for (size_t i = 0; i < reader->chunk_count && status == RL_OK; i++) {
        status = check_chunk(c, &reader->chunks[i]);
    }
    return status;
}

/* Reads the summary as verbs do. */
static rl_status check_summary(struct reader *reader)
{
    struct summary summary;
    rl_status status = RL_OK;
    if (reader->is_complete) {
        status = totals_summary(reader, 0, &summary);
        if (status == RL_OK) {
            summary_fini(&summary);
        }
    }
    return status;
}

/* Counts events and chunks that are missing between the chunks of a thread. Event numbers are
 * dense, so a gap in them is a loss. Chunk numbers are not: a slot with definitions alone has a
 * number and becomes no chunk. */
static void count_gaps(const struct reader *reader, struct check_result *result)
{
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct chunk_info *info = &reader->chunks[i].info;
        int is_first = i == 0 || reader->chunks[i - 1].info.thread != info->thread;
        const struct chunk_info *before = is_first ? NULL : &reader->chunks[i - 1].info;
        uint64_t chunk = is_first ? 0 : before->chunk + 1;
        uint64_t seq = is_first ? before_first(&reader->before, info->thread)
                                : before->first_seq + before->events;
        if (info->first_seq > seq) {
            result->missing_events += info->first_seq - seq;
            result->missing_chunks += info->chunk > chunk ? info->chunk - chunk : 0;
        }
        if (reader->chunks[i].row_bytes != 0) {
            result->events += info->events;
            result->chunks++;
        }
    }
}

rl_status check_file(struct reader *reader, struct check_result *result)
{
    uint64_t at = RL_FILE_HEADER_BYTES, offset;
    struct block_header header;
    struct checking c = {.reader = reader};
    rl_status status = RL_OK;
    memset(result, 0, sizeof *result);
    result->bytes = reader->size;
    while (status == RL_OK && (status = blocks_next(reader, &at, &offset, &header)) == RL_OK) {
        result->blocks++;
        status = check_block(&c, offset, &header, result);
        if (status == RL_OK && header.type == RL_BLOCK_CHUNK &&
            u64map_put(&c.walked, offset, 1) != 0) {
            status = RL_NOMEM;
        }
    }
    tokens_fini(&c.tokens);
    if (status == RL_END && (status = check_chunks(&c)) == RL_OK) {
        status = check_summary(reader);
    }
    u64map_fini(&c.walked);
    u64map_fini(&c.begun);
    shown_again_fini(&c.shown);
    if (status != RL_OK) {
        return status;
    }
    count_gaps(reader, result);
    if (reader->is_complete && !(reader->header.flags & RL_FLAG_RING) &&
        result->events != reader->footer.events) {
        reader_problem(reader, "the footer counts %llu events, the chunks hold %llu",
                       (unsigned long long)reader->footer.events,
                       (unsigned long long)result->events);
        result->bad_blocks++;
    }
    return RL_OK;
}
