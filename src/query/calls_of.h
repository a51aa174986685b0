/* The calls of some functions, each with its number, its caller, its values and its end:
 * `relive calls`.
 *
 *    cursor --> begins: number, where-expression --no--> forgotten
 *                          |  may pass
 *                          v
 *               pending calls, in order of begin --> ends: where-expression --no--> forgotten
 *                          |  the first one is done                         --yes--> row, or group
 *                          v
 *                     calls_of_next()
 *
 * Calls come in order of begin. Where a call is still open while CALLS_OF_WAITING_MAX bytes of
 * later ones wait for it, those come first; it comes when it has ended. So memory is bounded by the
 * calls that are open.
 *
 * Names in an expression (where.h): the parameters of the function, then those of calls_of_names.
 * A parameter wins over such a name; call.NAME is never a parameter.
 *
 * Threads: as for the reader, one at a time. */
#ifndef CALLS_OF_H
#define CALLS_OF_H

#include "kept_event.h"
#include "where.h"

#define CALLS_OF_WAITING_MAX (16u << 20)
#define CALLS_OF_GROUPS_MAX  100000u     /* distinct values that are counted apart */
#define CALLS_OF_GROUP_BYTES (32u << 20) /* of all of them */

/* X(name, meaning): names of each call. Times are nanoseconds. */
#define CALLS_OF_NAMES(X)                                                                          \
    X(ret, "its result; that of a generator or coroutine is what it returned at its end")          \
    X(exc, "name of the exception's type that left it, None where it returned")                    \
    X(message, "message of that exception")                                                        \
    X(total, "time from its begin to its end")                                                     \
    X(self_t, "the part of it in which no other recorded function ran")                            \
    X(t, "time of its begin, since the run began")                                                 \
    X(thread, "number of the thread")                                                              \
    X(task, "number of the task, None where there was none")                                       \
    X(n, "number of the call")                                                                     \
    X(caller, "name of the function that called it, None where none is known")

/* Returns name `i` and its meaning; NULL behind the last. Static. */
const char *calls_of_name(size_t i, const char **meaning);

/* Returns the first name of an expression that means nothing for any of these functions (ids + 1);
 * NULL where there is none. Borrowed from the expression. */
const struct where_name *calls_of_unknown_name(const struct reader *reader,
                                               const struct u64map *codes,
                                               const struct where *where);

struct calls_of_question {
    const struct u64map *codes; /* ids + 1 of the functions; borrowed */
    struct where *where;        /* borrowed; NULL = every call */
    struct where *group;        /* borrowed; count its values, and give no calls */
    uint64_t number;            /* only the call with this number; 0 = any */
    uint64_t skip;              /* leaves out so many of those that pass */
    int only_last;              /* gives the last one that passes, alone */
    int only_counts;            /* gives no calls */
};

struct call_found {
    struct kept_event start, end; /* `end` where has_end */
    int has_end;
    uint64_t number;
    uint32_t caller;      /* code of the caller; 0 = none is known */
    uint32_t caller_line; /* 0 = not known */
    uint64_t self;        /* ns in which it was the innermost frame of its thread */
    /* private, while it is pending */
    struct call_found *before, *after;
    uint64_t bytes;
    int passes; /* whatever its end is */
    int is_done;
};

struct calls_of_counts {
    uint64_t calls;        /* of the functions, so far */
    uint64_t passed;       /* for which the expression is true */
    uint64_t open, raised; /* of those that passed */
    uint64_t unknown, no_answer;
    uint64_t reasons[OPERAND_REASON_COUNT]; /* of the last two */
};

/* One value of the grouped expression. */
struct call_group {
    const uint8_t *value; /* recorded form (value.h) */
    size_t size;
    uint64_t calls;
    uint64_t first, first_seq; /* number and begin of its first call */
    uint32_t first_thread;
};

struct calls_of;
/* Begins. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status calls_of_open(struct reader *reader, const struct calls_of_question *question,
                                   struct calls_of **out);
void calls_of_close(struct calls_of *calls);
/* Gives the next call, owned by the caller: call_found_free(). Reads at most `*events` events and
 * counts them down. RL_OK with *out NULL where those are used up; RL_END, RL_NOMEM. */
RL_CHECKED rl_status calls_of_next(struct calls_of *calls, uint64_t *events,
                                   struct call_found **out);
/* Only counts from here on. */
void calls_of_only_count(struct calls_of *calls);
const struct calls_of_counts *calls_of_counts(const struct calls_of *calls);
/* Returns the groups so far, in order of their first call; borrowed. *others counts calls of values
 * that have no group of their own. */
const struct call_group *calls_of_groups(const struct calls_of *calls, size_t *count,
                                         uint64_t *others);
void call_found_free(struct call_found *call);

#endif
