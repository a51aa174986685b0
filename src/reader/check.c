/* Why: `relive check`: every byte that carries meaning is read, every sum compared. */
#include <string.h>

#include "alloc.h"
#include "reader.h"
#include "scan.h"

/* Decodes a chunk to its end: the number of events, or -1 where it is damaged. */
static int64_t decode_chunk(struct reader *reader, const struct block_header *header,
                            struct tokens *tokens, struct chunk_info *info)
{
    struct rec rec;
    rl_status status;
    int64_t events = 0;
    if (header->prefix < RL_CHUNK_PREFIX_BYTES ||
        chunk_info_get(reader->stored.data, reader->stored.len, header->raw, info) != RL_OK) {
        return -1;
    }
    tokens_begin(tokens, info, reader->raw.data);
    while ((status = tokens_next(tokens, &rec)) == RL_OK) {
        events++;
    }
    return status == RL_END ? events : -1;
}

static rl_status check_block(struct reader *reader, uint64_t offset,
                             const struct block_header *header, struct tokens *tokens,
                             struct check_result *result)
{
    if (header->type == RL_BLOCK_PAD || header->type == RL_BLOCK_LIVE) {
        return RL_OK;
    }
    rl_status status = scan_unpack(reader, offset, header, &reader->raw);
    if (status == RL_NOMEM) {
        return status;
    }
    struct chunk_info info = {0};
    int64_t events = 0;
    if (status == RL_OK && header->type == RL_BLOCK_CHUNK) {
        events = decode_chunk(reader, header, tokens, &info);
    }
    if (status != RL_OK || events < 0) {
        result->bad_blocks++;
        reader_problem(reader, "the block at byte %llu (type %u) is damaged",
                       (unsigned long long)offset, header->type);
        return RL_OK;
    }
    result->events += (uint64_t)events;
    result->chunks += header->type == RL_BLOCK_CHUNK;
    result->unknown_blocks += header->type > RL_BLOCK_SOURCE;
    return RL_OK;
}

/* Event numbers are dense in a thread, so a gap between two chunks is a loss. Chunk numbers are
 * not: a slot that held definitions alone took a number and became no chunk. */
static void count_gaps(const struct reader *reader, struct check_result *result)
{
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct chunk_info *info = &reader->chunks[i].info;
        int is_first = i == 0 || reader->chunks[i - 1].info.thread != info->thread;
        const struct chunk_info *before = is_first ? NULL : &reader->chunks[i - 1].info;
        uint64_t chunk = is_first ? 0 : before->chunk + 1;
        uint64_t seq = is_first ? 0 : before->first_seq + before->events;
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

rl_status reader_check(struct reader *reader, struct check_result *result)
{
    uint64_t at = RL_FILE_HEADER_BYTES, offset;
    struct block_header header;
    struct tokens tokens = {0};
    rl_status status = RL_OK;
    memset(result, 0, sizeof *result);
    result->bytes = reader->size;
    while (status == RL_OK &&
           (status = reader_next_block(reader, &at, &offset, &header)) == RL_OK) {
        result->blocks++;
        status = check_block(reader, offset, &header, &tokens, result);
    }
    tokens_fini(&tokens);
    if (status != RL_END) {
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
