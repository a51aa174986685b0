/* Why: one stream of events out of the chunks of many threads.
 *
 *   heap of streams, smallest key first          a stream: the chunks of one thread, in order
 *
 *      T2 @ 105                                  WAITING   key = first tick of the next chunk
 *      /      \                                     | its turn: load_next_chunk()
 *   T1 @ 120  T3 @ 131                           LOADED    key = ticks of `rec`, the next event
 *                                                    | its turn: describe_event(), advance_stream()
 *                                                    | the chunk ends: WAITING, or off the heap
 *
 * Invariants:
 *  1. At most one chunk of a thread is decoded at a time; a waiting stream holds none.
 *  2. The key of a stream never decreases: time in a thread does not go back.
 *  3. A frame that an event leaves stays in the stack until the next event of its thread.
 *  4. The line of a frame is known while a frame above it is open.
 *  5. After a gap in the event numbers, the stack begins again with the frame that the chunk names.
 */
#include "cursor_parts.h"

#include <string.h>

#include "after_exception.h"
#include "alloc.h"
#include "follow.h"

static int comes_before(const struct stream *a, const struct stream *b)
{
    return stream_comes_before(a, b->key, b->thread);
}

/* Moves a stream down the heap until both streams below it come later. */
static void sift_down(struct cursor *cursor, size_t i)
{
    struct stream **heap = cursor->heap;
    for (;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < cursor->heap_count && comes_before(heap[left], heap[least])) {
            least = left;
        }
        if (right < cursor->heap_count && comes_before(heap[right], heap[least])) {
            least = right;
        }
        if (least == i) {
            return;
        }
        struct stream *swap = heap[i];
        heap[i] = heap[least];
        heap[least] = swap;
        i = least;
    }
}

void cursor_make_heap(struct cursor *cursor)
{
    for (size_t i = cursor->heap_count / 2 + 1; i-- > 0;) {
        sift_down(cursor, i);
    }
}

void cursor_close(struct cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    for (size_t i = 0; i < cursor->stream_count; i++) {
        bytes_out_fini(&cursor->streams[i].raw);
        tokens_fini(&cursor->streams[i].tokens);
        shown_again_fini(&cursor->streams[i].shown);
        rl_free(cursor->streams[i].stack);
    }
    rl_free(cursor->streams);
    rl_free(cursor->heap);
    u64map_fini(&cursor->parents);
    u64map_fini(&cursor->suspended);
    rl_free(cursor);
}

/* Opens a cursor over a part of the table of chunks: whole threads, or the end of one. */
static rl_status open_chunks(struct reader *reader, size_t first, size_t end, struct cursor **out)
{
    const struct chunk_ref *chunks = reader->chunks;
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        count += i == first || chunks[i].info.thread != chunks[i - 1].info.thread;
    }
    struct cursor *cursor = rl_zalloc(1, sizeof *cursor);
    if (cursor == NULL) {
        return RL_NOMEM;
    }
    cursor->reader = reader;
    __atomic_store_n(&reader->loaded, 0, __ATOMIC_RELAXED);
    cursor->streams = rl_zalloc(count, sizeof *cursor->streams);
    cursor->heap = rl_zalloc(count, sizeof *cursor->heap);
    if (cursor->streams == NULL || cursor->heap == NULL) {
        cursor_close(cursor);
        return RL_NOMEM;
    }
    for (size_t i = first; i < end; i++) {
        const struct chunk_info *info = &chunks[i].info;
        if (i == first || info->thread != chunks[i - 1].info.thread) {
            struct stream *stream = &cursor->streams[cursor->stream_count++];
            stream->next_ref = i;
            stream->thread = info->thread;
            stream->key = info->ticks0;
        }
        cursor->streams[cursor->stream_count - 1].end_ref = i + 1;
    }
    for (size_t i = 0; i < cursor->stream_count; i++) {
        cursor->heap[cursor->heap_count++] = &cursor->streams[i];
    }
    cursor_make_heap(cursor);
    rl_status status = reader->before.is_there ? cursor_begin_part(cursor) : RL_OK;
    if (status != RL_OK) {
        cursor_close(cursor);
        return status;
    }
    *out = cursor;
    return RL_OK;
}

