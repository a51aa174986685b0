/* Why: a recording is readable without its index; with the index, opening is fast.
 *
 *   footer at the end, not a ring? --no--> read_all(): block by block -----------------.
 *      | yes                                    ^                                      |
 *      v                                        | index damaged: start again           |
 *   read_index() -------------------------------'                                      |
 *      | chunks and dictionaries by the index                                          |
 *      v                                                                               v
 *   read_front(): META, and the control page of the first LIVE block ---------------> done
 *
 *   read_all(), for each block:
 *     META   facts about the run
 *     LIVE   control page (state, losses, heartbeat), then each slot that holds rows:
 *              rows decoded once: definitions taken, events counted, damage found
 *     CHUNK  its prefix alone; the events are decoded when they are read
 *     DICT   definitions
 *     others skipped; types of newer formats are counted
 *   While the file grows, the walk goes on from where it ended: a slot that was emptied before it
 *   was read is by then a block at the end.
 *
 * Invariants:
 *  1. The first definition of an id counts; equal ids mean equal content in one file.
 *  2. Nothing that a slot header says is used before it was compared with the slot's size.
 *  3. Only RL_NOMEM ends a scan: damage is a problem, and the scan goes on behind it. */
#include "scan.h"

#include <string.h>

#include "alloc.h"
#include "blocks.h"
#include "chunks.h"
#include "members.h"
#include "os.h"
#include "source.h"

/* ---- definitions ---- */

/* Takes a string, unless its id has one. Its bytes are copied and belong to the reader. */
static rl_status add_string(struct reader *reader, uint32_t id, const uint8_t *data, size_t len)
{
    if (len > RL_STRING_MAX || strings_has(&reader->strings, id)) {
        return RL_OK;
    }
    if (reader->dict_bytes + len > READER_DICT_BYTES_MAX) {
        reader_problem(reader, "more than %u MiB of names: the rest is left out",
                       READER_DICT_BYTES_MAX >> 20);
        return RL_LIMIT;
    }
    char *copy = rl_alloc(len, 1);
    if (copy == NULL || strings_add(&reader->strings, id, copy, len) != 0) {
        rl_free(copy);
        return RL_NOMEM;
    }
    if (len != 0) {
        memcpy(copy, data, len);
    }
    reader->dict_bytes += len + sizeof(struct text);
    return RL_OK;
}

/* Takes a code object, unless its id has one. The ids of its names are checked when they are used.
 */
static rl_status add_code(struct reader *reader, uint32_t id, const uint8_t *data, size_t len)
{
    struct code_def def;
    uint32_t names[CODE_NAMES_MAX];
    void *defs = reader->code_defs;
    if (u64map_get(&reader->codes, id) != NULL) {
        return RL_OK;
    }
    if (code_def_get(data, len, names, &def) != RL_OK) {
        reader_problem(reader, "the definition of function %u is damaged", id);
        return RL_OK;
    }
    size_t bytes = sizeof def + def.name_count * sizeof *names;
    if (reader->dict_bytes + bytes > READER_DICT_BYTES_MAX) {
        return RL_LIMIT;
    }
    uint32_t *copy = rl_alloc(def.name_count, sizeof *names);
    if (copy == NULL ||
        rl_grow(&defs, &reader->code_cap, reader->code_count + 1, sizeof def) != 0) {
        rl_free(copy);
        return RL_NOMEM;
    }
    memcpy(copy, names, def.name_count * sizeof *names);
    def.names = copy;
    reader->code_defs = defs;
    reader->code_defs[reader->code_count++] = def;
    reader->dict_bytes += bytes;
    return u64map_put(&reader->codes, id, reader->code_count) == 0 ? RL_OK : RL_NOMEM;
}

rl_status scan_define(struct reader *reader, unsigned kind, uint32_t id, const uint8_t *data,
                      size_t len)
{
    if (id == 0) {
        return RL_OK;
    }
    return kind == RL_ROW_DEF_STRING ? add_string(reader, id, data, len)
           : kind == RL_ROW_DEF_CODE ? add_code(reader, id, data, len)
                                     : RL_OK;
}

