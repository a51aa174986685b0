/* Why: see cut_file.h.
 *
 * Invariants:
 *  1. Blocks are collected in `out` and written when these are some megabytes, so a part of any
 * size takes the same memory.
 *  2. All definitions are written, used or not, unless the caller knows those that are (used.h). */
#include "cut_file.h"

#include <string.h>

#include "alloc.h"
#include "blocks.h"
#include "os.h"
#include "source.h"
#include "status.h"

enum { FLUSH_AT = 4 << 20, DICT_BYTES = 1 << 20 };

rl_status cut_file_flush(struct cut_file *file)
{
    if (file->out.failed) {
        return RL_NOMEM;
    }
    if (os_pwrite(file->fd, file->out.data, file->out.len, file->written, &file->os_errno) != 0) {
        return os_is_full(file->os_errno) ? RL_LIMIT : RL_IO;
    }
    file->written += file->out.len;
    bytes_out_reset(&file->out);
    return RL_OK;
}

uint64_t cut_file_end(const struct cut_file *file)
{
    return file->written + file->out.len;
}

/* Appends a block of one part; entries of INDEX are added where `entry` is given. */
static rl_status put_block(struct cut_file *file, enum rl_block_type type, const void *prefix,
                           size_t prefix_len, const void *raw, size_t raw_len, int is_indexed)
{
    const struct block_parts parts = {.first = raw_len};
    struct index_entry entry = {.offset = cut_file_end(file)};
    rl_status status = block_seal(file->coder, type, prefix, prefix_len, raw, &parts, &file->out);
    if (status == RL_OK && is_indexed) {
        index_entry_put(&file->index, &file->index_coder, &entry);
    }
    return status == RL_OK && file->out.len >= FLUSH_AT ? cut_file_flush(file) : status;
}

rl_status cut_file_block(struct cut_file *file, enum rl_block_type type, const void *raw,
                         size_t raw_len, int is_indexed)
{
    return put_block(file, type, NULL, 0, raw, raw_len, is_indexed);
}

rl_status cut_file_footer(struct cut_file *file, const uint8_t payload[RL_FOOTER_BYTES])
{
    return put_block(file, RL_BLOCK_FOOTER, payload, RL_FOOTER_BYTES, NULL, 0, 0);
}

rl_status cut_file_raw(struct cut_file *file, const void *data, size_t len)
{
    bytes_put(&file->out, data, len);
    return file->out.failed || file->out.len >= FLUSH_AT ? cut_file_flush(file) : RL_OK;
}

rl_status cut_file_control(struct cut_file *file, const struct reader *reader, uint32_t state)
{
    uint64_t end = cut_file_end(file);
    uint64_t payload = (end + RL_BLOCK_HEADER_BYTES + RL_PAGE - 1) & ~(uint64_t)(RL_PAGE - 1);
    uint64_t gap = payload - RL_BLOCK_HEADER_BYTES - end;
    if (gap != 0 && gap < RL_BLOCK_HEADER_BYTES) {
        gap += RL_PAGE;
    }
    uint8_t header[RL_BLOCK_HEADER_BYTES], page[RL_PAGE] = {0};
    static const uint8_t zeros[2 * RL_PAGE];
    if (gap != 0) {
        uint32_t stored = (uint32_t)(gap - sizeof header);
        block_header_put(header, &(struct block_header){.type = RL_BLOCK_PAD, .stored = stored});
        bytes_put(&file->out, header, sizeof header);
        bytes_put(&file->out, zeros, stored);
    }
    block_header_put(
        header, &(struct block_header){.type = RL_BLOCK_LIVE, .raw = RL_PAGE, .stored = RL_PAGE});
    put32(page + RL_LV_MAGIC, RL_LIVE_MAGIC);
    put32(page + RL_LV_SLOT_BYTES, RL_PAGE);
    put32(page + RL_LV_STATE, state);
    const struct heartbeat *beat =
        state == RL_LIVE_CLOSED || reader->clock_end.mono_ns > reader->heartbeat.mono_ns
            ? &reader->clock_end
            : &reader->heartbeat;
    if (beat->mono_ns != 0) {
        put64(page + RL_LV_BEAT_MONO, beat->mono_ns);
        put64(page + RL_LV_BEAT_TICKS, beat->ticks);
        put64(page + RL_LV_BEAT_CHECK, beat->mono_ns ^ beat->ticks);
    }
    put64(page + RL_LV_NO_TEXT, reader->no_text);
    put64(page + RL_LV_ENDING, ending_word(reader->own));
    put64(page + RL_LV_WAITED, ending_word(reader->waited));
    if (state != RL_LIVE_CLOSED && state != RL_LIVE_SNAPSHOT && !reader->is_whole) {
        put64(page + RL_LV_END, UINT64_MAX); /* something is missing here, too */
    }
    for (size_t i = 0; i < RL_LOSS_REASONS; i++) {
        put64(page + RL_LV_LOSS + 8 * i, reader->losses[i]);
    }
    bytes_put(&file->out, header, sizeof header);
    bytes_put(&file->out, page, sizeof page);
    return file->out.failed ? RL_NOMEM : RL_OK;
}

