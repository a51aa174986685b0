/* Why: one file receives everything, from one thread, in an order that a reader can rely on at any
 * moment. See writer.h for the shape of the file.
 *
 * Invariants:
 *  1. `offset` moves only after a whole block is in the file. The next append overwrites what a
 *     failed one left.
 *  2. The chunks of one thread are appended in the order of their numbers.
 *  3. A definition is in the file before a chunk that names it (work_drain() writes them first).
 *  4. Nothing is written through a descriptor that is no longer our file.
 *
 * The life of a writer:
 *
 *   writer_open() --> SOUND --writer_live(), writer_dict(), writer_chunk()--> SOUND
 *                       |                                                       |
 *                       | truncated, descriptor taken, page lost                | writer_finish()
 *                       v                                                       v
 *                     GONE: every append fails, losses are counted            CLOSED
 *
 * An append that fails because the disk is full leaves the writer SOUND: later ones may fit. */
#include "writer.h"

#include <stdatomic.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "os.h"
#include "slot_walk.h"
#include "status.h"

int writer_is_sound(struct writer *writer)
{
    uint64_t identity[2], size;
    if (writer->is_gone) {
        return 0;
    }
    if (writer->bus_hit || os_file_identity(writer->fd, identity) != 0 ||
        identity[0] != writer->identity[0] || identity[1] != writer->identity[1] ||
        os_file_size(writer->fd, &size) != 0 || size < writer->offset) {
        writer->is_gone = 1;
    }
    return !writer->is_gone;
}

static rl_status append_bytes(struct writer *writer, const uint8_t *data, size_t len)
{
    int os_errno = 0;
    if (!writer_is_sound(writer)) {
        return RL_DAMAGED;
    }
    if (os_pwrite(writer->fd, data, len, writer->offset, &os_errno) != 0) {
        (void)os_truncate(writer->fd, writer->offset); /* so that no half block is left */
        return os_is_full(os_errno) ? RL_LIMIT : RL_IO;
    }
    writer->offset += len;
    return RL_OK;
}

/* Seals a block in writer->block and appends it. */
static rl_status append_parts(struct writer *writer, enum rl_block_type type, const void *prefix,
                              size_t prefix_len, const void *raw, const struct block_parts *parts)
{
    bytes_out_reset(&writer->block);
    rl_status status =
        block_seal(writer->coder, type, prefix, prefix_len, raw, parts, &writer->block);
    return status == RL_OK ? append_bytes(writer, writer->block.data, writer->block.len) : status;
}

/* Does the same for raw bytes of one part. */
static rl_status append_block(struct writer *writer, enum rl_block_type type, const void *prefix,
                              size_t prefix_len, const void *raw, size_t raw_len)
{
    const struct block_parts parts = {.first = raw_len};
    return append_parts(writer, type, prefix, prefix_len, raw, &parts);
}

/* Sets the ticks per second that the header states. The time since clock_init() is short, so this
 * is rough; readers use clock pairs that are further apart (reader_open.c). */
static void estimate_tick_rate(struct file_header *header)
{
    struct clock_pair now = clock_pair_now();
    uint64_t ns = now.mono_ns - header->start_mono;
    header->tick_hz = 1000000000u;
    if (header->clock != RL_CLOCK_NS && ns != 0) {
        header->tick_hz = (uint64_t)((double)(now.ticks - header->start_ticks) * 1e9 / (double)ns);
    }
}