/* Takes the definitions of a DICT block. A damaged one costs names, not events. */
static rl_status read_dictionary(struct reader *reader, uint64_t offset,
                                 const struct block_header *header)
{
    rl_status status = blocks_unpack(reader, offset, header, &reader->raw);
    if (status != RL_OK) {
        if (!reader_is_reused(reader)) {
            reader_problem(reader, "the dictionary at byte %llu is damaged: some names are unknown",
                           (unsigned long long)offset);
        }
        return status == RL_NOMEM ? status : RL_OK;
    }
    struct bytes_in in = bytes_in_of(reader->raw.data, reader->raw.len);
    unsigned kind;
    uint32_t id;
    const uint8_t *data;
    size_t len;
    while (dict_entry_get(&in, &kind, &id, &data, &len)) {
        status = scan_define(reader, kind, id, data, len);
        if (status != RL_OK) {
            return status == RL_NOMEM ? status : RL_OK;
        }
    }
    if (in.bad) {
        reader_problem(reader, "the dictionary at byte %llu is cut", (unsigned long long)offset);
    }
    return RL_OK;
}

/* Adds a CHUNK block to the table by its prefix. Its events are not decoded here. */
static rl_status read_chunk_prefix(struct reader *reader, uint64_t offset,
                                   const struct block_header *header)
{
    uint8_t prefix[RL_CHUNK_PREFIX_BYTES];
    struct chunk_ref ref = {.offset = offset};
    int os_errno;
    if (header->prefix < sizeof prefix ||
        reader_pread(reader, prefix, sizeof prefix, offset + RL_BLOCK_HEADER_BYTES, &os_errno) ||
        offset + block_span(header) > reader->size ||
        chunk_info_get(prefix, sizeof prefix, header->raw, &ref.info) != RL_OK) {
        reader_problem(reader, "the chunk at byte %llu is damaged or cut",
                       (unsigned long long)offset);
        return RL_OK;
    }
    return chunks_add(reader, &ref);
}

/* ---- LIVE blocks ---- */

enum { LIVE_CONTROL_READ = 256 }; /* bytes of the control page: all that has a meaning */

/* Counts the events of a slot and takes its definitions. Rows behind damage are left out. */
static rl_status read_slot_rows(struct reader *reader, struct chunk_ref *ref)
{
    rl_status status = chunks_load(reader, ref, &reader->raw);
    if (status != RL_OK) {
        return status;
    }
    struct rows rows = rows_of(&ref->info, reader->raw.data, reader->raw.len);
    struct rec rec;
    const uint8_t *good = reader->raw.data;
    while ((status = rows_next(&rows, &rec)) == RL_OK) {
        good = rows.in.at;
        if (rec.kind >= RL_EVENT_KINDS) {
            status = scan_define(reader, rec.kind, rec.id, rec.data, rec.data_len);
            if (status == RL_NOMEM) {
                return status;
            }
        } else {
            ref->info.events++;
            reader->last_ticks = rec.ticks > reader->last_ticks ? rec.ticks : reader->last_ticks;
        }
    }
    if (status == RL_DAMAGED) {
        reader_problem(reader, "a slot at byte %llu ends in damaged rows",
                       (unsigned long long)ref->offset);
        ref->row_bytes = (uint32_t)(good - reader->raw.data);
    }
    return RL_OK;
}

/* Adds a slot that holds rows to the table. A file that was cut keeps the rows that are there. */
static rl_status read_slot(struct reader *reader, uint64_t offset, uint32_t slot_size)
{
    uint8_t header[RL_SLOT_HEADER_BYTES];
    struct chunk_ref ref = {.offset = offset};
    int os_errno;
    if (reader_pread(reader, header, sizeof header, offset, &os_errno) != 0) {
        return RL_DAMAGED;
    }
    uint32_t used = get32(header + RL_SL_USED);
    if (used == 0) {
        return RL_OK;
    }
    slot_info_get(header, &ref.info);
    if (used > slot_size - RL_SLOT_HEADER_BYTES || used % RL_ROW_BYTES != 0 ||
        ref.info.thread == 0) {
        reader_problem(reader, "a slot at byte %llu is damaged", (unsigned long long)offset);
        return RL_OK;
    }
    uint64_t left = reader->size - offset;
    ref.row_bytes = left - RL_SLOT_HEADER_BYTES < used
                        ? (uint32_t)(left - RL_SLOT_HEADER_BYTES) & ~(RL_ROW_BYTES - 1)
                        : used;
    if (ref.row_bytes == 0) {
        return RL_OK;
    }
    rl_status status = read_slot_rows(reader, &ref);
    if (status == RL_OK && ref.row_bytes != 0) {
        status = chunks_add(reader, &ref);
    }
    return status == RL_NOMEM ? status : RL_OK;
}

