/* What is open and known before the first event of a cut, and what was counted until then.
 *
 *   events before --> threads, tasks            the events that a thread of the part begins with
 *                 --> calls, lines, numbers     block BEFORE (reader/before.h)
 *                 --> instant (instant.h)       the same: open frames, and values
 *
 * Of a part that is cut again, its own BEFORE is where this begins. */
#ifndef BEGIN_H
#define BEGIN_H

#include "instant.h"
#include "map.h"

/* A thread that has begun before. */
struct begun_thread {
    uint32_t thread;
    uint32_t name; /* string id with which it began, 0 = not known */
    uint32_t session;
    uint64_t native_id;
    struct open_activation *frames; /* owned; innermost last */
    size_t frame_count;
    int has_ended;
    int is_kept;           /* it is in the part; then these are known: */
    uint64_t first, until; /* as in struct before_thread */
};

/* A definition of a function, and how many calls of it began. */
struct begun_code {
    uint32_t function;
    uint64_t calls;
};

struct begin {
    struct reader *reader;
    uint32_t thread; /* of the first event of the cut, as are these */
    uint64_t seq, ticks;
    struct instant *instant; /* owned; right before that event */
    struct u64map threads;   /* thread -> index in `of`, plus 1 */
    struct begun_thread *of; /* owned */
    size_t count, cap;
    struct u64map task_names; /* serial + 1 of each task that has not ended -> its string id */
    struct u64map code_of;    /* code + 1 -> index in `codes` */
    struct begun_code *codes; /* owned */
    size_t code_count, code_cap;
    struct strmap functions; /* name -> index in `calls` */
    uint64_t *calls;         /* owned; of all definitions with this name */
    size_t function_count, function_cap;
    struct u64map lines;   /* code << 32 | line -> how often it ran */
    struct u64map numbers; /* frame that has not ended -> number of its call */
    int has_losses;
};

/* Reads all events up to one of them. Where that says what was open before a part, the first event
 * of the part itself is meant. RL_OK; RL_END where it is not there; RL_NOMEM. */
RL_CHECKED rl_status begin_read(struct reader *reader, uint32_t thread, uint64_t seq,
                                struct begin *begin);
/* Returns what was open in a thread; NULL where it had not begun. */
struct begun_thread *begin_of(const struct begin *begin, uint32_t thread);
/* Appends the content of BEFORE. *left_out becomes the number of frames whose values were too many.
 */
void begin_put(struct begin *begin, struct bytes_out *out, uint64_t *left_out);
void begin_fini(struct begin *begin);

#endif
