/* Why: a recording that is being written changes under its reader. A slot becomes a block; when the
 * recorder closes the file, blocks move into the space of the slots. A chunk is the same wherever
 * it lies, so one that is not in its place any more is looked for, and the reader goes on.
 * Invariant: a reader's table keeps its chunks and their order from reader_open() on; only their
 * places change. */
#include <stdlib.h>

#include "alloc.h"
#include "os.h"
#include "scan.h"

enum { TRIES = 10, WAIT_MS = 5 };

static int compare(const struct chunk_ref *a, const struct chunk_ref *b)
{
    if (a->info.thread != b->info.thread) {
        return a->info.thread < b->info.thread ? -1 : 1;
    }
    return a->info.chunk < b->info.chunk ? -1 : a->info.chunk > b->info.chunk;
}

static int by_thread_and_chunk(const void *left, const void *right)
{
    const struct chunk_ref *a = left, *b = right;
    int order = compare(a, b);
    return order != 0 ? order : (a->row_bytes != 0) - (b->row_bytes != 0);
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
        if (kept == 0 || compare(ref, &reader->chunks[kept - 1]) != 0) {
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
        int order = compare(&reader->chunks[middle], &wanted);
        if (order == 0) {
            return &reader->chunks[middle];
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

/* ---- loading ---- */

/* The header after the rows: as long as it names this chunk they are its own. */
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
    if (os_pread(reader->fd, at, ref->row_bytes, ref->offset + sizeof header, &os_errno) != 0 ||
        os_pread(reader->fd, header, sizeof header, ref->offset, &os_errno) != 0) {
        return RL_DAMAGED;
    }
    slot_info_get(header, &now.info);
    return compare(&now, ref) == 0 && get32(header + RL_SL_USED) >= ref->row_bytes ? RL_OK
                                                                                   : RL_DAMAGED;
}

rl_status chunks_load(struct reader *reader, const struct chunk_ref *ref, struct bytes_out *raw)
{
    struct block_header header;
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    int os_errno;
    if (ref->row_bytes != 0) {
        return load_slot(reader, ref, raw);
    }
    if (os_pread(reader->fd, bytes, sizeof bytes, ref->offset, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK || header.type != RL_BLOCK_CHUNK) {
        return RL_DAMAGED;
    }
    return scan_unpack(reader, ref->offset, &header, raw);
}

/* ---- a file that is closed meanwhile ---- */

int chunks_are_moving(const struct reader *reader)
{
    uint8_t slots[4];
    int os_errno;
    return !reader->is_complete && reader->is_being_written && reader->control != 0 &&
           os_pread(reader->fd, slots, sizeof slots, reader->control + RL_LV_SLOTS, &os_errno) ==
               0 &&
           get32(slots) == 0;
}

/* What events that were written since the reader was opened may name. */
static rl_status adopt_definitions(struct reader *reader, const struct reader *now)
{
    rl_status status = RL_OK;
    for (size_t i = 0; status == RL_OK && i < now->strings.by_id.capacity; i++) {
        const struct u64map_entry *entry = &now->strings.by_id.entries[i];
        if (entry->key != 0) {
            const struct text *text = &now->strings.texts[entry->value - 1];
            status = scan_define(reader, RL_ROW_DEF_STRING, (uint32_t)entry->key,
                                 (const uint8_t *)text->data, text->len);
        }
    }
    for (size_t i = 0; status == RL_OK && i < now->codes.capacity; i++) {
        const struct u64map_entry *entry = &now->codes.entries[i];
        if (entry->key != 0) {
            uint8_t payload[CODE_DEF_MAX];
            size_t len = code_def_put(payload, &now->code_defs[entry->value - 1]);
            status = scan_define(reader, RL_ROW_DEF_CODE, (uint32_t)entry->key, payload, len);
        }
    }
    return status == RL_NOMEM ? status : RL_OK;
}

/* Scans the file once more, for the places of the chunks that are known. *is_moving: that was in
 * the middle of a close, and some may not have been found. */
static rl_status look_again(struct reader *reader, int *is_moving)
{
    struct reader *now = rl_zalloc(1, sizeof *now);
    rl_status status = RL_NOMEM;
    if (now == NULL) {
        return RL_NOMEM;
    }
    now->fd = reader->fd;
    now->header = reader->header;
    now->is_being_written = 1;
    now->coder = block_coder_new();
    now->problems = rl_zalloc(READER_PROBLEMS_MAX, sizeof *now->problems);
    if (now->coder == NULL || now->problems == NULL) {
        goto done;
    }
    status = os_file_size(now->fd, &now->size) == 0 ? scan_file(now) : RL_DAMAGED;
    if (status == RL_OK) {
        chunks_sort(now);
        *is_moving = chunks_are_moving(now);
        status = adopt_definitions(reader, now);
    }
    for (size_t i = 0; status == RL_OK && i < reader->chunk_count; i++) {
        const struct chunk_ref *found = chunks_find(now, &reader->chunks[i].info);
        if (found != NULL) {
            reader->chunks[i].offset = found->offset;
            reader->chunks[i].row_bytes = found->row_bytes;
        }
    }
    reader->size = now->size;
done:
    now->fd = -1; /* the reader's own */
    reader_close(now);
    return status;
}

/* RL_OK: the chunk has another place now, which is in *ref. */
static rl_status find_again(struct reader *reader, struct chunk_ref *ref, int *is_moving)
{
    const struct chunk_ref *known = chunks_find(reader, &ref->info);
    rl_status status = RL_OK;
    *is_moving = 0;
    if (known == NULL) {
        return RL_DAMAGED;
    }
    if (known->offset == ref->offset && known->row_bytes == ref->row_bytes) {
        status = look_again(reader, is_moving);
    }
    if (status == RL_OK && known->offset == ref->offset && known->row_bytes == ref->row_bytes) {
        status = RL_DAMAGED;
    }
    ref->offset = known->offset;
    ref->row_bytes = known->row_bytes;
    return status;
}

rl_status reader_load(struct reader *reader, struct chunk_ref *ref, struct bytes_out *raw)
{
    __atomic_store_n(&reader->loaded, reader->loaded + 1, __ATOMIC_RELAXED);
    rl_status status = chunks_load(reader, ref, raw);
    for (int i = 0; status == RL_DAMAGED && reader->is_being_written && i < TRIES; i++) {
        int is_moving;
        status = find_again(reader, ref, &is_moving);
        if (status == RL_OK) {
            status = chunks_load(reader, ref, raw);
        } else if (is_moving) {
            os_sleep_ms(WAIT_MS);
        } else {
            break;
        }
    }
    return status;
}

rl_status reader_open(const char *path, struct reader **out, struct rl_err *err)
{
    struct reader *reader;
    for (int i = 0;; i++) {
        rl_status status = reader_open_once(path, &reader, err);
        if (status != RL_OK) {
            return status;
        }
        if (i == TRIES || !chunks_are_moving(reader)) {
            *out = reader;
            return RL_OK;
        }
        reader_close(reader);
        os_sleep_ms(WAIT_MS);
    }
}
