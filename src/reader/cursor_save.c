/* Part of cursor.h: a cursor's place as bytes.
 *
 *    a stream was     is saved as                           goes on
 *
 *    LOADED           chunk, and the number of its `rec`    when it is its turn, the chunk is
 * loaded and decoded again up to `rec` WAITING          the next chunk                        as if
 * nothing was off the heap     its last chunk                        not, unless it has got more
 * events not begun        nothing                               at its first chunk
 *
 * What the decoder of a chunk knows is not saved: a chunk needs no other one, so decoding it again
 * gives the same. A chunk is named by thread and number, which it keeps wherever it is.
 *
 * The first events of a part's thread are known by what was before (before.h), so a stream that has
 * not begun needs nothing here.
 *
 * Invariant: no event of a loaded cursor comes before the last one of the saved cursor. A file that
 * grows may get such events; then the place is void. */
#include "cursor_parts.h"

#include <string.h>

#include "alloc.h"

enum { IS_LOADED = 1, IS_AFTER_GAP = 2, IS_OVER = 4 }; /* of a stream */
enum { IS_ROOT = 1, WAITS = 2 };                       /* of an open frame */

/* ---- saving ---- */

static int is_over(const struct stream *stream)
{
    return !stream->is_loaded && stream->next_ref == stream->end_ref;
}

/* Returns whether anything is known of a stream. */
static int has_begun(const struct stream *stream, const struct reader *reader)
{
    const struct chunk_ref *next = &reader->chunks[stream->next_ref];
    return stream->is_loaded || is_over(stream) ||
           (next != reader->chunks && next[-1].info.thread == stream->thread);
}

static void save_tasks(const struct stream *stream, struct bytes_out *out)
{
    bytes_put_varint(out, stream->task_count);
    for (uint32_t i = 0; i < stream->task_count; i++) {
        bytes_put_varint(out, stream->tasks[i].serial);
        bytes_put_varint(out, stream->tasks[i].frame);
    }
}

static void save_stack(const struct stream *stream, struct bytes_out *out)
{
    uint64_t before = 0;
    bytes_put_varint(out, stream->depth);
    for (size_t i = 0; i < stream->depth; i++) {
        const struct open_activation *open = &stream->stack[i];
        bytes_put_varint(out, zigzag((int64_t)(open->frame - before)));
        bytes_put_varint(out, zigzag((int64_t)(open->caller - before)));
        bytes_put_varint(out, (open->is_root ? IS_ROOT : 0) | (open->waits ? WAITS : 0));
        bytes_put_varint(out, open->code);
        bytes_put_varint(out, open->line);
        bytes_put_varint(out, open->task);
        before = open->frame;
    }
}

static void save_stream(const struct stream *stream, const struct reader *reader,
                        struct bytes_out *out)
{
    size_t chunk = stream->is_loaded || is_over(stream) ? stream->next_ref - 1 : stream->next_ref;
    bytes_put_varint(out, stream->thread);
    bytes_put_varint(out, (stream->is_loaded ? IS_LOADED : 0) |
                              (stream->is_after_gap ? IS_AFTER_GAP : 0) |
                              (is_over(stream) ? IS_OVER : 0));
    bytes_put_varint(out, reader->chunks[chunk].info.chunk);
    bytes_put_varint(out, stream->key);
    bytes_put_varint(out, stream->seq);
    bytes_put_varint(out, stream->next_seq);
    bytes_put_varint(out, stream->session);
    bytes_put_varint(out, stream->leaving);
    bytes_put_varint(out, stream->top);
    save_tasks(stream, out);
    save_stack(stream, out);
}

static void save_map(const struct u64map *map, struct bytes_out *out)
{
    bytes_put_varint(out, map->count);
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != 0) {
            bytes_put_varint(out, map->entries[i].key);
            bytes_put_varint(out, map->entries[i].value);
        }
    }
}

void cursor_save(const struct cursor *cursor, struct bytes_out *out)
{
    size_t begun = 0;
    for (size_t i = 0; i < cursor->stream_count; i++) {
        begun += (size_t)has_begun(&cursor->streams[i], cursor->reader);
    }
    bytes_put_varint(out, cursor->last != NULL ? cursor->last->thread : 0);
    bytes_put_varint(out, cursor->last_key);
    bytes_put_varint(out, begun);
    for (size_t i = 0; i < cursor->stream_count; i++) {
        if (has_begun(&cursor->streams[i], cursor->reader)) {
            save_stream(&cursor->streams[i], cursor->reader, out);
        }
    }
    save_map(&cursor->parents, out);
    save_map(&cursor->suspended, out);
}

/* ---- loading ---- */

