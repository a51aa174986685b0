/* The merged stream of a recording's events. It adds what an event alone does not say: its number,
 * caller, task and session, and the frames that are open. */
#ifndef CURSOR_H
#define CURSOR_H

#include "reader.h"

/* One event of the merged stream. */
struct event_out {
    uint8_t kind; /* enum rl_event_kind */
    uint32_t thread;
    uint32_t id;
    uint32_t exc, line;
    uint64_t seq;
    uint64_t t;     /* ns since the run's start */
    uint64_t ticks; /* the same by the recording's clock: while a file grows, t changes a little */
    uint64_t frame;
    uint64_t parent; /* frame of the caller; 0 = none, or not known */
    int parent_is_known;
    int is_after_gap;      /* events of the thread right before this one were lost */
    int is_of_before;      /* it says what was open before the first event of a part (before.h) */
    uint32_t task;         /* serial of the running task, 0 = none */
    uint32_t session;      /* number of the thread's session, 0 = none */
    const uint8_t *values; /* captured values (value.h); borrowed until the next event */
    uint32_t values_len;
};

/* Gives all events in order of time; within a thread in order of seq. */
struct cursor;
/* Begins at the first event. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status cursor_open(struct reader *reader, struct cursor **out);
/* Gives the events of one thread alone, from the chunk on that has event `seq`, or that follows it
 * where that is lost. What was open before that chunk is not known. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status cursor_open_thread(struct reader *reader, uint32_t thread, uint64_t seq,
                                        struct cursor **out);
/* Gives the next event. RL_OK, RL_END or RL_NOMEM: a damaged chunk becomes a problem and is
 * skipped. */
RL_CHECKED rl_status cursor_next(struct cursor *cursor, struct event_out *event);
void cursor_close(struct cursor *cursor);
/* Returns whether there is a next event, and gives its place: thread, number, ticks and
 * is_of_before alone. The values of the last event are gone then. RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED rl_status cursor_peek(struct cursor *cursor, struct event_out *event);

/* Takes the frames that the last event of each thread has left out of the stacks. */
void cursor_settle(struct cursor *cursor);
/* Append what a part that begins here needs (before.h): one thread with its open frames and tasks,
 * or the callers of all frames. */
void cursor_put_thread(const struct cursor *cursor, uint32_t thread, uint64_t first, uint64_t until,
                       uint32_t session, struct bytes_out *out);
void cursor_put_frames(const struct cursor *cursor, struct bytes_out *out);

/* Appends the place of a cursor that cursor_open() has opened, and what is open there. */
void cursor_save(const struct cursor *cursor, struct bytes_out *out);
/* Opens a cursor that goes on behind the last event before cursor_save(). The bytes are not
 * trusted. RL_OK, RL_NOMEM, or RL_DAMAGED: they are not of this recording, or it has got events
 * since that come before. Its stacks are those of then. */
RL_CHECKED rl_status cursor_load(struct reader *reader, const uint8_t *bytes, size_t len,
                                 struct cursor **out);

/* A frame that is open. */
struct open_activation {
    uint64_t frame;
    uint64_t caller; /* the innermost frame when it was entered; 0 where C code called it */
    int is_root;     /* it has no caller, whatever else is open */
    int waits;       /* it is suspended: an exception was thrown into what it delegates to */
    uint32_t code;   /* 0 = not known */
    uint32_t line;   /* its line while a frame above is open; 0 = not known */
    uint32_t task;   /* serial of the task that entered it, 0 = none */
};
/* Returns the frames that were open in the thread of the last event, innermost last. A frame that
 * the event enters or leaves is among them. Borrowed until the next event. */
const struct open_activation *cursor_stack(const struct cursor *cursor, size_t *depth);

/* Returns how many threads have events, and the open frames of one of them (0 <= index < count), as
 * cursor_stack() does. Of other threads than the last event's, what their last event left is not
 * among them. Before the first event of a thread, *depth is 0. */
size_t cursor_threads(const struct cursor *cursor);
const struct open_activation *cursor_thread_stack(struct cursor *cursor, size_t index,
                                                  uint32_t *thread, size_t *depth);
/* Returns whether a thread with a number below this one has events that were not given. */
int cursor_has_more_below(const struct cursor *cursor, uint32_t thread);

#endif