rl_status writer_open(struct writer *writer, const char *path, struct file_header *header,
                      const uint8_t *meta, size_t meta_len, struct rl_err *err)
{
    int os_errno = 0;
    uint8_t bytes[RL_FILE_HEADER_BYTES];
    writer->fd = -1;
    writer->coder = block_coder_new();
    if (writer->coder == NULL) {
        return status_set(err, RL_NOMEM, "no memory for the recorder");
    }
    if (os_create(path, &writer->fd, &os_errno) != 0) {
        return status_set_not_created(err, path, os_errno);
    }
    if (os_lock(writer->fd) != 0 || os_file_identity(writer->fd, writer->identity) != 0) {
        return status_set(err, RL_BUSY, "%s is being written by somebody else", path);
    }
    writer->is_mapped = os_mapping_is_safe(writer->fd, &writer->why_unmapped);
    header->flags |= writer->is_mapped ? RL_FLAG_LIVE_MAPPED : 0;
    estimate_tick_rate(header);
    file_header_put(bytes, header);
    rl_status status = append_bytes(writer, bytes, sizeof bytes);
    if (status == RL_OK) {
        status = append_block(writer, RL_BLOCK_META, NULL, 0, meta, meta_len);
    }
    if (status != RL_OK) {
        return status_set(err, status, "cannot write %s: %s", path,
                          status == RL_LIMIT ? "no space left, or a limit on the size of files"
                                             : "input/output error");
    }
    return RL_OK;
}

/* Appends padding up to the header of a LIVE block. The payload begins on a page, so that it can be
 * mapped; its header is right before. */
static rl_status append_padding(struct writer *writer, uint64_t payload)
{
    uint64_t gap = payload - RL_BLOCK_HEADER_BYTES - writer->offset;
    if (gap == 0) {
        return RL_OK;
    }
    uint8_t header[RL_BLOCK_HEADER_BYTES];
    block_header_put(header,
                     &(struct block_header){.type = RL_BLOCK_PAD,
                                            .stored = (uint32_t)(gap - RL_BLOCK_HEADER_BYTES)});
    rl_status status = append_bytes(writer, header, sizeof header);
    if (status == RL_OK) {
        writer->offset += gap - RL_BLOCK_HEADER_BYTES;
    }
    return status;
}

/* Returns where the payload of a LIVE block begins. That is the first page behind `end` with room
 * for its header; a gap before the header has room for a PAD header. */
static uint64_t live_payload_offset(uint64_t end)
{
    uint64_t payload = (end + RL_BLOCK_HEADER_BYTES + RL_PAGE - 1) & ~(uint64_t)(RL_PAGE - 1);
    uint64_t gap = payload - RL_BLOCK_HEADER_BYTES - end;
    return gap != 0 && gap < RL_BLOCK_HEADER_BYTES ? payload + RL_PAGE : payload;
}

rl_status writer_live(struct writer *writer, uint32_t slot_size, uint32_t count, struct live *live)
{
    uint64_t before = writer->offset;
    uint64_t payload = live_payload_offset(before);
    size_t size = RL_PAGE + (size_t)slot_size * count;
    uint8_t header[RL_BLOCK_HEADER_BYTES];
    uint8_t *mapped = NULL;
    int os_errno = 0;
    if (!writer_is_sound(writer)) {
        return RL_DAMAGED;
    }
    if (os_reserve(writer->fd, payload, size, &os_errno) != 0) {
        if (os_is_full(os_errno)) {
            (void)os_truncate(writer->fd, before); /* a part may have been reserved */
            return RL_LIMIT;
        }
        writer->is_mapped = 0;
        writer->why_unmapped = "the file system cannot reserve space";
    }
    if (writer->is_mapped) {
        mapped = os_map_shared(writer->fd, payload, size);
        if (mapped == NULL) {
            writer->is_mapped = 0;
            writer->why_unmapped = "the file cannot be mapped";
        } else {
            os_guard(mapped, size, &writer->bus_hit);
        }
    }
    if (mapped == NULL) {
        static const uint8_t zero = 0;
        mapped = os_map_private(size);
        if (mapped == NULL || os_pwrite(writer->fd, &zero, 1, payload + size - 1, &os_errno) != 0) {
            os_unmap(mapped, size);
            return mapped == NULL ? RL_NOMEM : RL_LIMIT;
        }
    }
    block_header_put(header, &(struct block_header){.type = RL_BLOCK_LIVE,
                                                    .raw = (uint32_t)size,
                                                    .stored = (uint32_t)size});
    rl_status status = append_padding(writer, payload);
    if (status == RL_OK) {
        status = append_bytes(writer, header, sizeof header);
    }
    if (status != RL_OK) {
        os_unguard(mapped);
        os_unmap(mapped, size);
        (void)os_truncate(writer->fd, before);
        writer->offset = before;
        return status;
    }
    writer->offset = payload + size;
    *live = (struct live){.memory = mapped, .bytes = size, .offset = payload, .before = before};
    return RL_OK;
}

