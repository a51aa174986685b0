/* Conditions at which a step through a recording stops: breakpoints, exceptions, watches.
 *
 *    stops_begin()  at the begin of a pass, since a watch compares with what was before
 *    stops_check()  for each event, in order
 *
 * Threads: as for the reader, one at a time. */
#ifndef STOPS_H
#define STOPS_H

#include "instant.h"
#include "map.h"
#include "where.h"

enum stop_kind {
    STOP_LINE,      /* a line of some functions */
    STOP_CALL,      /* the begin of a call of some functions */
    STOP_EXCEPTION, /* an exception is raised */
    STOP_NAME,      /* a variable is bound, or its own items change */
    STOP_INSIDE     /* an expression over one object has another value */
};

struct stop_condition {
    enum stop_kind kind;
    const struct u64map *codes; /* LINE, CALL: of these functions (ids + 1); NAME: the same, and no
                                 * codes = of all. Borrowed, as all below */
    uint32_t line;              /* LINE */
    struct text name;           /* EXCEPTION: of a type, or its last parts; NAME: of the variable */
    int is_global;              /* NAME: a global, or a module's own variable */
    uint64_t frame;             /* NAME: of this frame alone; 0 = of any */
    uint64_t identity;          /* INSIDE: of the object */
    struct where *inside;       /* INSIDE: its only name is the object */
    struct where *where;        /* must hold, too; NULL = none */
};

struct stops;
/* `conditions` are borrowed. sees_raises: the recording has RAISE events; otherwise UNWIND ones
 * begin exceptions. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status stops_new(struct reader *reader, const struct stop_condition *conditions,
                               size_t count, int sees_raises, struct stops **out);
void stops_free(struct stops *stops);

/* Begins a pass that goes on from this state. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status stops_begin(struct stops *stops, const struct instant *instant);
/* Gives the number, from 1, of the first condition that holds at the event that `instant` has just
 * taken; 0 = none does. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status stops_check(struct stops *stops, struct instant *instant,
                                 const struct event_out *event, size_t *number);
/* Returns how often a condition's expression was not known so far. */
uint64_t stops_unknown(const struct stops *stops);

#endif
