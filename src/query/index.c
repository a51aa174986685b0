/* Why: a wrong index would make wrong answers. So it is used as far as it is right for its
 * recording as that is now.
 *
 *    HEAD     format, digest of the recording's header, how the recording ended
 *    STRETCH     |  pairs, appended as the builder went on
 *    STATE    |
 *    OPEN     |
 *    LANDMARKS
 *
 *    HEAD is of this recording? --no--> no index
 *       | yes
 *    a pair is whole, and goes on where the one before ended? --no--> the index ends before it
 *       | yes, for all
 *    the recording has each event up to there? --no--> no index
 *       | yes
 *    it was not changed since, or its last state can be loaded? --no--> that pair is left out
 *
 * The last two matter where a recording grew, or was cut. A state names the next event of each
 * thread, so a thread that got earlier events since makes it void (cursor_save.c).
 *
 * Invariants: stretches follow each other without a hole, and begin at event 0. */
#include "index.h"

#include <string.h>

#include "alloc.h"
#include "block.h"
#include "instant.h"
#include "os.h"

enum { FORMAT = 4 };
enum { FROM_FOOTER = 1 }; /* how the recording ended: it was closed */

/* ---- the recording ---- */

/* Returns a sum of the file header, which has the run, the process and their beginnings. A part has
 * that of its whole, so what was before it is in the sum, too. 0 where it cannot be read. */
static uint64_t sum_header(const struct reader *reader)
{
    uint8_t bytes[RL_FILE_HEADER_BYTES + 8];
    size_t n = RL_FILE_HEADER_BYTES;
    int os_errno;
    if (reader_pread(reader, bytes, n, 0, &os_errno) != 0) {
        return 0;
    }
    if (reader->before.is_there) {
        const struct bytes_out *before = &reader->before.bytes;
        put64(bytes + n, block_checksum(before->data, before->len));
        n += 8;
    }
    return block_checksum(bytes, n);
}

/* Returns a sum of the last block of a closed file, and of the file's size. */
static uint64_t sum_end(const struct reader *reader)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES + RL_FOOTER_BYTES + 8];
    size_t n = sizeof bytes - 8;
    int os_errno;
    if (!reader->is_complete || reader->size < n ||
        reader_pread(reader, bytes, n, reader->size - n, &os_errno) != 0) {
        return 0;
    }
    put64(bytes + n, reader->size);
    return block_checksum(bytes, sizeof bytes);
}

void index_head_put(const struct reader *reader, struct bytes_out *out)
{
    bytes_put_varint(out, FORMAT);
    bytes_put_u64(out, sum_header(reader));
    bytes_put_varint(out, reader->is_complete ? FROM_FOOTER : 0);
    bytes_put_u64(out, sum_end(reader));
}

/* Returns whether a head is that of this recording. *is_same becomes whether the recording was
 * closed then, and is the same now. */
static int head_matches(const struct reader *reader, const struct bytes_out *head, int *is_same)
{
    struct bytes_in in = bytes_in_of(head->data, head->len);
    uint64_t format = bytes_varint(&in), header = bytes_u64(&in), end = bytes_varint(&in);
    uint64_t sum = bytes_u64(&in);
    *is_same = end == FROM_FOOTER && sum != 0 && sum == sum_end(reader);
    return !in.bad && bytes_left(&in) == 0 && format == FORMAT && header != 0 &&
           header == sum_header(reader) && (end != FROM_FOOTER || *is_same);
}

/* Returns whether the recording has each event of a thread up to this number. */
static int has_events(const struct reader *reader, uint32_t thread, uint64_t last)
{
    size_t low = 0, high = reader->chunk_count;
    uint64_t next = before_first(&reader->before, thread);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        *(reader->chunks[middle].info.thread < thread ? &low : &high) =
            reader->chunks[middle].info.thread < thread ? middle + 1 : middle;
    }
    for (; low < reader->chunk_count && reader->chunks[low].info.thread == thread; low++) {
        const struct chunk_info *info = &reader->chunks[low].info;
        if (info->first_seq != next) {
            return 0;
        }
        next += info->events;
        if (next > last) {
            return 1;
        }
    }
    return 0;
}