/* Writes the rows and the header of a slot while its lane goes on filling it. The count is read
 * before the rows are copied, and the rows are written before the count. The file never counts a
 * row that it does not hold. */
static void sync_slot(struct writer *writer, const uint8_t *memory, uint64_t at)
{
    uint8_t header[RL_SLOT_HEADER_BYTES];
    int os_errno;
    /* acquire: pairs with the release in lane_publish(), so every row below `used` is whole */
    uint32_t used = atomic_load_explicit(
        (const _Atomic uint32_t *)(const void *)(memory + RL_SL_USED), memory_order_acquire);
    put32(header + RL_SL_USED, used);
    memcpy(header + RL_SL_THREAD, memory + RL_SL_THREAD, sizeof header - RL_SL_THREAD);
    if (used == 0 || os_pwrite(writer->fd, memory + RL_SLOT_HEADER_BYTES, used,
                               at + RL_SLOT_HEADER_BYTES, &os_errno) == 0) {
        (void)os_pwrite(writer->fd, header, sizeof header, at, &os_errno);
    }
}

void writer_sync_live(struct writer *writer, const struct live *live)
{
    int os_errno;
    if (writer->is_mapped || !writer_is_sound(writer)) {
        return;
    }
    (void)os_pwrite(writer->fd, live->memory, RL_PAGE, live->offset, &os_errno);
    for (uint32_t i = 0; i < live->slot_count; i++) {
        const uint8_t *memory = live->slots[i].memory;
        sync_slot(writer, memory, live->offset + (uint64_t)(memory - live->memory));
    }
}

rl_status writer_dict(struct writer *writer, const uint8_t *entries, size_t len)
{
    struct index_entry entry = {.offset = writer->offset};
    rl_status status = append_block(writer, RL_BLOCK_DICT, NULL, 0, entries, len);
    if (status == RL_OK) {
        index_entry_put(&writer->index, &writer->index_coder, &entry);
    }
    return status;
}

rl_status writer_source(struct writer *writer, const uint8_t *entries, size_t len, uint64_t most)
{
    struct index_entry entry = {.offset = writer->offset};
    const struct block_parts parts = {.first = len};
    bytes_out_reset(&writer->block);
    rl_status status =
        block_seal(writer->coder, RL_BLOCK_SOURCE, NULL, 0, entries, &parts, &writer->block);
    if (status == RL_OK) {
        status = writer->block.len <= most
                     ? append_bytes(writer, writer->block.data, writer->block.len)
                     : RL_LIMIT;
    }
    if (status == RL_OK) {
        index_entry_put(&writer->index, &writer->index_coder, &entry);
    }
    return status;
}

/* Appends the chunk that a walk over a slot has made. */
static rl_status append_chunk(struct writer *writer)
{
    uint8_t prefix[RL_CHUNK_PREFIX_BYTES];
    const uint8_t *data = NULL;
    size_t len;
    rl_status status = chunk_maker_end(&writer->maker, &data, &len);
    if (status != RL_OK) {
        return status;
    }
    const struct chunk_info *info = &writer->maker.info;
    struct index_entry entry = {
        .offset = writer->offset,
        .thread = info->thread,
        .events = info->events,
        .chunk = info->chunk,
        .first_seq = info->first_seq,
        .ticks0 = info->ticks0,
        .ticks1 = info->ticks1,
    };
    chunk_info_put(prefix, info);
    const struct block_parts parts = {info->token_bytes, info->time_bytes, info->value_bytes};
    status = append_parts(writer, RL_BLOCK_CHUNK, prefix, sizeof prefix, data, &parts);
    if (status == RL_OK) {
        index_entry_put(&writer->index, &writer->index_coder, &entry);
        writer->events += info->events;
        writer->chunks++;
    }
    return status;
}

