/* The merged stream of events. */
#ifndef CURSOR_H
#define CURSOR_H

#include "reader.h"

/* One event of the merged stream. */
struct event_out {
    uint8_t kind; /* RUNNING and CLOSED are told apart by the caller's own kind_* helpers */
    uint32_t thread;
    uint32_t id;
    uint32_t exc, line;
    uint64_t seq;
    uint64_t t; /* ns since the run's start */
    uint64_t frame;
    uint64_t parent; /* 0 = none, or not known */
    int parent_is_known;
    uint32_t task;         /* serial of the task that runs, 0 = none */
    uint32_t session;      /* number of the session that the thread is in, 0 = none */
    const uint8_t *values; /* what was captured (value.h); borrowed until the next event */
    uint32_t values_len;
};

/* All events in order of time; within a thread in order of seq. */
struct cursor;
RL_CHECKED rl_status cursor_open(struct reader *reader, struct cursor **out);
/* RL_OK, RL_END, or RL_NOMEM. Damaged chunks become problems and are passed over. */
RL_CHECKED rl_status cursor_next(struct cursor *cursor, struct event_out *event);
void cursor_close(struct cursor *cursor);
/* The frames that were open in the thread of the last event when it came, innermost last; one that
 * it enters or leaves is among them. Borrowed until the next one. */
struct open_activation {
    uint64_t frame;
    uint64_t caller; /* the innermost one when it was entered; 0 where that is a call of C */
    int is_root;     /* it has no caller, whatever else is open */
    uint32_t code;   /* 0 = not known */
    uint32_t line;   /* where it is while one above it is open; 0 = not known */
};
const struct open_activation *cursor_stack(const struct cursor *cursor, size_t *depth);

#endif
