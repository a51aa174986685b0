/* What is open after an event: frames, tasks, and variables with their states. instant_next() takes
 * the events one by one. The state at a position is that of a pass that has come so far.
 *
 *    cursor_next() --> instant_next() --> instant_frames()      open and suspended frames
 *                                         instant_variables()   of one of them
 *                                         instant_threads(), instant_tasks()
 *
 * docs/query.md explains the states of a variable; doubt.h decides between the first two.
 *
 * Memory is bounded by the open frames and their values. What is kept has no pointer into the
 * cursor, but for the last event.
 *
 * Threads: as for the reader, one at a time. */
#ifndef INSTANT_H
#define INSTANT_H

#include "cursor.h"

struct instant;

/* Begins before the first event. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status instant_open(struct reader *reader, struct instant **out);
/* Takes the next event, and gives it. RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED rl_status instant_next(struct instant *instant, struct event_out *event);
void instant_close(struct instant *instant);
/* Returns the cursor that it reads by; borrowed. */
struct cursor *instant_cursor(const struct instant *instant);

/* Appends the values that a part that begins here needs (before.h): all frames that have not ended,
 * the last event of each thread, and tasks. Frames beyond `most` bytes of values are left out.
 * Returns how many. */
size_t instant_put_values(struct instant *instant, size_t most, struct bytes_out *out);

/* Appends all that an instant knows, its place in the recording included. */
void instant_save(const struct instant *instant, struct bytes_out *out);
/* Opens an instant as it was when it was saved, and gives its last event (kind 0 = none yet). The
 * bytes are not trusted. RL_OK, RL_NOMEM, or RL_DAMAGED: they are not of this recording, or it has
 * got events since that come before the last event. */
RL_CHECKED rl_status instant_load(struct reader *reader, const uint8_t *bytes, size_t len,
                                  struct event_out *last, struct instant **out);

enum instant_state {
    INSTANT_OPEN,
    INSTANT_LEFT,     /* the last event has left it */
    INSTANT_WAITS,    /* it delegates to one into which an exception was thrown */
    INSTANT_SUSPENDED /* a generator or coroutine; `thread` is where it was last */
};

struct instant_frame {
    uint64_t frame;
    uint64_t caller; /* 0 = none, or not known */
    uint32_t thread, task;
    uint32_t code; /* 0 = not known */
    uint32_t line; /* 0 = not known */
    enum instant_state state;
};

/* All frames: thread by thread, outermost first; then the suspended ones, oldest first. */
struct instant_frames {
    struct instant_frame *items; /* owned */
    size_t count, cap;
};
RL_CHECKED rl_status instant_frames(struct instant *instant, struct instant_frames *out);
void instant_frames_fini(struct instant_frames *frames);

enum variable_state {
    VARIABLE_KNOWN,
    VARIABLE_MAY_HAVE_CHANGED,
    VARIABLE_DELETED,
    VARIABLE_CUT,
    VARIABLE_REDACTED,
    VARIABLE_DROPPED,
    VARIABLE_NOT_RECORDED
};

struct variable {
    uint32_t name; /* string id */
    uint8_t scope; /* enum rl_write_scope */
    enum variable_state state;
    uint8_t is_parameter;
    const uint8_t *bytes; /* its value, NULL = none; borrowed until the next event is taken */
    size_t len;
    const uint8_t *at_call; /* value of a parameter at the call; NULL = `bytes` still is, or none */
    size_t at_call_len;
    uint32_t thread; /* of the event that recorded it; 0 = none did */
    uint64_t seq;
};

/* Variables of one frame: parameters, then the others in order of their first write, then those of
 * which nothing is known. */
struct variables {
    struct variable *items; /* owned */
    size_t count, cap;
};
/* Gives the variables of a frame with this code. */
RL_CHECKED rl_status instant_variables(struct instant *instant, const struct instant_frame *frame,
                                       struct variables *out);
void variables_fini(struct variables *variables);

struct instant_thread {
    uint32_t thread;
    uint64_t seq, t; /* of its last event */
    uint8_t kind;
};
struct instant_task {
    uint32_t task, name; /* name: string id, 0 = not known */
};
struct instant_threads {
    struct instant_thread *items; /* owned; that have begun and not ended, by number */
    size_t count;
};
struct instant_tasks {
    struct instant_task *items; /* owned; the same */
    size_t count;
};
RL_CHECKED rl_status instant_threads(const struct instant *instant, struct instant_threads *out);
RL_CHECKED rl_status instant_tasks(const struct instant *instant, struct instant_tasks *out);

#endif
