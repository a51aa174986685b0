/* Why: see pack.h. The chunks are taken thread by thread:
 *
 *   events, with what is shown again in full --redo_event()--> as they were?
 *      all of them, and they were tokens     the bytes of the chunk are compressed once more
 *      otherwise                             they are encoded, in chunks of some megabytes
 *
 * Invariants:
 *  1. Chunks of a thread are numbered from 0, without gaps.
 *  2. A chunk that is encoded has every value in full, so its values need no other chunk's. */
#include "pack.h"

#include <relive/rl_filter.h>
#include <string.h>

#include "alloc.h"
#include "blocks.h"
#include "cut_file.h"
#include "follow.h"
#include "os.h"
#include "redo.h"
#include "shown_again.h"
#include "source.h"
#include "source_text.h"
#include "status.h"

enum { CHUNK_BYTES = 8 << 20, DICT_BYTES = 1 << 20, SOURCE_BYTES = 4 << 20 };

struct packing {
    struct reader *reader;
    struct texts *texts;
    const struct pack_question *question; /* NULL in the first pass */
    struct pack_result *result;
    pack_rest rest;
    struct redo redo;
    struct cut_file file;
    struct chunk_maker maker;
    struct tokens tokens;
    struct shown_again shown;
    struct bytes_out raw;
    struct bytes_out before; /* of a part */
    uint32_t thread;         /* of the chunks that are written */
    uint64_t chunks;         /* of it */
    uint64_t members;        /* place of the first MEMBER block */
    uint32_t first_id;       /* from which on no string has an id */
};

/* ---- events ---- */

/* Decodes the events of a chunk, rows or tokens. */
static rl_status next_rec(struct packing *packing, struct rows *rows, struct rec *rec)
{
    rl_status status;
    do {
        status = rows != NULL ? rows_next(rows, rec) : tokens_next(&packing->tokens, rec);
    } while (status == RL_OK && rec->kind >= RL_EVENT_KINDS);
    return status == RL_OK ? shown_again_put(&packing->shown, rec) : status;
}

/* Begins a chunk; the first one of those that one chunk becomes has its beginning. */
static void begin_chunk(struct packing *packing, const struct chunk_info *like, uint64_t seq,
                        uint64_t next, uint64_t ticks, int is_first)
{
    const struct reader *reader = packing->reader;
    struct chunk_info info = {
        .thread = like->thread,
        .chunk = packing->chunks++,
        .first_seq = seq,
        .first_call = next & RL_FRAME_ORDINAL_MASK,
        .ticks0 = is_first ? like->ticks0 : ticks,
        .mono0 = is_first ? like->mono0 : reader->header.run_mono + reader_time(reader, ticks),
        .top = is_first ? like->top : 0,
        .name = like->name,
    };
    chunk_maker_begin(&packing->maker, &info);
}

/* Writes the chunk; the last one has the end of the original. */
static rl_status end_chunk(struct packing *packing, const struct chunk_info *like, uint64_t ticks,
                           int is_last)
{
    struct chunk_info *info = &packing->maker.info;
    const struct reader *reader = packing->reader;
    const uint8_t *data;
    size_t len;
    rl_status status = chunk_maker_end(&packing->maker, &data, &len);
    int has_end = is_last && like->ticks1 != 0;
    info->ticks1 = has_end ? like->ticks1 : ticks;
    info->mono1 = has_end ? like->mono1 : reader->header.run_mono + reader_time(reader, ticks);
    packing->result->encoded++;
    return status == RL_OK ? cut_file_chunk(&packing->file, info, data) : status;
}

/* Writes the streams of a chunk as they are, compressed once more. */
static rl_status copy_chunk(struct packing *packing, const struct chunk_info *like)
{
    struct chunk_info info = *like;
    info.chunk = packing->chunks++;
    packing->result->copied++;
    packing->result->events += info.events;
    return cut_file_chunk(&packing->file, &info, packing->raw.data);
}