rl_status cursor_open(struct reader *reader, struct cursor **out)
{
    return open_chunks(reader, 0, reader->chunk_count, out);
}

rl_status cursor_open_thread(struct reader *reader, uint32_t thread, uint64_t seq,
                             struct cursor **out)
{
    size_t first = 0, end;
    while (first < reader->chunk_count && reader->chunks[first].info.thread != thread) {
        first++;
    }
    for (end = first; end < reader->chunk_count && reader->chunks[end].info.thread == thread;) {
        const struct chunk_info *info = &reader->chunks[end++].info;
        first = info->first_seq + info->events <= seq ? end : first;
    }
    return open_chunks(reader, first, end, out);
}

int cursor_push(struct stream *stream, struct open_activation open)
{
    void *stack = stream->stack;
    if (rl_grow(&stack, &stream->cap, stream->depth + 1, sizeof *stream->stack) != 0) {
        return -1;
    }
    stream->stack = stack;
    stream->stack[stream->depth++] = open;
    return 0;
}

/* Returns the frame in the stack, or NULL. Searches from the top: most events are about the top. */
static struct open_activation *find_activation(const struct stream *stream, uint64_t frame)
{
    for (size_t i = stream->depth; i-- > 0;) {
        if (stream->stack[i].frame == frame) {
            return &stream->stack[i];
        }
    }
    return NULL;
}

/* Takes a frame out of the stack, wherever it is. Returns whether it was there. */
static int take_out(struct stream *stream, uint64_t frame, struct open_activation *taken)
{
    struct open_activation *at = find_activation(stream, frame);
    if (at == NULL) {
        return 0;
    }
    *taken = *at;
    memmove(at, at + 1, (size_t)(stream->stack + stream->depth - at - 1) * sizeof *at);
    stream->depth--;
    if (stream->depth != 0) {
        struct open_activation *top = &stream->stack[stream->depth - 1];
        top->line = at > top ? 0 : top->line; /* it runs on */
    }
    return 1;
}

void cursor_take_out_leaving(struct stream *stream)
{
    struct open_activation taken = {.frame = stream->leaving};
    const struct open_activation *outer;
    while (taken.frame != 0 && take_out(stream, taken.frame, &taken)) {
        outer = find_activation(stream, taken.caller);
        taken.frame = outer != NULL && outer->waits ? outer->frame : 0;
    }
    stream->leaving = 0;
}

/* Puts a frame that waits below the open frame `above`, which it delegates to. Does nothing where
 * the code of the frame is not known. RL_OK or RL_NOMEM. */
static rl_status insert_waiting(const struct cursor *cursor, struct stream *stream, uint64_t frame,
                                uint64_t above)
{
    const uint64_t *code = u64map_get(&cursor->suspended, frame);
    if (code == NULL || find_activation(stream, above) == NULL) {
        return RL_OK;
    }
    if (cursor_push(stream, (struct open_activation){0}) != 0) {
        return RL_NOMEM;
    }
    struct open_activation *place = find_activation(stream, above), *inner = place + 1;
    memmove(inner, place, (size_t)(stream->stack + stream->depth - inner) * sizeof *place);
    *place = (struct open_activation){frame, inner->caller, inner->is_root, 1, (uint32_t)*code,
                                      0,     inner->task};
    inner->caller = frame;
    inner->is_root = 0;
    return RL_OK;
}

/* Takes the lines of the callers that an exception's values name (after_exception.h), and the
 * frames among them that wait. RL_OK or RL_NOMEM. */
static rl_status take_lines(const struct cursor *cursor, struct stream *stream,
                            const struct rec *rec)
{
    uint64_t frame, above = rec->frame;
    uint32_t line;
    struct after_exception after =
        after_exception_of(rec->kind, rec->frame, rec->data, rec->data_len);
    while (after_exception_caller(&after, &frame, &line)) {
        if (find_activation(stream, frame) == NULL &&
            insert_waiting(cursor, stream, frame, above) != RL_OK) {
            return RL_NOMEM;
        }
        struct open_activation *open = find_activation(stream, frame);
        if (open != NULL) {
            open->line = line;
            above = frame;
        }
    }
    return RL_OK;
}

/* Loads the next chunk of a stream and sets its decoder. After a gap, the session of the thread is
 * not known; begin_after_gap() does the rest with the next event. */