/* Returns whether the recording has all events of the stretches. */
static int has_all_events(const struct index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        const struct index_stretch *stretch = &index->stretches[i];
        for (size_t j = 0; j < stretch->thread_count; j++) {
            const struct index_thread *thread = &stretch->threads[j];
            const struct index_thread *later =
                i + 1 < index->count ? index_thread_of(stretch + 1, thread->thread) : NULL;
            if (thread->first <= thread->last && (later == NULL || later->first > later->last) &&
                !has_events(index->reader, thread->thread, thread->last)) {
                return 0;
            }
        }
    }
    return 1;
}

/* ---- blocks ---- */

/* Reads the block at *at, and moves *at behind it. RL_DAMAGED where there is no such block. */
static rl_status read_block(const struct index *index, uint64_t *at, enum index_block type,
                            struct bytes_out *out)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    struct block_header header;
    struct bytes_out stored = {0};
    int os_errno;
    if (os_pread(index->fd, bytes, sizeof bytes, *at, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK || header.type != type ||
        header.stored > RL_BLOCK_RAW_MAX) {
        return RL_DAMAGED;
    }
    uint64_t size;
    if (os_file_size(index->fd, &size) != 0 || block_span(&header) > size - *at) {
        return RL_DAMAGED;
    }
    uint8_t *room = bytes_room(&stored, header.stored);
    rl_status status = room == NULL ? RL_NOMEM : RL_OK;
    if (room != NULL && os_pread(index->fd, room, header.stored, *at + sizeof bytes, &os_errno)) {
        status = RL_DAMAGED;
    }
    status = status == RL_OK ? block_unpack(index->reader->coder, &header, room, out) : status;
    bytes_out_fini(&stored);
    *at += block_span(&header);
    return status == RL_NEWER ? RL_DAMAGED : status;
}

/* Moves *at behind a block of this type, without reading it. */
static rl_status skip_block(const struct index *index, enum index_block type, uint64_t *at)
{
    uint8_t bytes[RL_BLOCK_HEADER_BYTES];
    struct block_header header;
    uint64_t size;
    int os_errno;
    if (os_pread(index->fd, bytes, sizeof bytes, *at, &os_errno) != 0 ||
        block_header_get(bytes, &header) != RL_OK || header.type != type ||
        os_file_size(index->fd, &size) != 0 || block_span(&header) > size - *at) {
        return RL_DAMAGED;
    }
    *at += block_span(&header);
    return RL_OK;
}

static uint64_t memory_of(const struct index_stretch *stretch)
{
    return sizeof *stretch + stretch->thread_count * sizeof *stretch->threads +
           stretch->code_count * sizeof *stretch->codes +
           stretch->line_count * sizeof *stretch->lines +
           stretch->count_count * sizeof *stretch->counts;
}

/* Returns whether a stretch may follow those before it. */
static int is_next(const struct index *index, const struct index_stretch *stretch)
{
    return stretch->before == index->covered && stretch->events != 0 &&
           stretch->events <= index->reader->events - index->covered &&
           index->memory + memory_of(stretch) <= INDEX_MEMORY;
}

/* Takes the next pair. RL_END where there is no other one that is right. */
static rl_status take_pair(struct index *index, struct bytes_out *raw)
{
    uint64_t at = index->size;
    struct index_stretch stretch = {0};
    void *stretches = index->stretches;
    rl_status status = read_block(index, &at, INDEX_STRETCH, raw);
    status = status == RL_OK ? index_stretch_get(raw->data, raw->len, &stretch) : status;
    stretch.list = status == RL_OK && stretch.has_list ? at : 0;
    if (stretch.list != 0) {
        status = skip_block(index, INDEX_LIST, &at);
    }
    uint64_t state = at;
    status = status == RL_OK ? skip_block(index, INDEX_STATE, &at) : status;
    uint64_t open = at;
    status = status == RL_OK ? skip_block(index, INDEX_OPEN, &at) : status;
    stretch.marks = at;
    status = status == RL_OK ? skip_block(index, INDEX_LANDMARKS, &at) : status;
    if (status != RL_OK) {
        index_stretch_fini(&stretch);
        return status == RL_NOMEM ? status : RL_END;
    }
    if (!is_next(index, &stretch)) {
        index_stretch_fini(&stretch);
        return RL_END;
    }
    if (rl_grow(&stretches, &index->cap, index->count + 2, sizeof stretch) != 0) {
        index_stretch_fini(&stretch);
        return RL_NOMEM;
    }
    index->stretches = stretches;
    stretch.state = index->stretches[index->count].state;
    stretch.state_end = index->stretches[index->count].state_end;
    stretch.open = index->stretches[index->count].open;
    index->stretches[index->count++] = stretch;
    index->stretches[index->count] =
        (struct index_stretch){.state = state, .state_end = at, .open = open};
    index->covered += stretch.events;
    index->memory += memory_of(&stretch);
    index->size = at;
    return RL_OK;
}

