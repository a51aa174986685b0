/* Where-expressions (where.h) over the variables of one frame, right after an event.
 *
 *    total > 3 and order.items[0].price < 2        variables of the frame, then globals
 *    ret, exc, message, line, thread, task         of the last event, where no variable has the
 * name
 *
 * A name means what it means in the function: its variable, else one of its module. A module's own
 * variables are known while its body is open, as that of the program's main module is.
 *
 * Threads: as for the reader, one at a time. */
#ifndef FRAME_NAMES_H
#define FRAME_NAMES_H

#include "instant.h"
#include "where.h"

struct frame_names {
    struct instant *instant;    /* borrowed */
    struct instant_frame frame; /* `frame`, `thread`, `code` and `line` are read */
    struct variables variables; /* owned */
    struct where *where;        /* borrowed; of the run under way */
    int is_doubtful;            /* the last run has read a value that may have changed since */
};

/* X(name, meaning): names that are no variables. */
#define FRAME_NAMES(X)                                                                             \
    X(ret, "what this event returns or yields")                                                    \
    X(exc, "name of the type of this event's exception")                                           \
    X(message, "message of that exception")                                                        \
    X(line, "number of the line, None where it is not known")                                      \
    X(thread, "number of the thread")                                                              \
    X(task, "number of the task, None where there is none")

/* Reads the variables of a frame. They are valid until the next event is taken. RL_OK or RL_NOMEM.
 */
RL_CHECKED rl_status frame_names_open(struct instant *instant, const struct instant_frame *frame,
                                      struct frame_names *out);
void frame_names_fini(struct frame_names *names);
/* Evaluates an expression. What the result borrows is valid until the next run. */
struct operand frame_names_run(struct frame_names *names, struct where *where);

#endif
