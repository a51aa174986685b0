/* Why: an answer shows the line that ran, and the file on disk may have another one by now.
 *
 * Invariants: texts of one recording take at most SOURCE_BYTES_MAX; further blocks are a problem in
 * words. The first entry of a name counts. A block that is not in its place has moved while the
 * recording was closed: then the file is searched for all of them again. */
#include "source.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "block.h"
#include "blocks.h"
#include "os.h"
#include "source_table.h"

#define SOURCE_BYTES_MAX (UINT64_C(4) * RL_SOURCE_TEXT_MAX)

enum { TRIES = 4, PATH_MOST = 4096 };

rl_status source_note_block(struct reader *reader, uint64_t offset)
{
    void *blocks = reader->source_blocks;
    if (rl_grow(&blocks, &reader->source_block_cap, reader->source_block_count + 1,
                sizeof *reader->source_blocks) != 0) {
        return RL_NOMEM;
    }
    reader->source_blocks = blocks;
    reader->source_blocks[reader->source_block_count++] = offset;
    return RL_OK;
}

/* ---- lines ---- */

/* Returns the length of the line's end at i: 2 for CR LF, 1 for CR or LF, 0 where none is. */
static size_t line_end_at(struct text text, size_t i)
{
    int is_pair = text.data[i] == '\r' && i + 1 < text.len && text.data[i + 1] == '\n';
    return is_pair ? 2 : text.data[i] == '\n' || text.data[i] == '\r';
}

/* Finds where lines begin. */
static rl_status find_lines(struct source *source)
{
    struct text text = source->entry.text;
    uint32_t count = text.len != 0;
    for (size_t i = 0, n; i < text.len; i += n != 0 ? n : 1) {
        n = line_end_at(text, i);
        count += n != 0 && i + n < text.len;
    }
    source->lines = rl_alloc(count, sizeof *source->lines);
    if (source->lines == NULL) {
        return RL_NOMEM;
    }
    uint32_t *next = source->lines;
    if (count != 0) {
        *next++ = 0;
    }
    for (size_t i = 0, n; i < text.len; i += n != 0 ? n : 1) {
        n = line_end_at(text, i);
        if (n != 0 && i + n < text.len) {
            *next++ = (uint32_t)(i + n);
        }
    }
    source->line_count = count;
    return RL_OK;
}

struct text source_line(const struct source *source, uint32_t line)
{
    struct text text = source->entry.text;
    if (line == 0 || line > source->line_count) {
        return (struct text){NULL, 0};
    }
    size_t begin = source->lines[line - 1];
    size_t end = line < source->line_count ? source->lines[line] : text.len;
    while (end > begin && (text.data[end - 1] == '\n' || text.data[end - 1] == '\r')) {
        end--;
    }
    return (struct text){text.data + begin, end - begin};
}

/* ---- blocks ---- */

/* Adds an entry, unless its name has one. */
static rl_status add_source(struct source_table *read, const struct source_entry *entry)
{
    void *all = read->all;
    if (strmap_get(&read->by_name, entry->name.data, entry->name.len) != NULL) {
        return RL_OK;
    }
    if (rl_grow(&all, &read->cap, read->count + 1, sizeof *read->all) != 0) {
        return RL_NOMEM;
    }
    read->all = all;
    struct source *source = &read->all[read->count];
    *source = (struct source){.entry = *entry};
    if (find_lines(source) != RL_OK) {
        return RL_NOMEM;
    }
    read->count++;
    return strmap_put(&read->by_name, entry->name.data, entry->name.len, (uint32_t)read->count) == 0
               ? RL_OK
               : RL_NOMEM;
}

/* Keeps a copy of a decoded block. Returns NULL without memory. */
static uint8_t *keep_payload(struct source_table *read, const struct bytes_out *raw)
{
    void *payloads = read->payloads;
    uint8_t *copy = rl_alloc(raw->len + 1, 1);
    if (copy == NULL ||
        rl_grow(&payloads, &read->payload_cap, read->payload_count + 1, sizeof *read->payloads)) {
        rl_free(copy);
        return NULL;
    }
    memcpy(copy, raw->data, raw->len);
    read->payloads = payloads;
    read->payloads[read->payload_count++] = copy;
    read->bytes += raw->len;
    return copy;
}