/* Appends a DICT block of the entries where there are so many bytes. */
static rl_status put_entries(struct cut_file *file, struct bytes_out *entries, size_t least)
{
    rl_status status = RL_OK;
    if (entries->len != 0 && entries->len >= least) {
        status = put_block(file, RL_BLOCK_DICT, NULL, 0, entries->data, entries->len, 1);
        bytes_out_reset(entries);
    }
    return entries->failed ? RL_NOMEM : status;
}

/* Appends all definitions, or those that are used. */
static rl_status put_definitions(struct cut_file *file, const struct reader *reader,
                                 const struct used *used)
{
    struct bytes_out entries = {0};
    uint8_t bytes[CODE_DEF_MAX];
    rl_status status = RL_OK;
    for (size_t i = 0; status == RL_OK && i < reader->strings.by_id.capacity; i++) {
        uint64_t id = reader->strings.by_id.entries[i].key;
        if (id != 0 && (used == NULL || used_has(&used->strings, id))) {
            struct text text = reader_string(reader, (uint32_t)id);
            dict_entry_put(&entries, RL_ROW_DEF_STRING, (uint32_t)id, text.data, text.len);
        }
        status = put_entries(file, &entries, DICT_BYTES);
    }
    for (size_t i = 0; status == RL_OK && i < reader->codes.capacity; i++) {
        const struct u64map_entry *entry = &reader->codes.entries[i];
        if (entry->key != 0 && (used == NULL || used_has(&used->codes, entry->key))) {
            size_t len = code_def_put(bytes, &reader->code_defs[entry->value - 1]);
            dict_entry_put(&entries, RL_ROW_DEF_CODE, (uint32_t)entry->key, bytes, len);
        }
        status = put_entries(file, &entries, DICT_BYTES);
    }
    if (status == RL_OK) {
        status = put_entries(file, &entries, 0);
    }
    bytes_out_fini(&entries);
    return status;
}

/* Copies the SOURCE blocks that are whole. */
static rl_status put_sources(struct cut_file *file, struct reader *reader)
{
    struct bytes_out raw = {0};
    rl_status status = RL_OK;
    for (size_t i = 0; status == RL_OK && i < reader->source_block_count; i++) {
        uint64_t at = reader->source_blocks[i], offset;
        struct block_header header;
        if (blocks_next(reader, &at, &offset, &header) != RL_OK || header.type != RL_BLOCK_SOURCE ||
            blocks_unpack(reader, offset, &header, &raw) != RL_OK) {
            continue; /* `check` of the original names it */
        }
        status = put_block(file, RL_BLOCK_SOURCE, NULL, 0, raw.data, raw.len, 1);
    }
    bytes_out_fini(&raw);
    return status;
}

/* Collects the names of the files of used code. Returns -1 without memory. */
static int find_files(const struct reader *reader, const struct used *used, struct strmap *files)
{
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < reader->codes.capacity; i++) {
        const struct u64map_entry *entry = &reader->codes.entries[i];
        if (entry->key != 0 && used_has(&used->codes, entry->key)) {
            struct text name = reader_string(reader, reader->code_defs[entry->value - 1].file);
            failed = strmap_put(files, name.data, name.len, 1);
        }
    }
    return failed;
}

/* Appends the texts of the files of used code. */
static rl_status put_used_sources(struct cut_file *file, struct reader *reader,
                                  const struct used *used)
{
    struct bytes_out entries = {0};
    struct strmap files = {0};
    struct source *all = NULL;
    size_t count = 0;
    rl_status status =
        find_files(reader, used, &files) == 0 ? source_all(reader, &all, &count) : RL_NOMEM;
    for (size_t i = 0; status == RL_OK && i < count; i++) {
        struct text name = all[i].entry.name;
        if (strmap_get(&files, name.data, name.len) != NULL) {
            source_entry_put(&entries, &all[i].entry);
        }
        if (entries.len >= DICT_BYTES || (i + 1 == count && entries.len != 0)) {
            status = entries.failed
                         ? RL_NOMEM
                         : put_block(file, RL_BLOCK_SOURCE, NULL, 0, entries.data, entries.len, 1);
            bytes_out_reset(&entries);
        }
    }
    strmap_fini(&files);
    bytes_out_fini(&entries);
    return status;
}

rl_status cut_file_definitions(struct cut_file *file, struct reader *reader,
                               const struct used *used)
{
    rl_status status = put_definitions(file, reader, used);
    if (status != RL_OK) {
        return status;
    }
    return used == NULL ? put_sources(file, reader) : put_used_sources(file, reader, used);
}

/* Appends the entries of META: the original's, then others. */
static rl_status put_meta(struct cut_file *file, const struct reader *reader, const uint8_t *meta,
                          size_t meta_len)
{
    struct bytes_out entries = {0};
    bytes_put(&entries, reader->meta.data, reader->meta.len);
    bytes_put(&entries, meta, meta_len);
    rl_status status = entries.failed
                           ? RL_NOMEM
                           : put_block(file, RL_BLOCK_META, NULL, 0, entries.data, entries.len, 0);
    bytes_out_fini(&entries);
    return status;
}