static rl_status load_next_chunk(struct cursor *cursor, struct stream *stream)
{
    struct reader *reader = cursor->reader;
    struct chunk_ref ref = reader->chunks[stream->next_ref++];
    rl_status status = follow_load(reader, &ref, &stream->raw);
    if (status == RL_OK && ref.row_bytes == 0) {
        /* The prefix has all fields; the index has some of them. */
        status = chunk_info_get(reader->stored.data, reader->stored.len, (uint32_t)stream->raw.len,
                                &ref.info);
    }
    if (status != RL_OK) {
        if (status != RL_NOMEM && !reader_is_reused(reader)) {
            reader_problem(reader, "thread %u: chunk %llu at byte %llu is damaged, %u events lost",
                           stream->thread, (unsigned long long)ref.info.chunk,
                           (unsigned long long)ref.offset, ref.info.events);
        }
        return status;
    }
    if (ref.info.first_seq != stream->next_seq || ref.info.thread != stream->thread) {
        stream->session = 0;
        stream->is_after_gap = 1;
        stream->top = ref.info.top;
    }
    stream->next_seq = ref.info.first_seq + ref.info.events;
    stream->seq = ref.info.first_seq;
    stream->is_rows = ref.row_bytes != 0;
    stream->is_loaded = 1;
    stream->skip_to = stream->resume_at;
    stream->resume_at = 0;
    shown_again_begin(&stream->shown);
    if (stream->is_rows) {
        stream->rows = rows_of(&ref.info, stream->raw.data, stream->raw.len);
    } else {
        tokens_begin(&stream->tokens, &ref.info, stream->raw.data);
    }
    return RL_OK;
}

/* Makes stream->rec the next event (*has_rec), or sets the key of the next chunk. RL_END where the
 * stream has no more chunks. */
static rl_status advance_stream(struct cursor *cursor, struct stream *stream, int *has_rec)
{
    *has_rec = 0;
    while (stream->is_loaded) {
        rl_status status = stream->is_rows ? rows_next(&stream->rows, &stream->rec)
                                           : tokens_next(&stream->tokens, &stream->rec);
        if (status == RL_OK && stream->rec.kind >= RL_EVENT_KINDS) {
            continue;
        }
        if (status == RL_OK && stream->seq < stream->skip_to) {
            stream->seq++;
            if (shown_again_put(&stream->shown, &stream->rec) != RL_OK) {
                return RL_NOMEM;
            }
            continue;
        }
        if (status == RL_OK && kind_switches_session(stream->rec.kind, stream->rec.data_len)) {
            stream->session = stream->rec.id;
            stream->seq++;
            continue;
        }
        if (status == RL_OK) {
            stream->key = stream->rec.ticks > stream->key ? stream->rec.ticks : stream->key;
            *has_rec = 1;
            return RL_OK;
        }
        stream->is_loaded = 0;
        if (status == RL_NOMEM) {
            return status;
        }
        if (status == RL_DAMAGED) {
            stream->next_seq = UINT64_MAX; /* the rest of the chunk is lost */
            reader_problem(cursor->reader, "thread %u: a chunk is damaged after event %llu",
                           stream->thread, (unsigned long long)stream->seq);
        }
    }
    if (stream->next_ref == stream->end_ref) {
        return RL_END;
    }
    uint64_t ticks = cursor->reader->chunks[stream->next_ref].info.ticks0;
    stream->key = ticks > stream->key ? ticks : stream->key;
    return RL_OK; /* load_next_chunk() follows when it is the stream's turn */
}

/* Returns the task that an event belongs to:
 *
 *   task_switch 3   call f    ...   line   ...   yield f    call g
 *   '--- task 3 from here ------------------------------'   no task, or the one around it
 *
 * A TASK_SWITCH announces the task; it runs from the
 * entry of its outermost frame until that frame is left. */