static rl_status load_stack(struct stream *stream, struct bytes_in *in)
{
    uint64_t before = 0;
    size_t depth = bytes_count(in);
    for (size_t i = 0; i < depth && !in->bad; i++) {
        struct open_activation open = {.frame = before + (uint64_t)unzigzag(bytes_varint(in))};
        open.caller = before + (uint64_t)unzigzag(bytes_varint(in));
        uint64_t flags = bytes_varint(in);
        open.is_root = (flags & IS_ROOT) != 0;
        open.waits = (flags & WAITS) != 0;
        open.code = bytes_varint32(in);
        open.line = bytes_varint32(in);
        open.task = bytes_varint32(in);
        before = open.frame;
        if (cursor_push(stream, open) != 0) {
            return RL_NOMEM;
        }
    }
    return in->bad ? RL_DAMAGED : RL_OK;
}

/* Moves a stream to the chunk with this number. Returns 0 where it has none. */
static int find_chunk(const struct reader *reader, struct stream *stream, uint64_t chunk)
{
    size_t low = stream->next_ref, high = stream->end_ref;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        *(reader->chunks[middle].info.chunk < chunk ? &low : &high) =
            reader->chunks[middle].info.chunk < chunk ? middle + 1 : middle;
    }
    stream->next_ref = low;
    return low < stream->end_ref && reader->chunks[low].info.chunk == chunk;
}

/* Places a stream that is at its chunk. What is known of it otherwise is loaded. */
static rl_status place_stream(struct cursor *cursor, struct stream *stream, unsigned flags)
{
    const struct chunk_info *info = &cursor->reader->chunks[stream->next_ref].info;
    rl_status status = RL_OK;
    if (flags & IS_LOADED) {
        if (stream->seq < info->first_seq || stream->seq - info->first_seq >= info->events) {
            return RL_DAMAGED;
        }
        stream->resume_at = stream->seq;
        stream->next_seq = info->first_seq;
    } else if ((flags & IS_OVER) && info->first_seq + info->events > stream->next_seq) {
        /* The chunk is a slot that has more rows now, and the time of its next event is not known
         * before it is decoded. */
        stream->resume_at = stream->seq;
        stream->next_seq = info->first_seq;
        status = cursor_load_stream(cursor, stream);
    } else if (flags & IS_OVER) {
        stream->next_ref++;
        if (stream->next_ref != stream->end_ref && info[1].ticks0 > stream->key) {
            stream->key = info[1].ticks0;
        }
    }
    return status == RL_END ? RL_OK : status;
}

static rl_status load_stream(struct cursor *cursor, struct stream *stream, struct bytes_in *in)
{
    uint64_t flags = bytes_varint(in), chunk = bytes_varint(in);
    stream->key = bytes_varint(in);
    stream->seq = bytes_varint(in);
    stream->next_seq = bytes_varint(in);
    stream->session = bytes_varint32(in);
    stream->leaving = bytes_varint(in);
    stream->top = bytes_varint(in);
    stream->is_after_gap = (flags & IS_AFTER_GAP) != 0;
    stream->task_count = bytes_varint32(in);
    if (stream->task_count > TASKS_NESTED) {
        stream->task_count = 0;
        return RL_DAMAGED;
    }
    for (uint32_t i = 0; i < stream->task_count; i++) {
        stream->tasks[i].serial = bytes_varint32(in);
        stream->tasks[i].frame = bytes_varint(in);
    }
    stream->depth = 0;
    rl_status status = load_stack(stream, in);
    if (status != RL_OK || !find_chunk(cursor->reader, stream, chunk)) {
        return status == RL_OK ? RL_DAMAGED : status;
    }
    return place_stream(cursor, stream, (unsigned)flags);
}

static rl_status load_map(struct u64map *map, struct bytes_in *in)
{
    size_t count = bytes_count(in);
    u64map_clear(map); /* of a part it may have what was before */
    for (size_t i = 0; i < count && !in->bad; i++) {
        uint64_t key = bytes_varint(in), value = bytes_varint(in);
        if (key == 0) {
            return RL_DAMAGED;
        }
        if (u64map_put(map, key, value) != 0) {
            return RL_NOMEM;
        }
    }
    return in->bad ? RL_DAMAGED : RL_OK;
}

/* Loads the streams that had begun; they come in order of their threads. */
static rl_status load_streams(struct cursor *cursor, struct bytes_in *in)
{
    rl_status status = RL_OK;
    size_t count = bytes_count(in), at = 0;
    for (size_t i = 0; i < count && status == RL_OK && !in->bad; i++) {
        uint32_t thread = bytes_varint32(in);
        while (at < cursor->stream_count && cursor->streams[at].thread < thread) {
            at++;
        }
        if (at == cursor->stream_count || cursor->streams[at].thread != thread) {
            return RL_DAMAGED;
        }
        status = load_stream(cursor, &cursor->streams[at++], in);
    }
    return in->bad && status == RL_OK ? RL_DAMAGED : status;
}

