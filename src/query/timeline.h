/* Events of all threads and tasks of one process in one order of time: `relive timeline`. Several
 * processes are merged by their times, by the caller.
 *
 *    cursor --> number and begin of each call --> kinds, codes, thread, task, from, to --> where
 *                                                                              --> timeline_next()
 *
 * Invariants:
 *  1. The number of a call counts what position.h counts, whatever is picked. In a near timeline
 *     there are no numbers: it begins in the middle of a thread.
 *  2. Memory is bounded by the open frames and the functions.
 *
 * Threads: as for the reader, one at a time. */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "cursor.h"
#include "where.h"

/* X(name, meaning): names of an event in an expression; parameters are others. */
#define TIMELINE_NAMES(X)                                                                          \
    X(kind, "call, return, unwind, line, write ...")                                               \
    X(func, "name of the function")                                                                \
    X(ret, "what a call returned, at its end")                                                     \
    X(exc, "name of the type of an exception, None where there is none")                           \
    X(message, "its message")                                                                      \
    X(total, "time of a call, at its end")                                                         \
    X(name, "name of a variable that was written")                                                 \
    X(value, "its value; of a return and a yield, what was given")                                 \
    X(line, "number of a line")                                                                    \
    X(t, "time since the run began")                                                               \
    X(thread, "number of the thread")                                                              \
    X(task, "number of the task, None where there was none")                                       \
    X(n, "number of the call that begins or ends")

/* Returns name `i` and its meaning; NULL behind the last. Static. */
const char *timeline_name(size_t i, const char **meaning);

/* An end of the time that is wanted: an event, which belongs to it; or a time, where another
 * process has the event. */
struct timeline_border {
    int is_set;
    uint32_t thread; /* 0 = only the time counts */
    uint64_t seq, t;
};

struct timeline_question {
    uint32_t kinds;             /* one bit for each kind; 0 = all */
    const struct u64map *codes; /* ids + 1, events of other functions are left out; NULL = none */
    uint32_t thread, task;      /* 0 = any */
    struct timeline_border from, to;
    struct where *where; /* borrowed; NULL = every event */
    uint64_t skip;       /* leaves out so many of those that pass */
    int is_near;         /* begins with the thread's chunk that has `from` */
    int only_counts;
};

struct timeline_row {
    struct event_out event; /* borrowed until the next row */
    uint64_t number;        /* of the call that the event begins or ends; 0 = not known, or none */
    uint64_t began;         /* ns of its begin, of an event that ends a call */
    int has_began;
    uint32_t depth; /* frames below it in the stack, of those functions that are wanted */
};

struct timeline_counts {
    uint64_t events; /* that were read */
    uint64_t passed;
    uint64_t unknown;                       /* events that have nothing for a name do not count */
    uint64_t no_answer;                     /* Python would raise */
    uint64_t reasons[OPERAND_REASON_COUNT]; /* of the last two */
};

struct timeline;
/* Begins. What the question borrows must live as long. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status timeline_open(struct reader *reader, const struct timeline_question *question,
                                   struct timeline **out);
void timeline_close(struct timeline *timeline);
/* Gives the next row. Reads at most `*events` events and counts them down. RL_OK, with *is_row 0
 * where those are used up; RL_END, RL_NOMEM. */
RL_CHECKED rl_status timeline_next(struct timeline *timeline, uint64_t *events,
                                   struct timeline_row *row, int *is_row);
/* Only counts from here on. */
void timeline_only_count(struct timeline *timeline);
const struct timeline_counts *timeline_counts(const struct timeline *timeline);

#endif
