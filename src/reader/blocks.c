/* Why: scan.c and check.c read the same blocks; both must get over the same damage.
 *
 *                 header is whole                     its span fits the file
 *   AT A BLOCK ------------------> HEADER ------------------------------------> next block
 *      |                              | it does not: LIVE is taken as far as it goes; of a
 *      | no header here               | process that runs or was killed, the block is torn
 *      v                              v
 *   LOST: search in steps of 8     the end of the file
 *      | a magic number with a whole header
 *      '----> HEADER; the bytes between are a problem
 *
 * Invariant: *at only moves forward, so every walk ends. */
#include "blocks.h"

#include "alloc.h"
#include "os.h"

rl_status blocks_unpack(struct reader *reader, uint64_t offset, const struct block_header *header,
                        struct bytes_out *raw)
{
    int os_errno;
    if (offset + RL_BLOCK_HEADER_BYTES > reader->size ||
        header->stored > reader->size - offset - RL_BLOCK_HEADER_BYTES) {
        return RL_DAMAGED;
    }
    bytes_out_reset(&reader->stored);
    raw->failed = 0;
    uint8_t *stored = bytes_room(&reader->stored, header->stored);
    if (stored == NULL) {
        return RL_NOMEM;
    }
    if (reader_pread(reader, stored, header->stored, offset + RL_BLOCK_HEADER_BYTES, &os_errno)) {
        return RL_DAMAGED;
    }
    reader->stored.len = header->stored;
    return block_unpack(reader->coder, header, stored, raw);
}

/* Moves *at to the next whole block header. Returns 0 where there is none. *blank becomes whether
 * all bytes that were searched are zero. */
static int find_header(struct reader *reader, uint64_t *at, int *blank)
{
    enum { WINDOW = 64 << 10 };
    uint8_t *window = rl_alloc(WINDOW, 1);
    int found = 0;
    *blank = window != NULL;
    if (window == NULL) {
        return 0;
    }
    while (!found && *at + RL_BLOCK_HEADER_BYTES <= reader->size) {
        uint64_t left = reader->size - *at;
        size_t n = left < WINDOW ? (size_t)left : WINDOW;
        int os_errno;
        struct block_header header;
        if (reader_pread(reader, window, n, *at, &os_errno) != 0) {
            break;
        }
        *blank = *blank && bytes_are_zero(window, n);
        size_t i = 0;
        for (; i + RL_BLOCK_HEADER_BYTES <= n; i += 8) {
            if (get32(window + i) == RL_BLOCK_MAGIC &&
                block_header_get(window + i, &header) == RL_OK) {
                found = 1;
                break;
            }
        }
        *at += i;
        if (i == 0 && !found) {
            break;
        }
    }
    rl_free(window);
    return found;
}

/* Returns whether half a block at the end of the file is no damage, because the process was killed
 * or is still writing. The rows of that block are in their slot, so nothing is lost. Before the
 * first LIVE block is in the file, its space is reserved: blank bytes. */
static int may_end_torn(const struct reader *reader, int is_blank_end)
{
    return !reader->is_complete &&
           (reader->is_being_written || (reader->live_state == 0 && is_blank_end) ||
            reader->live_state == RL_LIVE_RUNNING || reader->live_state == RL_LIVE_EXEC ||
            reader->live_state == RL_LIVE_SNAPSHOT);
}

rl_status blocks_next(struct reader *reader, uint64_t *at, uint64_t *offset,
                      struct block_header *header)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    int os_errno;
    if (*at >= reader->size) {
        return RL_END;
    }
    if (*at + RL_BLOCK_HEADER_BYTES > reader->size ||
        reader_pread(reader, bytes, sizeof bytes, *at, &os_errno) != 0 ||
        block_header_get(bytes, header) != RL_OK) {
        uint64_t from = *at;
        int blank;
        if (!find_header(reader, at, &blank)) {
            reader->torn_bytes = reader->size - from;
            if (!may_end_torn(reader, blank) && !reader_is_reused(reader)) {
                reader_problem(reader, "nothing readable from byte %llu to the end (%llu bytes)",
                               (unsigned long long)from, (unsigned long long)(reader->size - from));
            }
            *at = reader->size;
            return RL_END;
        }
        if (!reader_is_reused(reader)) {
            reader_problem(reader, "%llu unreadable bytes at byte %llu",
                           (unsigned long long)(*at - from), (unsigned long long)from);
        }
        if (reader_pread(reader, bytes, sizeof bytes, *at, &os_errno) != 0 ||
            block_header_get(bytes, header) != RL_OK) {
            return RL_END;
        }
    }
    *offset = *at;
    uint64_t span = block_span(header);
    if (span > reader->size - *offset && header->type != RL_BLOCK_LIVE && may_end_torn(reader, 0)) {
        reader->torn_bytes = reader->size - *offset;
        *at = reader->size;
        return RL_END;
    }
    *at = span > reader->size - *offset ? reader->size : *offset + span;
    return RL_OK;
}