/* Puts the streams that have more events on the heap. RL_DAMAGED where one of them comes before the
 * last event. */
static rl_status fill_heap(struct cursor *cursor, uint32_t thread)
{
    cursor->heap_count = 0;
    for (size_t i = 0; i < cursor->stream_count; i++) {
        struct stream *stream = &cursor->streams[i];
        cursor->last = thread != 0 && stream->thread == thread ? stream : cursor->last;
        if (is_over(stream)) {
            continue;
        }
        if (thread != 0 && stream_comes_before(stream, cursor->last_key, thread)) {
            return RL_DAMAGED;
        }
        cursor->heap[cursor->heap_count++] = stream;
    }
    cursor_make_heap(cursor);
    return thread == 0 || cursor->last != NULL ? RL_OK : RL_DAMAGED;
}

rl_status cursor_load(struct reader *reader, const uint8_t *bytes, size_t len, struct cursor **out)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    struct cursor *cursor = NULL;
    rl_status status = cursor_open(reader, &cursor);
    if (status != RL_OK) {
        return status;
    }
    uint32_t thread = bytes_varint32(&in);
    cursor->last_key = bytes_varint(&in);
    status = load_streams(cursor, &in);
    status = status == RL_OK ? load_map(&cursor->parents, &in) : status;
    status = status == RL_OK ? load_map(&cursor->suspended, &in) : status;
    status = status == RL_OK && bytes_left(&in) != 0 ? RL_DAMAGED : status;
    status = status == RL_OK ? fill_heap(cursor, thread) : status;
    if (status != RL_OK) {
        cursor_close(cursor);
        return status;
    }
    *out = cursor;
    return RL_OK;
}

/* ---- a part ---- */

void cursor_settle(struct cursor *cursor)
{
    for (size_t i = 0; i < cursor->stream_count; i++) {
        cursor_take_out_leaving(&cursor->streams[i]);
    }
}

void cursor_put_thread(const struct cursor *cursor, uint32_t thread, uint64_t first, uint64_t until,
                       uint32_t session, struct bytes_out *out)
{
    static const struct stream nothing;
    const struct stream *found = &nothing;
    for (size_t i = 0; i < cursor->stream_count; i++) {
        if (cursor->streams[i].thread == thread) {
            found = &cursor->streams[i];
        }
    }
    bytes_put_varint(out, thread);
    bytes_put_varint(out, first);
    bytes_put_varint(out, until);
    bytes_put_varint(out, session);
    save_tasks(found, out);
    save_stack(found, out);
}

void cursor_put_frames(const struct cursor *cursor, struct bytes_out *out)
{
    save_map(&cursor->parents, out);
    save_map(&cursor->suspended, out);
}

static rl_status copy_map(struct u64map *to, const struct u64map *from)
{
    for (size_t i = 0; i < from->capacity; i++) {
        if (from->entries[i].key != 0 &&
            u64map_put(to, from->entries[i].key, from->entries[i].value) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

/* Begins a stream with what was open in its thread, unless it begins behind its first chunk. */
static rl_status begin_stream(const struct reader *reader, struct stream *stream, int *has_begun)
{
    const struct before_thread *thread = before_thread_of(&reader->before, stream->thread);
    const struct chunk_ref *first = &reader->chunks[stream->next_ref];
    if (thread == NULL || (first != reader->chunks && first[-1].info.thread == stream->thread)) {
        return RL_OK;
    }
    struct bytes_in in = thread->stack;
    *has_begun = 1;
    stream->until = thread->until;
    stream->next_seq = thread->first;
    stream->session = thread->session;
    for (uint32_t i = 0; i < thread->task_count; i++) {
        stream->tasks[i] = (struct running){thread->tasks[i].task, thread->tasks[i].frame};
    }
    stream->task_count = thread->task_count;
    return load_stack(stream, &in);
}

rl_status cursor_begin_part(struct cursor *cursor)
{
    const struct reader *reader = cursor->reader;
    rl_status status = RL_OK;
    int has_begun = 0;
    for (size_t i = 0; i < cursor->stream_count && status == RL_OK; i++) {
        status = begin_stream(reader, &cursor->streams[i], &has_begun);
    }
    if (status != RL_OK || !has_begun) {
        return status;
    }
    status = copy_map(&cursor->parents, &reader->before.parents);
    return status == RL_OK ? copy_map(&cursor->suspended, &reader->before.suspended) : status;
}