/* Takes a heartbeat that is newer than the known one. The recorder writes its three words one by
 * one, so a reader may see half of a new heartbeat. The third word then does not fit the others. */
static void read_heartbeat(struct reader *reader, const uint8_t *control)
{
    uint64_t mono_ns = get64(control + RL_LV_BEAT_MONO);
    uint64_t ticks = get64(control + RL_LV_BEAT_TICKS);
    if (mono_ns > reader->heartbeat.mono_ns) {
        int is_whole = get64(control + RL_LV_BEAT_CHECK) == (mono_ns ^ ticks);
        reader->heartbeat = (struct heartbeat){mono_ns, is_whole ? ticks : 0};
    }
}

/* Returns whether a LIVE block holds nothing yet: its recorder has just appended it, or was killed
 * there. The magic number is written last, and slot 0 is the first to be used. */
static int is_unused_live(const struct reader *reader, uint64_t payload,
                          const uint8_t control[LIVE_CONTROL_READ])
{
    uint8_t slot[RL_SLOT_HEADER_BYTES];
    int os_errno;
    return !reader->is_complete && get32(control + RL_LV_MAGIC) == 0 &&
           bytes_are_zero(control + RL_LV_BEAT_MONO, LIVE_CONTROL_READ - RL_LV_BEAT_MONO) &&
           reader_pread(reader, slot, sizeof slot, payload + RL_PAGE, &os_errno) == 0 &&
           bytes_are_zero(slot, sizeof slot);
}

/* Takes what the first control page has about the process. Before minor 6 it has zeros there. */
static void read_ending(struct reader *reader, const uint8_t *control)
{
    if (ending_of(get64(control + RL_LV_ENDING), &reader->own) != RL_OK ||
        ending_of(get64(control + RL_LV_WAITED), &reader->waited) != RL_OK) {
        reader_problem(reader, "how the process ended is damaged");
    }
    reader->birth = get64(control + RL_LV_BIRTH);
    reader->end = get64(control + RL_LV_END);
}

/* Reads the control page of a LIVE block, and its slots where they are wanted. The first LIVE block
 * of the file has state and losses. */
static rl_status read_live(struct reader *reader, uint64_t offset,
                           const struct block_header *header, int want_slots)
{
    uint8_t control[LIVE_CONTROL_READ];
    int os_errno;
    uint64_t payload = offset + RL_BLOCK_HEADER_BYTES;
    int is_there = reader_pread(reader, control, sizeof control, payload, &os_errno) == 0;
    if (is_there && is_unused_live(reader, payload, control)) {
        return RL_OK;
    }
    if (!is_there || get32(control + RL_LV_MAGIC) != RL_LIVE_MAGIC) {
        reader_problem(reader, "the LIVE block at byte %llu has no control page",
                       (unsigned long long)offset);
        return RL_OK;
    }
    read_heartbeat(reader, control);
    if (reader->live_state == 0) {
        reader->control = payload;
        reader->live_state = get32(control + RL_LV_STATE);
        reader->is_copy = get32(control + RL_LV_SLOTS) == 0;
        reader->no_text = get64(control + RL_LV_NO_TEXT);
        read_ending(reader, control);
        for (size_t i = 0; i < RL_LOSS_REASONS; i++) {
            reader->losses[i] = get64(control + RL_LV_LOSS + 8 * i);
        }
    }
    uint32_t size = get32(control + RL_LV_SLOT_BYTES);
    uint32_t count = get32(control + RL_LV_SLOTS);
    if (size < RL_PAGE || (uint64_t)size * count + RL_PAGE > header->stored) {
        reader_problem(reader, "the LIVE block at byte %llu contradicts itself",
                       (unsigned long long)offset);
        return RL_OK;
    }
    for (uint32_t i = 0; want_slots && i < count; i++) {
        uint64_t at = payload + RL_PAGE + (uint64_t)i * size;
        if (at + RL_SLOT_HEADER_BYTES > reader->size) {
            reader_problem(reader, "cut inside a LIVE block: %u of its %u slots are there", i,
                           count);
            break;
        }
        rl_status status = read_slot(reader, at, size);
        if (status != RL_OK) {
            return status == RL_NOMEM ? status : RL_OK;
        }
    }
    return RL_OK;
}

