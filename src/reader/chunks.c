/* Why: chunks of one thread are found in several ways and in any order; see chunks.h. */
#include "chunks.h"

#include <stdlib.h>

#include "alloc.h"
#include "blocks.h"
#include "os.h"

/* Orders chunks by thread and number. */
static int compare_chunks(const struct chunk_ref *a, const struct chunk_ref *b)
{
    if (a->info.thread != b->info.thread) {
        return a->info.thread < b->info.thread ? -1 : 1;
    }
    return a->info.chunk < b->info.chunk ? -1 : a->info.chunk > b->info.chunk;
}

/* For qsort(): a block comes before the slot with the same chunk, so that chunks_sort() keeps it.
 */
static int by_thread_and_chunk(const void *left, const void *right)
{
    const struct chunk_ref *a = left, *b = right;
    int order = compare_chunks(a, b);
    return order != 0 ? order : (a->row_bytes != 0) - (b->row_bytes != 0);
}

rl_status chunks_add(struct reader *reader, const struct chunk_ref *ref)
{
    void *chunks = reader->chunks;
    if (rl_grow(&chunks, &reader->chunk_cap, reader->chunk_count + 1, sizeof *reader->chunks)) {
        return RL_NOMEM;
    }
    reader->chunks = chunks;
    reader->chunks[reader->chunk_count++] = *ref;
    return RL_OK;
}

void chunks_sort(struct reader *reader)
{
    size_t kept = 0;
    if (reader->chunk_count != 0) {
        qsort(reader->chunks, reader->chunk_count, sizeof *reader->chunks, by_thread_and_chunk);
    }
    reader->events = 0;
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct chunk_ref *ref = &reader->chunks[i];
        if (kept == 0 || compare_chunks(ref, &reader->chunks[kept - 1]) != 0) {
            reader->events += ref->info.events;
            reader->chunks[kept++] = *ref;
        }
    }
    reader->chunk_count = kept;
}

void chunks_drop_ahead(struct reader *reader)
{
    size_t kept = 0;
    int is_ahead = 0;
    for (int i = 0; i < RL_LOSS_REASONS; i++) {
        if (reader->losses[i] != 0) {
            return;
        }
    }
    for (size_t i = 0; i < reader->chunk_count; i++) {
        const struct chunk_info *info = &reader->chunks[i].info;
        const struct chunk_info *before = kept != 0 ? &reader->chunks[kept - 1].info : NULL;
        int follows = before != NULL && before->thread == info->thread;
        if (i == 0 || info->thread != reader->chunks[i - 1].info.thread) {
            is_ahead = 0;
        }
        is_ahead |= info->first_seq != (follows ? before->first_seq + before->events : 0);
        if (!is_ahead) {
            reader->chunks[kept++] = reader->chunks[i];
        } else {
            reader->events -= info->events;
        }
    }
    reader->chunk_count = kept;
}

const struct chunk_ref *chunks_find(const struct reader *reader, const struct chunk_info *info)
{
    struct chunk_ref wanted = {.info = *info};
    size_t low = 0, high = reader->chunk_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_chunks(&reader->chunks[middle], &wanted);
        if (order == 0) {
            return &reader->chunks[middle];
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

/* ---- loading ---- */

/* Reads the rows of a slot, and then its header. While the header names this chunk, the rows that
 * were read before are its own: a recorder writes the header of the next owner first. */
static rl_status load_slot(struct reader *reader, const struct chunk_ref *ref,
                           struct bytes_out *raw)
{
    uint8_t header[RL_SLOT_HEADER_BYTES];
    struct chunk_ref now = {0};
    int os_errno;
    bytes_out_reset(raw);
    uint8_t *at = bytes_room(raw, ref->row_bytes);
    if (at == NULL) {
        return RL_NOMEM;
    }
    raw->len = ref->row_bytes;
    if (reader_pread(reader, at, ref->row_bytes, ref->offset + sizeof header, &os_errno) != 0 ||
        reader_pread(reader, header, sizeof header, ref->offset, &os_errno) != 0) {
        return RL_DAMAGED;
    }
    slot_info_get(header, &now.info);
    return compare_chunks(&now, ref) == 0 && get32(header + RL_SL_USED) >= ref->row_bytes
               ? RL_OK
               : RL_DAMAGED;
}

rl_status chunks_load(struct reader *reader, const struct chunk_ref *ref, struct bytes_out *raw)
{
    struct block_header header;
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    int os_errno;
    if (reader->rest != NULL && reader->rest(reader->rest_self) != 0) {
        return RL_NOMEM; /* the one status that ends every question */
    }
    if (ref->row_bytes != 0) {
        return load_slot(reader, ref, raw);
    }
    if (reader_pread(reader, bytes, sizeof bytes, ref->offset, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK || header.type != RL_BLOCK_CHUNK) {
        return RL_DAMAGED;
    }
    return blocks_unpack(reader, ref->offset, &header, raw);
}
