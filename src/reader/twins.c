/* Why: `diff` of two runs that are alike for millions of events costs a comparison of bytes.
 *
 * Invariant: "equal" is never a guess. No checksum decides, since a file is not trusted: bytes are
 * compared. */
#include "twins.h"

#include <string.h>

#include "follow.h"

static int is_same_text(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static int is_same_code(const struct reader *a, const struct reader *b, uint32_t id)
{
    struct code_text one = reader_code(a, id), other = reader_code(b, id);
    return is_same_text(one.module, other.module) && is_same_text(one.qualname, other.qualname) &&
           one.line == other.line && one.flags == other.flags && one.args == other.args &&
           one.name_count == other.name_count &&
           (one.name_count == 0 ||
            memcmp(one.names, other.names, one.name_count * sizeof *one.names) == 0);
}

/* Returns whether a recording defines the ids 1 to its number of ids, and no others. */
static int has_no_holes(const struct reader *reader)
{
    for (size_t id = 1; id <= reader->strings.count; id++) {
        if (!strings_has(&reader->strings, (uint32_t)id)) {
            return 0;
        }
    }
    for (size_t id = 1; id <= reader->code_count; id++) {
        if (u64map_get(&reader->codes, id) == NULL) {
            return 0;
        }
    }
    return 1;
}

int twins_share_words(const struct reader *a, const struct reader *b)
{
    if (a == b) {
        return 1;
    }
    if (!has_no_holes(a) || !has_no_holes(b)) {
        return 0;
    }
    size_t strings = a->strings.count < b->strings.count ? a->strings.count : b->strings.count;
    size_t codes = a->code_count < b->code_count ? a->code_count : b->code_count;
    for (size_t id = 1; id <= strings; id++) {
        if (!is_same_text(reader_string(a, (uint32_t)id), reader_string(b, (uint32_t)id))) {
            return 0;
        }
    }
    for (size_t id = 1; id <= codes; id++) {
        if (!is_same_code(a, b, (uint32_t)id)) {
            return 0;
        }
    }
    return 1;
}

size_t twins_find(const struct reader *reader, uint32_t thread, uint64_t seq, size_t from)
{
    const struct chunk_ref *chunks = reader->chunks;
    size_t count = reader->chunk_count;
    if (from >= count || chunks[from].info.thread != thread || chunks[from].info.first_seq > seq) {
        from = 0;
    }
    for (size_t i = from; i < count; i++) {
        const struct chunk_info *info = &chunks[i].info;
        if (info->thread == thread && seq - info->first_seq < info->events) {
            return i;
        }
    }
    return count;
}

/* Loads one chunk. RL_OK, RL_NOMEM, or another status where it cannot be read. */
static rl_status load(struct reader *reader, size_t place, struct twin *twin)
{
    struct chunk_ref ref = reader->chunks[place];
    if (ref.row_bytes != 0) {
        return RL_UNSUPPORTED; /* a slot has other bytes for the same events */
    }
    rl_status status = follow_load(reader, &ref, &twin->raw);
    if (status == RL_OK) {
        status = chunk_info_get(reader->stored.data, reader->stored.len, (uint32_t)twin->raw.len,
                                &twin->info);
    }
    return status;
}

/* Returns whether the bytes that say more than times are equal. */
static int has_same_events(const struct twin *a, const struct twin *b)
{
    const struct chunk_info *one = &a->info, *other = &b->info;
    if (one->thread != other->thread || one->events != other->events ||
        one->first_call != other->first_call || one->token_bytes != other->token_bytes ||
        one->value_bytes != other->value_bytes) {
        return 0;
    }
    return memcmp(a->raw.data, b->raw.data, one->token_bytes) == 0 &&
           memcmp(a->raw.data + one->token_bytes + one->time_bytes,
                  b->raw.data + other->token_bytes + other->time_bytes, one->value_bytes) == 0;
}

rl_status twins_load(struct reader *const readers[2], const size_t refs[2], struct twin twins[2],
                     int *are_equal)
{
    *are_equal = 0;
    rl_status status = load(readers[0], refs[0], &twins[0]);
    if (status == RL_OK && readers[0] == readers[1] && refs[0] == refs[1]) {
        *are_equal = 1;
        return RL_OK;
    }
    status = status == RL_OK ? load(readers[1], refs[1], &twins[1]) : status;
    if (status == RL_OK) {
        *are_equal = has_same_events(&twins[0], &twins[1]);
    }
    return status == RL_NOMEM ? RL_NOMEM : RL_OK;
}

void twin_fini(struct twin *twin)
{
    bytes_out_fini(&twin->raw);
}