/* Takes the whole entries of a META block. A file may have several. */
static rl_status read_meta(struct reader *reader, uint64_t offset,
                           const struct block_header *header)
{
    rl_status status = blocks_unpack(reader, offset, header, &reader->raw);
    struct bytes_in in = bytes_in_of(reader->raw.data, status == RL_OK ? reader->raw.len : 0);
    struct meta_entry entry;
    size_t whole = 0; /* bytes of whole entries */
    while (meta_entry_get(&in, &entry)) {
        whole = reader->raw.len - bytes_left(&in);
    }
    if (in.bad || status == RL_DAMAGED || status == RL_NEWER) {
        reader_problem(reader, "the facts at byte %llu are damaged", (unsigned long long)offset);
    }
    if (reader->meta.len + whole < RL_BLOCK_RAW_MAX) {
        bytes_put(&reader->meta, reader->raw.data, whole);
    }
    return status == RL_NOMEM || reader->meta.failed ? RL_NOMEM : RL_OK;
}

/* Reads what was before a part (before.h); only the first such block counts. */
static rl_status read_before(struct reader *reader, uint64_t offset,
                             const struct block_header *header)
{
    if (reader->before.is_there) {
        return RL_OK;
    }
    rl_status status = blocks_unpack(reader, offset, header, &reader->before.bytes);
    status = status == RL_OK ? before_decode(&reader->before) : status;
    if (status != RL_OK) {
        before_fini(&reader->before);
    }
    if (status != RL_OK && status != RL_NOMEM) {
        reader_problem(reader, "what was before the part, at byte %llu, is damaged",
                       (unsigned long long)offset);
    }
    return status == RL_NOMEM ? status : RL_OK;
}

/* Takes what one block says. SUMMARY and FOOTER are read elsewhere; newer types are counted. */
static rl_status read_block(struct reader *reader, uint64_t offset,
                            const struct block_header *header, int want_slots)
{
    switch (header->type) {
    case RL_BLOCK_META:
        return read_meta(reader, offset, header);
    case RL_BLOCK_LIVE:
        return read_live(reader, offset, header, want_slots);
    case RL_BLOCK_CHUNK:
        return read_chunk_prefix(reader, offset, header);
    case RL_BLOCK_DICT:
        return read_dictionary(reader, offset, header);
    case RL_BLOCK_SOURCE:
        return source_note_block(reader, offset);
    case RL_BLOCK_MEMBER:
        return members_note(reader, offset, header);
    case RL_BLOCK_BEFORE:
        return read_before(reader, offset, header);
    default:
        reader->unknown_blocks += header->type > RL_BLOCK_BEFORE || header->type == 0;
        return RL_OK;
    }
}

/* ---- by index ---- */

/* Returns whether the file ends with a whole FOOTER block: the recorder has closed it. */
static int read_footer(struct reader *reader)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES + RL_FOOTER_BYTES];
    struct block_header header;
    int os_errno;
    if (reader->size < RL_FILE_HEADER_BYTES + sizeof bytes ||
        reader_pread(reader, bytes, sizeof bytes, reader->size - sizeof bytes, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK || header.type != RL_BLOCK_FOOTER ||
        header.prefix != RL_FOOTER_BYTES || header.stored != RL_FOOTER_BYTES ||
        !block_sum_matches(bytes + RL_BLOCK_HEADER_BYTES, RL_FOOTER_BYTES, header.sum)) {
        return 0;
    }
    footer_get(bytes + RL_BLOCK_HEADER_BYTES, &reader->footer);
    return 1;
}

/* Reads the DICT block that an index entry names, or notes the SOURCE block. */
static rl_status read_indexed(struct reader *reader, const struct index_entry *entry)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    struct block_header header;
    int os_errno;
    if (entry->offset >= reader->size ||
        reader_pread(reader, bytes, sizeof bytes, entry->offset, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK) {
        return RL_DAMAGED;
    }
    if (header.type == RL_BLOCK_SOURCE) {
        return source_note_block(reader, entry->offset);
    }
    if (header.type != RL_BLOCK_DICT) {
        return RL_DAMAGED;
    }
    return read_dictionary(reader, entry->offset, &header);
}

/* Fills chunks and definitions from the INDEX block. RL_DAMAGED where an entry cannot be right;
 * what was added until then is dropped by scan_file(). */
