/* What is open before the first event of a cut, thread by thread. */
#ifndef BEGIN_H
#define BEGIN_H

#include "cursor.h"
#include "map.h"

/* A thread that has begun before. */
struct begun_thread {
    uint32_t thread;
    uint32_t name; /* string id with which it began, 0 = not known */
    uint32_t session;
    uint64_t native_id;
    struct open_activation *frames; /* owned; innermost last */
    size_t frame_count;
};

struct begin {
    struct event_out first;  /* the event that the cut begins with; its values are gone */
    struct u64map threads;   /* thread -> index in `of`, plus 1 */
    struct begun_thread *of; /* owned */
    size_t count, cap;
    struct u64map task_names; /* serial + 1 of each task that has not ended -> its string id */
};

/* Reads all events up to one of them. RL_OK; RL_END where it is not there; RL_NOMEM. */
RL_CHECKED rl_status begin_read(struct reader *reader, uint32_t thread, uint64_t seq,
                                struct begin *begin);
/* Returns what was open in a thread; NULL where it had not begun. */
struct begun_thread *begin_of(const struct begin *begin, uint32_t thread);
void begin_fini(struct begin *begin);

#endif
