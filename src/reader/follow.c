/* Why: a recording that is being written changes while it is read.
 *
 *   slot --work_drain()--> CHUNK block --compact_file(), at the close--> CHUNK block elsewhere
 *
 * The content of a chunk never changes. A chunk that is not in its place is looked for by thread
 * and number, and the reader goes on.
 *
 *   follow_load(): read the chunk where the table says --whole--> done
 *      | another chunk is there, or its sum is wrong
 *      v
 *   the table has a newer place already? --yes--> read it there
 *      | no
 *   scan the file again, take the new places --found--> read it there
 *      | not found
 *   the recorder is closing the file? --yes--> wait 5 ms, try again, 10 times at most
 *      | no
 *   RL_DAMAGED: the chunk is lost, or a ring has replaced it
 *
 * Invariant: from reader_open() on, a reader's table keeps its chunks and their order. Only their
 * places change. */
#include "follow.h"

#include "alloc.h"
#include "chunks.h"
#include "os.h"
#include "scan.h"

enum { TRIES = 10, WAIT_MS = 5 };

int follow_is_moving(const struct reader *reader)
{
    uint8_t slots[4];
    int os_errno;
    return !reader->is_complete && reader->is_being_written && reader->control != 0 &&
           reader_pread(reader, slots, sizeof slots, reader->control + RL_LV_SLOTS, &os_errno) ==
               0 &&
           get32(slots) == 0;
}

/* Takes the definitions that a later scan has found: a chunk that moved may name them. */
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

/* Scans the file again and takes the new places of known chunks. *is_moving says that the recorder
 * was closing the file, so some chunks may not have been found. */
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
        *is_moving = follow_is_moving(now);
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
    now->fd = -1; /* the descriptor is the reader's */
    reader_close(now);
    return status;
}

/* Looks for a chunk that is not in its place. RL_OK where it has another one, which *ref then has.
 */
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

rl_status follow_load(struct reader *reader, struct chunk_ref *ref, struct bytes_out *raw)
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