static uint32_t task_of(struct stream *stream, const struct rec *rec)
{
    struct running *top = stream->task_count != 0 ? &stream->tasks[stream->task_count - 1] : NULL;
    if (rec->kind == RL_EVENT_TASK_SWITCH) {
        if (stream->task_count < TASKS_NESTED) {
            stream->tasks[stream->task_count++] = (struct running){(uint32_t)rec->frame, 0};
        }
        return (uint32_t)rec->frame;
    }
    if (rec->kind == RL_EVENT_TASK_START || rec->kind == RL_EVENT_TASK_END) {
        return (uint32_t)rec->frame;
    }
    if (top == NULL) {
        return 0;
    }
    uint32_t serial = top->serial;
    if (top->frame == 0 && kind_enters(rec->kind)) {
        top->frame = rec->frame;
    } else if (top->frame == rec->frame && kind_leaves(rec->kind)) {
        stream->task_count--;
    }
    return serial;
}

/* After lost events, what was known of the thread's frames and tasks no longer holds. */
static rl_status begin_after_gap(struct stream *stream)
{
    stream->depth = 0;
    stream->task_count = 0;
    stream->leaving = 0;
    stream->is_after_gap = 0;
    if (stream->top == 0) {
        return RL_OK;
    }
    return cursor_push(stream, (struct open_activation){.frame = stream->top}) == 0 ? RL_OK
                                                                                    : RL_NOMEM;
}

/* Fills *event from an event that says what was open before a part. All of that is known already,
 * so it changes nothing. */
static void describe_before(struct cursor *cursor, struct stream *stream, struct event_out *event)
{
    const struct rec *rec = &stream->rec;
    const struct open_activation *open = find_activation(stream, rec->frame);
    const uint64_t *parent =
        kind_begins(rec->kind) && rec->frame != 0 ? u64map_get(&cursor->parents, rec->frame) : NULL;
    int is_of_task = rec->kind >= RL_EVENT_TASK_START && rec->kind <= RL_EVENT_TASK_END;
    *event = (struct event_out){
        .kind = rec->kind,
        .thread = stream->thread,
        .id = rec->id,
        .exc = rec->exc,
        .line = rec->line,
        .seq = stream->seq++,
        .t = reader_time(cursor->reader, stream->key),
        .ticks = stream->key,
        .frame = rec->frame,
        .parent = parent != NULL ? *parent - 1 : 0,
        .parent_is_known = parent != NULL,
        .task = is_of_task                               ? (uint32_t)rec->frame
                : kind_begins(rec->kind) && open != NULL ? open->task
                                                         : 0,
        .session = stream->session,
        .is_of_before = 1,
    };
}