rl_status writer_chunk(struct writer *writer, const struct slot *slot)
{
    rl_status status = slot_walk(&slot->info, slot->memory + RL_SLOT_HEADER_BYTES, slot->used,
                                 &writer->maker, &writer->summary);
    int has_events = writer->maker.info.events != 0;
    if (status == RL_OK && has_events) {
        status = append_chunk(writer);
    }
    if (status != RL_OK || !has_events) {
        summary_take_back(&writer->summary); /* a chunk counts only once it is in the file */
    }
    return status;
}

void writer_punch_live(struct writer *writer, const struct live *live)
{
    if (writer_is_sound(writer)) {
        os_punch(writer->fd, live->offset + RL_PAGE, live->bytes - RL_PAGE);
    }
}

int writer_give_up_live(struct writer *writer, const struct live *live)
{
    uint8_t header[RL_BLOCK_HEADER_BYTES];
    int os_errno;
    block_header_put(header,
                     &(struct block_header){.type = RL_BLOCK_PAD, .stored = (uint32_t)live->bytes});
    if (!writer_is_sound(writer) || os_pwrite(writer->fd, header, sizeof header,
                                              live->offset - sizeof header, &os_errno) != 0) {
        return 0;
    }
    if (writer->offset == live->offset + live->bytes &&
        os_truncate(writer->fd, live->before) == 0) {
        writer->offset = live->before;
    } else {
        os_punch(writer->fd, live->offset, live->bytes);
    }
    return 1;
}

/* Appends the summary. *at becomes its place in the file, or 0 where memory was short: a reader
 * then computes it from the events. */
static rl_status append_summary(struct writer *writer, uint64_t ticks, uint64_t *at)
{
    struct bytes_out out = {0};
    rl_status status = RL_NOMEM;
    uint64_t offset = writer->offset;
    summary_end(&writer->summary, ticks);
    if (!writer->summary.failed) {
        summary_put(&out, &writer->summary);
    }
    if (out.len != 0 && !out.failed) {
        status = append_block(writer, RL_BLOCK_SUMMARY, NULL, 0, out.data, out.len);
    }
    bytes_out_fini(&out);
    *at = status == RL_OK ? offset : 0;
    return status == RL_NOMEM ? RL_OK : status;
}

rl_status writer_finish(struct writer *writer, uint64_t lost, int with_summary,
                        const struct live *first)
{
    struct clock_pair now = clock_pair_now();
    struct footer footer = {
        .index = writer->offset,
        .events = writer->events,
        .chunks = writer->chunks,
        .end_ticks = now.ticks,
        .end_mono = now.mono_ns,
        .lost = lost,
    };
    uint8_t payload[RL_FOOTER_BYTES], state[4];
    rl_status status = writer->index.failed ? RL_NOMEM
                                            : append_block(writer, RL_BLOCK_INDEX, NULL, 0,
                                                           writer->index.data, writer->index.len);
    if (status == RL_OK && with_summary) {
        status = append_summary(writer, now.ticks, &footer.summary);
    }
    if (status == RL_OK) {
        footer_put(payload, &footer);
        /* As prefix, which is never compressed: the last bytes of the file have a fixed shape. */
        status = append_block(writer, RL_BLOCK_FOOTER, payload, sizeof payload, NULL, 0);
    }
    if (status == RL_OK) {
        int ignored; /* a reader that finds the footer does not need the state */
        put32(state, RL_LIVE_CLOSED);
        (void)os_pwrite(writer->fd, state, sizeof state, first->offset + RL_LV_STATE, &ignored);
    }
    return status;
}

void writer_forget_end(struct writer *writer, const struct live *first)
{
    static const uint8_t unknown[8];
    int ignored; /* a file that cannot be written does not get shorter, either */
    if (writer_is_sound(writer)) {
        (void)os_pwrite(writer->fd, unknown, sizeof unknown, first->offset + RL_LV_END, &ignored);
    }
}

void writer_close(struct writer *writer)
{
    os_close(writer->fd);
    writer->fd = -1;
    block_coder_free(writer->coder);
    chunk_maker_fini(&writer->maker);
    summary_fini(&writer->summary);
    bytes_out_fini(&writer->block);
    bytes_out_fini(&writer->index);
}