/* Applies the rules to the events of a chunk, and encodes them where `is_encoding`. *is_same
 * becomes whether no value is another one now. */
static rl_status redo_chunk(struct packing *packing, const struct chunk_ref *ref, int is_encoding,
                            int *is_same)
{
    const struct chunk_info *info = &ref->info;
    struct rows rows = rows_of(info, packing->raw.data, packing->raw.len);
    struct rec rec;
    uint64_t seq = info->first_seq, next = RL_FRAME(info->thread, info->first_call), last = 0;
    int is_open = 0, is_first = 1;
    rl_status status = RL_OK;
    shown_again_begin(&packing->shown);
    if (ref->row_bytes == 0) {
        tokens_begin(&packing->tokens, info, packing->raw.data);
    }
    *is_same = 1;
    while (status == RL_OK &&
           (status = next_rec(packing, ref->row_bytes != 0 ? &rows : NULL, &rec)) == RL_OK) {
        const struct rec was = rec;
        status = redo_event(&packing->redo, &rec);
        *is_same = *is_same && was.data_len == rec.data_len &&
                   (rec.data_len == 0 || memcmp(was.data, rec.data, rec.data_len) == 0);
        if (status == RL_OK && is_encoding) {
            if (is_open && packing->maker.tokens.len + packing->maker.values.len > CHUNK_BYTES) {
                status = end_chunk(packing, info, last, 0);
                is_open = 0;
            }
            if (!is_open) {
                begin_chunk(packing, info, seq, next, rec.ticks, is_first);
                is_open = 1;
                is_first = 0;
            }
            status = status == RL_OK ? chunk_maker_add(&packing->maker, &rec) : status;
            packing->result->events++;
        }
        next += kind_begins(rec.kind) && rec.frame == next;
        last = rec.ticks;
        seq++;
    }
    if (status == RL_DAMAGED) {
        reader_problem(packing->reader, "thread %u: chunk %llu is damaged from event %llu on",
                       info->thread, (unsigned long long)info->chunk, (unsigned long long)seq);
    }
    if (is_open && status != RL_NOMEM) {
        status = end_chunk(packing, info, last, 1);
    }
    return status == RL_END || status == RL_DAMAGED ? RL_OK : status;
}

/* Loads a chunk and applies the rules; the second pass writes it. */
static rl_status take_chunk(struct packing *packing, const struct chunk_ref *ref)
{
    struct chunk_ref full = *ref;
    int is_same;
    rl_status status = follow_load(packing->reader, &full, &packing->raw);
    if (status == RL_OK && full.row_bytes == 0) {
        status = chunk_info_get(packing->reader->stored.data, packing->reader->stored.len,
                                (uint32_t)packing->raw.len, &full.info);
    }
    if (status == RL_DAMAGED || status == RL_NEWER) {
        reader_problem(packing->reader, "thread %u: chunk %llu is damaged, and left out",
                       ref->info.thread, (unsigned long long)ref->info.chunk);
        return RL_OK;
    }
    if (status == RL_OK && packing->question == NULL) {
        return redo_chunk(packing, &full, 0, &is_same);
    }
    if (status == RL_OK && full.info.thread != packing->thread) {
        packing->thread = full.info.thread;
        packing->chunks = 0;
    }
    if (status == RL_OK && full.row_bytes == 0) {
        status = redo_chunk(packing, &full, 0, &is_same);
        if (status == RL_OK && is_same) {
            return copy_chunk(packing, &full.info);
        }
    }
    return status == RL_OK ? redo_chunk(packing, &full, 1, &is_same) : status;
}

/* Applies the rules to what was before a part; the second pass keeps it. */
static rl_status take_before(struct packing *packing)
{
    const struct before *before = &packing->reader->before;
    bytes_out_reset(&packing->before);
    return before->is_there ? redo_before(&packing->redo, before, &packing->before) : RL_OK;
}