/* Fills *event from stream->rec and follows the stack: a switch moves a frame to the top first. */
static rl_status describe_event(struct cursor *cursor, struct stream *stream,
                                struct event_out *event)
{
    struct rec *rec = &stream->rec;
    struct open_activation moved;
    int is_after_gap = stream->is_after_gap;
    if (shown_again_put(&stream->shown, rec) != RL_OK) {
        return RL_NOMEM;
    }
    if (stream->seq < stream->until) {
        describe_before(cursor, stream, event);
        return RL_OK;
    }
    cursor_take_out_leaving(stream);
    if (is_after_gap && begin_after_gap(stream) != RL_OK) {
        return RL_NOMEM;
    }
    *event = (struct event_out){
        .kind = rec->kind,
        .thread = stream->thread,
        .id = rec->id,
        .exc = rec->exc,
        .line = rec->line,
        .seq = stream->seq++,
        .t = reader_time(cursor->reader, stream->key),
        .ticks = stream->key,
        .frame = rec->frame,
        .values = rec->data,
        .values_len = rec->data_len,
        .task = task_of(stream, rec),
        .session = stream->session,
        .is_after_gap = is_after_gap,
    };
    if (rec->has_switch && rec->switch_to != 0 && take_out(stream, rec->switch_to, &moved)) {
        moved.line = 0;
        if (cursor_push(stream, moved) != 0) {
            return RL_NOMEM;
        }
    }
    int is_root = stream->depth == 0 || (rec->has_switch && rec->switch_to == 0);
    uint64_t caller = is_root ? 0 : stream->stack[stream->depth - 1].frame;
    if (rec->data_len != 0 && (rec->kind == RL_EVENT_RAISE || rec->kind == RL_EVENT_UNWIND) &&
        take_lines(cursor, stream, rec) != RL_OK) {
        return RL_NOMEM;
    }
    if (kind_begins(rec->kind)) {
        event->parent = caller;
        event->parent_is_known = 1;
        if (rec->frame != 0 && u64map_put(&cursor->parents, rec->frame, event->parent + 1) != 0) {
            return RL_NOMEM;
        }
    } else if (rec->frame != 0) {
        const uint64_t *parent = u64map_get(&cursor->parents, rec->frame);
        event->parent = parent != NULL ? *parent - 1 : 0;
        event->parent_is_known = parent != NULL;
    }
    if (kind_enters(rec->kind)) {
        struct open_activation open = {rec->frame, caller, is_root, 0, rec->id, 0, event->task};
        return cursor_push(stream, open) == 0 ? RL_OK : RL_NOMEM;
    }
    if (kind_leaves(rec->kind)) {
        stream->leaving = rec->frame;
        if (kind_ends(rec->kind)) {
            (void)u64map_remove(&cursor->parents, rec->frame, NULL);
            (void)u64map_remove(&cursor->suspended, rec->frame, NULL);
        } else if (rec->frame != 0 && u64map_put(&cursor->suspended, rec->frame, rec->id) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

rl_status cursor_load_stream(struct cursor *cursor, struct stream *stream)
{
    rl_status status = RL_OK;
    for (int has_rec = 0; status == RL_OK && !has_rec;) {
        status = load_next_chunk(cursor, stream);
        if (status != RL_NOMEM) {
            status = advance_stream(cursor, stream, &has_rec);
        }
    }
    return status;
}

rl_status cursor_peek(struct cursor *cursor, struct event_out *event)
{
    while (cursor->heap_count != 0) {
        struct stream *stream = cursor->heap[0];
        int has_rec = 0;
        if (stream->is_loaded) {
            *event = (struct event_out){.thread = stream->thread,
                                        .seq = stream->seq,
                                        .ticks = stream->key,
                                        .is_of_before = stream->seq < stream->until};
            return RL_OK;
        }
        rl_status status = load_next_chunk(cursor, stream);
        status = status != RL_NOMEM ? advance_stream(cursor, stream, &has_rec) : status;
        if (status == RL_NOMEM) {
            return status;
        }
        if (status == RL_END) {
            cursor->heap[0] = cursor->heap[--cursor->heap_count];
        }
        sift_down(cursor, 0);
    }
    return RL_END;
}

rl_status cursor_next(struct cursor *cursor, struct event_out *event)
{
    if (cursor->ended != NULL) {
        bytes_out_fini(&cursor->ended->raw);
        cursor->ended = NULL;
    }
    while (cursor->heap_count != 0) {
        struct stream *stream = cursor->heap[0];
        rl_status status = RL_OK;
        int has_rec = 0, is_given = 0;
        if (stream->is_loaded) {
            status = describe_event(cursor, stream, event);
            cursor->last = stream;
            cursor->last_key = stream->key;
            is_given = 1;
        } else {
            status = load_next_chunk(cursor, stream);
        }
        if (status == RL_NOMEM) {
            return status;
        }
        status = advance_stream(cursor, stream, &has_rec);
        if (status == RL_NOMEM) {
            return status;
        }
        if (status == RL_END) {
            cursor->ended = stream;
            cursor->heap[0] = cursor->heap[--cursor->heap_count];
        }
        sift_down(cursor, 0);
        if (is_given) {
            return RL_OK;
        }
    }
    return RL_END;
}

const struct open_activation *cursor_stack(const struct cursor *cursor, size_t *depth)
{
    *depth = cursor->last != NULL ? cursor->last->depth : 0;
    return *depth != 0 ? cursor->last->stack : NULL;
}

size_t cursor_threads(const struct cursor *cursor)
{
    return cursor->stream_count;
}

const struct open_activation *cursor_thread_stack(struct cursor *cursor, size_t index,
                                                  uint32_t *thread, size_t *depth)
{
    struct stream *stream = &cursor->streams[index];
    if (stream != cursor->last) {
        cursor_take_out_leaving(stream);
    }
    *thread = stream->thread;
    *depth = stream->depth;
    return stream->stack;
}

int cursor_has_more_below(const struct cursor *cursor, uint32_t thread)
{
    for (size_t i = 0; i < cursor->heap_count; i++) {
        if (cursor->heap[i]->thread < thread) {
            return 1;
        }
    }
    return 0;
}