/* Takes the entries of one block. RL_DAMAGED where it is none, or not whole. */
static rl_status read_source_block(struct reader *reader, struct source_table *read,
                                   uint64_t offset)
{
    struct block_header header;
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    int os_errno;
    if (reader_pread(reader, bytes, sizeof bytes, offset, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK || header.type != RL_BLOCK_SOURCE) {
        return RL_DAMAGED;
    }
    if (read->bytes + header.raw > SOURCE_BYTES_MAX) {
        reader_problem(reader, "more than %u MiB of source texts: the rest is left out",
                       (unsigned)(SOURCE_BYTES_MAX >> 20));
        return RL_OK;
    }
    rl_status status = blocks_unpack(reader, offset, &header, &reader->raw);
    if (status != RL_OK) {
        return status;
    }
    uint8_t *payload = keep_payload(read, &reader->raw);
    struct bytes_in in = bytes_in_of(payload, payload != NULL ? reader->raw.len : 0);
    struct source_entry entry;
    status = payload != NULL ? RL_OK : RL_NOMEM;
    while (status == RL_OK && source_entry_get(&in, &entry)) {
        if (entry.state == RL_SOURCE_TEXT &&
            !block_sum_matches(entry.text.data, entry.text.len, entry.digest)) {
            in.bad = 1;
            break;
        }
        status = add_source(read, &entry);
    }
    return status == RL_OK && in.bad ? RL_DAMAGED : status;
}

/* Searches the whole file for SOURCE blocks: they have moved, or more have come. */
static rl_status find_blocks(struct reader *reader)
{
    uint64_t at = RL_FILE_HEADER_BYTES, offset;
    struct block_header header;
    rl_status status = RL_OK;
    reader->source_block_count = 0;
    if (os_file_size(reader->fd, &reader->size) != 0) {
        return RL_OK;
    }
    while (status == RL_OK && blocks_next(reader, &at, &offset, &header) == RL_OK) {
        status = header.type == RL_BLOCK_SOURCE ? source_note_block(reader, offset) : RL_OK;
    }
    return status;
}

/* Reads all blocks that were noted. *is_whole becomes whether each was in its place. */
static rl_status read_noted(struct reader *reader, struct source_table *read, int *is_whole)
{
    *is_whole = 1;
    for (size_t i = 0; i < reader->source_block_count; i++) {
        rl_status status = read_source_block(reader, read, reader->source_blocks[i]);
        if (status == RL_NOMEM) {
            return status;
        }
        if (status != RL_OK) {
            *is_whole = 0;
            if (!reader->is_being_written) {
                reader_problem(reader, "the source texts at byte %llu are damaged",
                               (unsigned long long)reader->source_blocks[i]);
            }
        }
    }
    return RL_OK;
}

/* Reads the texts, at the first question. */
static rl_status read_sources(struct reader *reader)
{
    if (reader->sources != NULL) {
        return RL_OK;
    }
    reader->sources = rl_zalloc(1, sizeof *reader->sources);
    rl_status status = reader->sources != NULL ? RL_OK : RL_NOMEM;
    int is_whole = 0;
    for (int i = 0; status == RL_OK && !is_whole && i < TRIES; i++) {
        if (reader->is_being_written) {
            status = find_blocks(reader);
        }
        status = status == RL_OK ? read_noted(reader, reader->sources, &is_whole) : status;
        if (!reader->is_being_written) {
            break;
        }
    }
    return status;
}

/* ---- questions ---- */

static struct source *look_up(const struct reader *reader, struct text name)
{
    const uint32_t *place = strmap_get(&reader->sources->by_name, name.data, name.len);
    return place != NULL ? &reader->sources->all[*place - 1] : NULL;
}

rl_status source_find(struct reader *reader, struct text name, struct source **out)
{
    *out = NULL;
    rl_status status = read_sources(reader);
    if (status == RL_OK) {
        *out = look_up(reader, name);
    }
    return status;
}

rl_status source_all(struct reader *reader, struct source **out, size_t *count)
{
    rl_status status = read_sources(reader);
    *out = status == RL_OK ? reader->sources->all : NULL;
    *count = status == RL_OK ? reader->sources->count : 0;
    return status;
}

enum source_disk source_on_disk(struct source *source, const char *folder)
{
    char path[PATH_MOST];
    struct text name = source->entry.name;
    struct bytes_out raw = {0}, decoded = {0};
    uint64_t mtime;
    enum os_text_failure why;
    if (source->disk != SOURCE_NOT_ASKED) {
        return (enum source_disk)source->disk;
    }
    int is_whole = name.len != 0 && name.data[0] == '/';
    int n = snprintf(path, sizeof path, "%s%s%.*s", is_whole ? "" : folder, is_whole ? "" : "/",
                     (int)name.len, name.data);
    source->disk = SOURCE_NO_FILE;
    if (n > 0 && (size_t)n < sizeof path && (is_whole || folder[0] == '/') &&
        os_read_text(path, RL_SOURCE_TEXT_MAX, &raw, &mtime, &why) == 0) {
        struct text bytes = {(const char *)raw.data, raw.len}, text;
        int is_same = source_decode(bytes, &decoded, &text) == RL_OK &&
                      source_is_text_of(&source->entry, text);
        source->disk = is_same ? SOURCE_SAME : SOURCE_OTHER_TEXT;
    }
    bytes_out_fini(&raw);
    bytes_out_fini(&decoded);
    return (enum source_disk)source->disk;
}