/* Takes what was before, and all chunks, those of a thread in their order. */
static rl_status take_values(struct packing *packing)
{
    struct reader *reader = packing->reader;
    rl_status status = take_before(packing);
    reader->loaded = 0;
    for (size_t i = 0; status == RL_OK && i < reader->chunk_count; i++) {
        status = packing->rest() == 0 ? take_chunk(packing, &reader->chunks[i]) : RL_END;
    }
    return status;
}

/* ---- definitions ---- */

/* Finds an id behind all strings. */
static rl_status find_first_id(struct packing *packing)
{
    const struct u64map *by_id = &packing->reader->strings.by_id;
    uint64_t most = 0;
    for (size_t i = 0; i < by_id->capacity; i++) {
        most = by_id->entries[i].key > most ? by_id->entries[i].key : most;
    }
    packing->first_id = (uint32_t)most + 1;
    return most + REDO_TYPES < RL_ID_MAX ? RL_OK : RL_LIMIT;
}

/* Writes the DICT block that was collected, once it is long, or where `is_last`. */
static rl_status flush_entries(struct packing *packing, struct bytes_out *entries, int is_last)
{
    if (entries->failed) {
        return RL_NOMEM;
    }
    if (entries->len == 0 || (!is_last && entries->len < DICT_BYTES)) {
        return RL_OK;
    }
    rl_status status =
        cut_file_block(&packing->file, RL_BLOCK_DICT, entries->data, entries->len, 1);
    bytes_out_reset(entries);
    return status;
}

/* Collects all strings, cleaned, and the names of types that redacted values have. */
static rl_status put_strings(struct packing *packing, struct bytes_out *entries)
{
    const struct strings *strings = &packing->reader->strings;
    rl_status status = RL_OK;
    for (size_t i = 0; status == RL_OK && i < strings->by_id.capacity; i++) {
        uint64_t id = strings->by_id.entries[i].key;
        if (id == 0) {
            continue;
        }
        struct text text = reader_string(packing->reader, (uint32_t)id);
        enum text_change change = texts_clean(packing->texts, packing->redo.own, 0, &text);
        if (change == TEXT_SECRET) {
            text = (struct text){RL_REDACTED_TEXT, sizeof RL_REDACTED_TEXT - 1};
        }
        packing->result->changed += change != TEXT_SAME;
        dict_entry_put(entries, RL_ROW_DEF_STRING, (uint32_t)id, text.data,
                       text.len < RL_STRING_MAX ? text.len : RL_STRING_MAX);
        status = flush_entries(packing, entries, 0);
    }
    for (unsigned i = 0; i < REDO_TYPES; i++) {
        struct text name = redo_type_name((enum redo_type)i);
        dict_entry_put(entries, RL_ROW_DEF_STRING, packing->first_id + i, name.data, name.len);
    }
    return status;
}

/* Writes all definitions, used or not. */
static rl_status put_definitions(struct packing *packing)
{
    const struct reader *reader = packing->reader;
    struct bytes_out entries = {0};
    uint8_t bytes[CODE_DEF_MAX];
    rl_status status = put_strings(packing, &entries);
    for (size_t i = 0; status == RL_OK && i < reader->codes.capacity; i++) {
        const struct u64map_entry *entry = &reader->codes.entries[i];
        if (entry->key != 0) {
            size_t len = code_def_put(bytes, &reader->code_defs[entry->value - 1]);
            dict_entry_put(&entries, RL_ROW_DEF_CODE, (uint32_t)entry->key, bytes, len);
            status = flush_entries(packing, &entries, 0);
        }
    }
    status = status == RL_OK ? flush_entries(packing, &entries, 1) : status;
    bytes_out_fini(&entries);
    return status;
}

/* ---- texts of source files ---- */

/* Returns the module of a file's code. */
static struct text module_of(const struct reader *reader, struct text file)
{
    for (size_t i = 0; i < reader->code_count; i++) {
        struct text name = reader_string(reader, reader->code_defs[i].file);
        if (name.len == file.len && memcmp(name.data, file.data, file.len) == 0) {
            return reader_string(reader, reader->code_defs[i].module);
        }
    }
    return (struct text){"__main__", 8};
}