static rl_status read_index(struct reader *reader)
{
    uint64_t at = reader->footer.index, offset;
    struct block_header header;
    struct bytes_out raw = {0};
    rl_status status = RL_DAMAGED;
    if (at >= reader->size || blocks_next(reader, &at, &offset, &header) != RL_OK ||
        header.type != RL_BLOCK_INDEX) {
        return RL_DAMAGED;
    }
    if ((status = blocks_unpack(reader, offset, &header, &raw)) != RL_OK) {
        goto done;
    }
    if (blocks_next(reader, &at, &offset, &header) == RL_OK && header.type == RL_BLOCK_BEFORE &&
        (status = read_before(reader, offset, &header)) != RL_OK) {
        goto done;
    }
    struct bytes_in in = bytes_in_of(raw.data, raw.len);
    struct index_coder coder = {0};
    while (bytes_left(&in) != 0 && status == RL_OK) {
        struct index_entry entry;
        index_entry_get(&in, &coder, &entry);
        if (in.bad || entry.offset >= reader->size) {
            status = RL_DAMAGED;
        } else if (entry.thread == 0) {
            status = read_indexed(reader, &entry);
        } else {
            struct chunk_ref ref = {.offset = entry.offset};
            ref.info.thread = entry.thread;
            ref.info.events = entry.events;
            ref.info.chunk = entry.chunk;
            ref.info.first_seq = entry.first_seq;
            ref.info.ticks0 = entry.ticks0;
            ref.info.ticks1 = entry.ticks1;
            status = chunks_add(reader, &ref);
        }
    }
done:
    bytes_out_fini(&raw);
    return status;
}

/* Reads the blocks before the first chunk: META and the first LIVE block. */
static rl_status read_front(struct reader *reader, int want_slots)
{
    uint64_t at = RL_FILE_HEADER_BYTES, offset;
    struct block_header header;
    rl_status status = RL_OK;
    while (status == RL_OK && reader->live_state == 0 &&
           blocks_next(reader, &at, &offset, &header) == RL_OK && header.type != RL_BLOCK_CHUNK &&
           header.type != RL_BLOCK_INDEX) {
        status = read_block(reader, offset, &header, want_slots);
    }
    return status;
}

/* Returns whether the file has grown since its size was read. The new block may be that of a slot
 * that was emptied before the scan reached it. */
static int has_grown(struct reader *reader)
{
    uint64_t before = reader->size;
    return reader->is_being_written && os_file_size(reader->fd, &reader->size) == 0 &&
           reader->size > before;
}

/* Reads all DICT blocks of a ring again: while slots were read, the definitions of a reused slot
 * went to the shelf. */
static rl_status read_definitions(struct reader *reader)
{
    uint64_t at = RL_FILE_HEADER_BYTES, offset;
    struct block_header header;
    rl_status status = RL_OK;
    while (status == RL_OK && blocks_next(reader, &at, &offset, &header) == RL_OK) {
        status = header.type == RL_BLOCK_DICT ? read_dictionary(reader, offset, &header) : RL_OK;
    }
    return status;
}

/* Reads every block, and again what was appended meanwhile. */
static rl_status read_all(struct reader *reader)
{
    enum { TIMES = 8 };
    uint64_t at = RL_FILE_HEADER_BYTES, offset;
    struct block_header header;
    rl_status status = RL_OK;
    for (int i = 0; i == 0 || (i < TIMES && has_grown(reader)); i++) {
        at -= reader->torn_bytes; /* that block may be whole by now */
        reader->torn_bytes = 0;
        while (status == RL_OK && blocks_next(reader, &at, &offset, &header) == RL_OK) {
            status = read_block(reader, offset, &header, 1);
        }
    }
    return status == RL_OK && reader_is_reused(reader) ? read_definitions(reader) : status;
}

rl_status scan_file(struct reader *reader)
{
    reader->is_complete = read_footer(reader);
    if (reader->is_complete && !(reader->header.flags & RL_FLAG_RING)) {
        rl_status status = read_index(reader);
        if (status == RL_OK) {
            status = read_front(reader, 0);
            return status == RL_OK ? members_read(reader) : status;
        }
        if (status == RL_NOMEM) {
            return status;
        }
        reader_problem(reader, "the index is damaged: every block is read instead");
        reader->chunk_count = 0;
        reader->member_count = 0;
    }
    return read_all(reader);
}