static void drop_last(struct index *index)
{
    struct index_stretch *last = &index->stretches[--index->count];
    uint64_t state = last->state, end = last->state_end, open = last->open;
    index->covered -= last->events;
    index->memory -= memory_of(last);
    index_stretch_fini(last);
    *last = (struct index_stretch){.state = state, .state_end = end, .open = open};
    index->size = end;
    index->lives = 0;
}

/* Leaves out pairs whose state is void by now. */
static rl_status drop_void(struct index *index, struct bytes_out *raw)
{
    while (index->count != 0) {
        struct instant *instant = NULL;
        struct event_out last;
        rl_status status = index_state(index, index->count, raw);
        status = status == RL_OK ? instant_load(index->reader, raw->data, raw->len, &last, &instant)
                                 : status;
        if (status == RL_OK) {
            instant_close(instant);
        }
        if (status == RL_OK || status == RL_NOMEM) {
            return status;
        }
        drop_last(index);
        index->is_over = 0;
    }
    return RL_OK;
}

/* ---- opening ---- */

static rl_status read_all(struct index *index, struct bytes_out *raw)
{
    int is_same;
    index->stretches = rl_zalloc(1, sizeof *index->stretches);
    if (index->stretches == NULL) {
        return RL_NOMEM;
    }
    index->cap = 1;
    rl_status status = read_block(index, &index->size, INDEX_HEAD, raw);
    if (status != RL_OK || !head_matches(index->reader, raw, &is_same)) {
        return status == RL_NOMEM ? status : RL_DAMAGED;
    }
    index->stretches[0].state_end = index->size;
    while (status == RL_OK) {
        status = take_pair(index, raw);
    }
    uint64_t at = index->size;
    if (status == RL_END && skip_block(index, INDEX_LIVES, &at) == RL_OK) {
        index->lives = index->size;
    }
    index->is_over = status == RL_END && read_block(index, &at, INDEX_OVER, raw) == RL_OK;
    if (status == RL_END) {
        status = has_all_events(index) ? RL_OK : RL_DAMAGED;
    }
    return status == RL_OK && !is_same ? drop_void(index, raw) : status;
}

rl_status index_open(struct reader *reader, int fd, struct index **out)
{
    struct index *index = rl_zalloc(1, sizeof *index);
    struct bytes_out raw = {0};
    if (index == NULL) {
        os_close(fd);
        return RL_NOMEM;
    }
    index->reader = reader;
    index->fd = fd;
    rl_status status = read_all(index, &raw);
    bytes_out_fini(&raw);
    if (status != RL_OK) {
        index_close(index);
        return status;
    }
    *out = index;
    return RL_OK;
}

void index_close(struct index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t i = 0; i < index->count; i++) {
        index_stretch_fini(&index->stretches[i]);
    }
    rl_free(index->stretches);
    os_close(index->fd);
    rl_free(index);
}

rl_status index_list(const struct index *index, size_t stretch, struct bytes_out *list)
{
    uint64_t at = index->stretches[stretch].list;
    return at == 0 ? RL_DAMAGED : read_block(index, &at, INDEX_LIST, list);
}

rl_status index_state(const struct index *index, size_t stretch, struct bytes_out *state)
{
    uint64_t at = index->stretches[stretch].state;
    return at == 0 ? RL_DAMAGED : read_block(index, &at, INDEX_STATE, state);
}

rl_status index_open_calls(const struct index *index, size_t stretch, struct bytes_out *calls)
{
    uint64_t at = index->stretches[stretch].open;
    return at == 0 ? RL_DAMAGED : read_block(index, &at, INDEX_OPEN, calls);
}

rl_status index_landmarks(const struct index *index, size_t stretch, struct bytes_out *landmarks)
{
    uint64_t at = index->stretches[stretch].marks;
    return at == 0 ? RL_DAMAGED : read_block(index, &at, INDEX_LANDMARKS, landmarks);
}

rl_status index_lives(const struct index *index, struct bytes_out *lives)
{
    uint64_t at = index->lives;
    return at == 0 ? RL_DAMAGED : read_block(index, &at, INDEX_LIVES, lives);
}
