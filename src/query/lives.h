/* Where each thread and each task of a recording began and ended: `relive threads`, `relive tasks`.
 *
 *    cursor --> an event of thread 2, task 7 --> lives of thread 2 and of task 7: first, last event
 *               a frame begins, and the life has no root yet   --> root
 *               it leaves the root                             --> end
 *               it is suspended, and was not before            --> wait
 *
 * The root is the first outermost frame: of a task that is its coroutine. `end` is the event by
 * which the root ended. `wait` is the yield of the innermost coroutine, the first one of a row of
 * yields.
 *
 * Memory is bounded by the number of threads and tasks, of which LIVES_MAX are listed.
 *
 * Threads: as for the reader, one at a time. */
#ifndef LIVES_H
#define LIVES_H

#include "cursor.h"
#include "map.h"

#define LIVES_MAX 1000000u

/* The name of an event. seq is meaningful where thread is not 0. */
struct life_event {
    uint32_t thread;
    uint32_t kind;
    uint64_t seq, ticks;
};

struct life {
    uint32_t number;        /* of the thread or task */
    uint32_t name;          /* string id, 0 = not known */
    uint32_t parent;        /* task that created the task, 0 = none, or not known */
    uint32_t maker_line;    /* 0 = not known */
    uint32_t root_code;     /* 0 = no frame of it was recorded */
    uint64_t maker;         /* frame in which the task was created, 0 = not known */
    uint64_t root;          /* frame */
    uint64_t events, calls; /* calls begun */
    struct life_event first, last;
    struct life_event end;  /* of the root; thread 0 = it has not ended */
    struct life_event wait; /* thread 0 = it is not suspended */
    uint32_t open;          /* of a thread: frames that are open at the end of the recording */
    int has_ended;          /* by an event of its own: thread_end, task_end */
};

struct lives {
    struct life *threads, *tasks; /* owned; each in the order of the first event */
    size_t thread_count, thread_cap, task_count, task_cap;
    uint64_t unlisted; /* beyond LIVES_MAX */
};

/* Lives up to an event. A struct of zeros with a reader is before the first one. */
struct lives_pass {
    struct reader *reader;
    struct lives out;
    struct u64map threads, tasks; /* number + 1 -> place in `out` */
    struct {
        uint32_t kind, thread;
        uint64_t frame;
    } last; /* the last event */
};
void lives_pass_fini(struct lives_pass *pass);
RL_CHECKED rl_status lives_pass_take(struct lives_pass *pass, const struct event_out *event);
/* Appends all of it. */
void lives_pass_put(const struct lives_pass *pass, struct bytes_out *out);
/* Begins with what was put. The bytes are not trusted. RL_OK, RL_NOMEM or RL_DAMAGED; then the pass
 * is empty. */
RL_CHECKED rl_status lives_pass_load(struct lives_pass *pass, const uint8_t *bytes, size_t len);

/* Reads all events once, those that an index does not cover. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status lives_read(struct reader *reader, struct lives *out);
void lives_fini(struct lives *lives);

#endif