rl_status cut_file_create(struct cut_file *file, const char *path, const struct file_header *header,
                          struct rl_err *err)
{
    uint8_t bytes[RL_FILE_HEADER_BYTES];
    *file = (struct cut_file){.fd = -1, .coder = block_coder_new()};
    if (file->coder == NULL) {
        return status_set(err, RL_NOMEM, "no memory for the file");
    }
    if (os_create(path, &file->fd, &file->os_errno) != 0) {
        return status_set_not_created(err, path, file->os_errno);
    }
    file_header_put(bytes, header);
    bytes_put(&file->out, bytes, sizeof bytes);
    return file->out.failed ? RL_NOMEM : RL_OK;
}

rl_status cut_file_open(struct cut_file *file, struct reader *reader, const char *path,
                        const uint8_t *meta, size_t meta_len, struct rl_err *err)
{
    struct file_header header = reader->header;
    header.flags &= ~RL_FLAG_RING;
    if (reader->ns_per_tick > 0) {
        header.tick_hz = (uint64_t)(1e9 / reader->ns_per_tick + 0.5);
    }
    rl_status status = cut_file_create(file, path, &header, err);
    if (status == RL_OK) {
        status = put_meta(file, reader, meta, meta_len);
    }
    return status == RL_OK ? cut_file_control(file, reader, RL_LIVE_CLOSED) : status;
}

/* Adds a chunk to INDEX and to the counts of FOOTER. */
static void note_chunk(struct cut_file *file, const struct chunk_info *info, uint64_t offset)
{
    const struct index_entry entry = {
        .offset = offset,
        .thread = info->thread,
        .events = info->events,
        .chunk = info->chunk,
        .first_seq = info->first_seq,
        .ticks0 = info->ticks0,
        .ticks1 = info->ticks1,
    };
    index_entry_put(&file->index, &file->index_coder, &entry);
    file->events += info->events;
    file->chunks++;
}

rl_status cut_file_chunk(struct cut_file *file, const struct chunk_info *info, const uint8_t *data)
{
    const struct block_parts parts = {info->token_bytes, info->time_bytes, info->value_bytes};
    uint8_t prefix[RL_CHUNK_PREFIX_BYTES];
    uint64_t offset = cut_file_end(file);
    chunk_info_put(prefix, info);
    rl_status status =
        block_seal(file->coder, RL_BLOCK_CHUNK, prefix, sizeof prefix, data, &parts, &file->out);
    if (status != RL_OK) {
        return status;
    }
    note_chunk(file, info, offset);
    return file->out.len >= FLUSH_AT ? cut_file_flush(file) : RL_OK;
}

rl_status cut_file_copy(struct cut_file *file, const struct block_header *header,
                        const struct chunk_info *info, uint8_t *stored)
{
    static const uint8_t zeros[8];
    struct block_header copy = *header;
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    uint64_t offset = cut_file_end(file);
    put64(stored + RL_CH_CHUNK, info->chunk);
    copy.sum = block_checksum(stored, copy.stored);
    block_header_put(bytes, &copy);
    bytes_put(&file->out, bytes, sizeof bytes);
    bytes_put(&file->out, stored, copy.stored);
    bytes_put(&file->out, zeros, (size_t)(block_span(&copy) - sizeof bytes - copy.stored));
    note_chunk(file, info, offset);
    return file->out.failed || file->out.len >= FLUSH_AT ? cut_file_flush(file) : RL_OK;
}

rl_status cut_file_finish(struct cut_file *file, const struct reader *reader, uint64_t end_ticks,
                          const struct bytes_out *summary, const struct bytes_out *before)
{
    struct footer footer = {
        .index = cut_file_end(file),
        .events = file->events,
        .chunks = file->chunks,
        .end_ticks = end_ticks,
        .end_mono = reader->header.run_mono + reader_time(reader, end_ticks),
        .lost = reader->footer.lost,
    };
    uint8_t payload[RL_FOOTER_BYTES];
    rl_status status = RL_NOMEM;
    if (!file->index.failed) {
        status = put_block(file, RL_BLOCK_INDEX, NULL, 0, file->index.data, file->index.len, 0);
    }
    if (status == RL_OK && before->len != 0) {
        status = put_block(file, RL_BLOCK_BEFORE, NULL, 0, before->data, before->len, 0);
    }
    if (status == RL_OK && summary->len != 0) {
        footer.summary = cut_file_end(file);
        status = put_block(file, RL_BLOCK_SUMMARY, NULL, 0, summary->data, summary->len, 0);
    }
    if (status == RL_OK) {
        footer_put(payload, &footer);
        status = cut_file_footer(file, payload);
    }
    return status == RL_OK ? cut_file_flush(file) : status;
}

void cut_file_close(struct cut_file *file)
{
    if (file->fd >= 0) {
        os_close(file->fd);
    }
    block_coder_free(file->coder);
    bytes_out_fini(&file->out);
    bytes_out_fini(&file->index);
    file->fd = -1;
}
