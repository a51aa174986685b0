/* Part of cursor.h: what giving events (cursor.c) and saving a place (cursor_save.c) share. Private
 * to src/reader. */
#ifndef CURSOR_PARTS_H
#define CURSOR_PARTS_H

#include "cursor.h"
#include "shown_again.h"

enum { TASKS_NESTED = 8 };

/* The chunks of one thread, and what is known of it at `rec`, its next event. */
struct stream {
    size_t next_ref, end_ref; /* into reader->chunks */
    uint64_t key;             /* ticks of `rec`, or of the next chunk's begin */
    uint64_t next_seq; /* event number that the next chunk begins with, unless some are lost */
    uint64_t seq;
    int is_loaded, is_rows;
    struct bytes_out raw;
    struct tokens tokens;
    struct rows rows;
    struct rec rec;
    struct shown_again shown;
    struct open_activation *stack; /* owned; open frames, innermost last */
    size_t depth, cap;
    struct running {
        uint32_t serial;
        uint64_t frame; /* the task's outermost frame; 0 = the next one that is entered */
    } tasks[TASKS_NESTED];
    uint32_t task_count;
    uint32_t session; /* of the thread, 0 = none */
    uint32_t thread;
    uint64_t leaving;   /* the frame that the last event left, or 0 */
    int is_after_gap;   /* events before `rec` were lost */
    uint64_t top;       /* then the innermost frame before it, 0 = none */
    uint64_t resume_at; /* the next chunk's events before this number were given */
    uint64_t skip_to;   /* the same for the loaded chunk */
    uint64_t until;     /* events before this number say what was open before the part */
};

struct cursor {
    struct reader *reader;
    struct stream *streams; /* owned */
    size_t stream_count;
    struct stream **heap; /* owned */
    size_t heap_count;
    struct stream *last;     /* of the last event */
    uint64_t last_key;       /* its ticks */
    struct stream *ended;    /* off the heap; the caller still borrows its last event's values */
    struct u64map parents;   /* open frame -> parent + 1 */
    struct u64map suspended; /* frame that has yielded -> its code */
};

/* The order of events: by time; at the same tick by thread, so that every run gives the same order.
 */
static inline int stream_comes_before(const struct stream *stream, uint64_t key, uint32_t thread)
{
    return stream->key != key ? stream->key < key : stream->thread < thread;
}

/* Makes a heap of the streams that are in the array. */
void cursor_make_heap(struct cursor *cursor);
/* Loads the next chunk of a stream and makes stream->rec its next event. RL_OK, RL_NOMEM, or RL_END
 * where the stream has no more events. */
RL_CHECKED rl_status cursor_load_stream(struct cursor *cursor, struct stream *stream);
/* Begins the streams with what was open before a part. RL_OK, RL_NOMEM or RL_DAMAGED. */
RL_CHECKED rl_status cursor_begin_part(struct cursor *cursor);
/* Takes out the frame that the last event left, and those that waited for it. */
void cursor_take_out_leaving(struct stream *stream);
/* Adds an open frame, innermost. Returns 0, or -1 without memory. */
int cursor_push(struct stream *stream, struct open_activation open);

#endif