/* Appends a text without what is known, line by line. */
static void put_lines(struct packing *packing, struct text text, struct bytes_out *out)
{
    while (text.len != 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t n = end != NULL ? (size_t)(end - text.data) + 1 : text.len;
        struct text line = {text.data, n};
        if (texts_clean_known(packing->texts, &line) == TEXT_SECRET) {
            line = (struct text){RL_REDACTED_TEXT "\n", sizeof RL_REDACTED_TEXT};
        }
        bytes_put(out, line.data, line.len);
        text = (struct text){text.data + n, text.len - n};
    }
}

/* Appends the place of each mark in a text. */
static uint32_t put_marks(struct text text, struct bytes_out *marks)
{
    static const char mark[] = RL_REDACTED_TEXT;
    const size_t len = sizeof mark - 1;
    uint32_t count = 0;
    size_t before = 0;
    for (size_t i = 0; i + len <= text.len; i++) {
        if (text.data[i] == '<' && memcmp(text.data + i, mark, len) == 0) {
            bytes_put_varint(marks, i - before);
            before = i + len;
            i = before - 1;
            count++;
        }
    }
    return count;
}

/* Appends an entry with its text cleaned. */
static rl_status put_source(struct packing *packing, const struct source_entry *was,
                            struct bytes_out *entries)
{
    struct source_entry entry = *was;
    struct bytes_out text = {0}, marks = {0};
    struct clean_source clean = {0};
    struct text module = module_of(packing->reader, was->name);
    struct filter_verdict verdict;
    const struct filter_scope scope = {
        .module = {module.data, module.len},
        .qualname = {"<module>", 8},
        .name = {"<module>", 8},
        .file = {was->name.data, was->name.len},
    };
    rl_status status = filter_decide_source(packing->texts->filter, &scope, &verdict);
    if (status == RL_OK && verdict.hides_source && was->state == RL_SOURCE_TEXT) {
        entry = (struct source_entry){.name = was->name, .state = RL_SOURCE_FILTER};
    } else if (status == RL_OK && was->state == RL_SOURCE_TEXT) {
        status = source_clean(packing->texts->filter, verdict.set, was->text.data, was->text.len,
                              &clean);
        put_lines(
            packing,
            (struct text){(const char *)clean.text.data, status == RL_OK ? clean.text.len : 0},
            &text);
        if (text.len != was->text.len || memcmp(text.data, was->text.data, text.len) != 0) {
            entry.text = (struct text){(const char *)text.data, text.len};
            entry.mark_count = put_marks(entry.text, &marks);
            entry.marks = (struct text){(const char *)marks.data, marks.len};
            entry.digest = block_checksum(text.data, text.len);
            packing->result->changed++;
        }
    }
    if (texts_clean(packing->texts, NULL, 0, &entry.name) == TEXT_SECRET) {
        entry.name = (struct text){RL_REDACTED_TEXT, sizeof RL_REDACTED_TEXT - 1};
    }
    status = text.failed || marks.failed ? RL_NOMEM : status;
    if (status == RL_OK) {
        source_entry_put(entries, &entry);
    }
    clean_source_fini(&clean);
    bytes_out_fini(&text);
    bytes_out_fini(&marks);
    return status;
}

/* Writes the texts that the recording has, and why it has not others. */
static rl_status put_sources(struct packing *packing)
{
    struct source *all;
    size_t count;
    struct bytes_out entries = {0};
    rl_status status = source_all(packing->reader, &all, &count);
    for (size_t i = 0; status == RL_OK && i < count; i++) {
        status = put_source(packing, &all[i].entry, &entries);
        status = entries.failed ? RL_NOMEM : status;
        if (status == RL_OK && (entries.len > SOURCE_BYTES || i + 1 == count)) {
            status = cut_file_block(&packing->file, RL_BLOCK_SOURCE, entries.data, entries.len, 1);
            bytes_out_reset(&entries);
        }
    }
    bytes_out_fini(&entries);
    return status;
}

