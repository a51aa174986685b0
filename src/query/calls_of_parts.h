/* Part of calls_of.h: the names of an expression, bound to functions and read from calls. Private
 * to calls_of*.c. */
#ifndef CALLS_OF_PARTS_H
#define CALLS_OF_PARTS_H

#include "calls_of.h"

struct binding {
    uint32_t source; /* enum source */
    uint32_t parameter;
};

/* An expression with its bindings: a row of them for each function. */
struct bound {
    struct where *where; /* borrowed; NULL = none */
    size_t names;
    struct binding *bindings; /* owned */
};

/* One call, as the names of an expression see it. */
struct call_row {
    const struct reader *reader;
    const struct binding *bindings;
    const struct event_out *start;
    const struct event_out *end;   /* NULL = not ended, or not yet */
    const struct call_found *call; /* NULL at the begin */
    uint64_t number;
    uint32_t caller;
};

/* Binds the names of an expression, NULL is none. `functions`: code id + 1 -> number from 0. RL_OK
 * or RL_NOMEM; bound->bindings is the caller's to free. */
RL_CHECKED rl_status calls_of_bind(const struct reader *reader, const struct u64map *functions,
                                   struct where *where, struct bound *bound);
/* Evaluates a bound expression for a call. */
struct operand calls_of_run(const struct bound *bound, const struct u64map *functions,
                            struct call_row *row);

#endif