/* ---- other recordings ---- */

/* Copies one file into MEMBER blocks. */
static rl_status put_member(struct packing *packing, uint32_t number, const char *path)
{
    uint8_t header[RL_BLOCK_HEADER_BYTES];
    struct bytes_out stored = {0};
    uint64_t size;
    int fd = -1;
    rl_status status = RL_IO;
    if (os_open_read(path, &fd, &packing->file.os_errno) != 0 || os_file_size(fd, &size) != 0) {
        goto done;
    }
    status = RL_OK;
    for (uint64_t at = 0; status == RL_OK && at < size; at += RL_MEMBER_PIECE) {
        size_t n = size - at < RL_MEMBER_PIECE ? (size_t)(size - at) : RL_MEMBER_PIECE;
        bytes_out_reset(&stored);
        uint8_t *to = bytes_room(&stored, RL_MEMBER_PREFIX_BYTES + n + 8);
        if (to == NULL) {
            status = RL_NOMEM;
            break;
        }
        put32(to + RL_MB_NUMBER, number);
        put64(to + RL_MB_OFFSET, at);
        put64(to + RL_MB_SIZE, size);
        if (os_pread(fd, to + RL_MEMBER_PREFIX_BYTES, n, at, &packing->file.os_errno) != 0) {
            status = RL_IO;
            break;
        }
        const struct block_header block = {.type = RL_BLOCK_MEMBER,
                                           .raw = (uint32_t)n,
                                           .stored = (uint32_t)n + RL_MEMBER_PREFIX_BYTES,
                                           .prefix = RL_MEMBER_PREFIX_BYTES,
                                           .sum = block_checksum(to, n + RL_MEMBER_PREFIX_BYTES)};
        size_t span = (size_t)block_span(&block) - sizeof header;
        memset(to + block.stored, 0, span - block.stored);
        block_header_put(header, &block);
        status = cut_file_raw(&packing->file, header, sizeof header);
        status = status == RL_OK ? cut_file_raw(&packing->file, to, span) : status;
    }
done:
    if (fd >= 0) {
        os_close(fd);
    }
    bytes_out_fini(&stored);
    return status;
}

/* ---- the whole ---- */

/* Writes what was before a part. */
static rl_status put_before(struct packing *packing)
{
    const struct bytes_out *before = &packing->before;
    return before->len == 0
               ? RL_OK
               : cut_file_block(&packing->file, RL_BLOCK_BEFORE, before->data, before->len, 0);
}

/* Writes INDEX, BEFORE, SUMMARY and FOOTER. Where the recording was not closed, BEFORE alone. */
static rl_status put_end(struct packing *packing)
{
    struct reader *reader = packing->reader;
    struct cut_file *file = &packing->file;
    struct footer footer = reader->footer;
    struct block_header header;
    uint64_t at = reader->footer.summary, offset;
    uint8_t payload[RL_FOOTER_BYTES];
    if (!reader->is_complete) {
        rl_status done = put_before(packing);
        return done == RL_OK ? cut_file_flush(file) : done;
    }
    footer.index = cut_file_end(file);
    footer.summary = 0;
    footer.events = file->events;
    footer.chunks = file->chunks;
    footer.members = packing->members;
    rl_status status = file->index.failed ? RL_NOMEM
                                          : cut_file_block(file, RL_BLOCK_INDEX, file->index.data,
                                                           file->index.len, 0);
    status = status == RL_OK ? put_before(packing) : status;
    if (status == RL_OK && at != 0 && blocks_next(reader, &at, &offset, &header) == RL_OK &&
        header.type == RL_BLOCK_SUMMARY &&
        blocks_unpack(reader, offset, &header, &packing->raw) == RL_OK) {
        footer.summary = cut_file_end(file);
        status = cut_file_block(file, RL_BLOCK_SUMMARY, packing->raw.data, packing->raw.len, 0);
    }
    footer_put(payload, &footer);
    status = status == RL_OK ? cut_file_footer(file, payload) : status;
    return status == RL_OK ? cut_file_flush(file) : status;
}

/* Writes all blocks. */
static rl_status put_all(struct packing *packing, struct rl_err *err)
{
    const struct pack_question *question = packing->question;
    const struct reader *reader = packing->reader;
    rl_status status = find_first_id(packing);
    if (status != RL_OK) {
        return status;
    }
    status = cut_file_create(&packing->file, question->path, &reader->header, err);
    if (status == RL_OK) {
        block_coder_free(packing->file.coder);
        packing->file.coder = block_coder_new_small();
        status = packing->file.coder != NULL ? RL_OK : RL_NOMEM;
    }
    if (status == RL_OK) {
        status =
            cut_file_block(&packing->file, RL_BLOCK_META, question->meta, question->meta_len, 0);
    }
    uint32_t state = reader->is_being_written && !reader->is_complete ? RL_LIVE_SNAPSHOT
                     : reader->live_state != 0                        ? reader->live_state
                                                                      : RL_LIVE_RUNNING;
    status = status == RL_OK ? cut_file_control(&packing->file, reader, state) : status;
    status = status == RL_OK ? put_definitions(packing) : status;
    if (status == RL_OK && !question->hides_sources) {
        status = put_sources(packing);
    }
    status = status == RL_OK ? take_values(packing) : status;
    packing->members = question->member_count != 0 ? cut_file_end(&packing->file) : 0;
    for (size_t i = 0; status == RL_OK && i < question->member_count; i++) {
        status = put_member(packing, (uint32_t)i + 1, question->members[i]);
    }
    return status == RL_OK ? put_end(packing) : status;
}

static void packing_fini(struct packing *packing)
{
    redo_fini(&packing->redo);
    chunk_maker_fini(&packing->maker);
    tokens_fini(&packing->tokens);
    shown_again_fini(&packing->shown);
    bytes_out_fini(&packing->raw);
    bytes_out_fini(&packing->before);
}

rl_status pack_collect(struct reader *reader, struct texts *texts, int hides_values, pack_rest rest)
{
    struct pack_result ignored = {0};
    struct packing packing = {.reader = reader, .texts = texts, .result = &ignored, .rest = rest};
    texts->collects = 1;
    secrets_prepare();
    rl_status status = redo_begin(&packing.redo, texts, reader, hides_values, 0);
    status = status == RL_OK ? take_values(&packing) : status;
    packing_fini(&packing);
    texts->collects = 0;
    return status;
}

rl_status pack_write(struct reader *reader, struct texts *texts,
                     const struct pack_question *question, struct pack_result *result,
                     struct rl_err *err)
{
    struct packing packing = {.reader = reader,
                              .texts = texts,
                              .question = question,
                              .result = result,
                              .rest = question->rest};
    *result = (struct pack_result){0};
    packing.file.fd = -1;
    secrets_prepare();
    rl_status status = find_first_id(&packing);
    status = status == RL_OK ? redo_begin(&packing.redo, texts, reader, question->hides_values,
                                          packing.first_id)
                             : status;
    err->text[0] = 0;
    status = status == RL_OK ? put_all(&packing, err) : status;
    result->changed += packing.redo.changed;
    if (status != RL_OK && packing.file.fd >= 0) {
        char why[128] = "no memory for the pack";
        int ignored;
        if (status == RL_IO || (status == RL_LIMIT && packing.file.os_errno != 0)) {
            os_error_text(packing.file.os_errno, why, sizeof why);
        }
        (void)os_remove(question->path, &ignored);
        status = status_set(err, status, "%s: %s", question->path, why);
    } else if (status != RL_OK && err->text[0] == 0) {
        status = status_set(err, status, "no memory for the pack");
    }
    cut_file_close(&packing.file);
    packing_fini(&packing);
    return status;
}
