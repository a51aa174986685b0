/* A position names one event of a recording, in words that people type.
 *
 *    T1@48213         an event by its thread and number        POSITION_EVENT
 *    price#118        the begin of the 118th call of price     POSITION_CALL
 *    shop.py:40#3     the third time that line 40 ran          POSITION_LINE
 *    42%  +3ms        the last event up to that                POSITION_SHARE, POSITION_TIME
 *    exc:3  exc:last  an exception, as `relive exc` has it     POSITION_EXCEPTION
 *    start  end       the first event, the last one            POSITION_START, POSITION_END
 *    P123:...         each of these, in process 123
 *
 * Numbers of calls: position_counts_call() decides which event is a call, of all threads of one
 * process, in the order of the cursor, from 1. A frame that ran already when recording began is a
 * call, too. What was lost is not counted: in a ring, call 1 is the first one that was kept. In a
 * part of a recording, those before it count (before.h), and are not found unless they are open.
 *
 * Threads: pure functions of their arguments; position_find() as for the reader. */
#ifndef POSITION_H
#define POSITION_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "map.h"
#include "rec.h"

enum position_kind {
    POSITION_EVENT,
    POSITION_CALL,
    POSITION_LINE,
    POSITION_SHARE,
    POSITION_TIME,
    POSITION_EXCEPTION,
    POSITION_START,
    POSITION_END
};

struct position {
    enum position_kind kind;
    uint64_t process; /* 0 = not named */
    uint32_t thread;  /* EVENT */
    uint32_t line;    /* LINE */
    uint64_t number;  /* EVENT: of the event. CALL, LINE, EXCEPTION: from 1, 0 = the last one.
                       * SHARE: millionths. TIME: ns since the run's start */
    const char *name; /* CALL, LINE: the function or file; borrowed from the text */
    size_t name_len;
};

/* Returns whether an event begins a call of one of these functions (code ids + 1). */
static inline int position_counts_call(const struct event_out *event, const struct u64map *codes)
{
    return kind_begins(event->kind) && u64map_get(codes, (uint64_t)event->id + 1) != NULL;
}

/* Returns whether an event is a run of this line of one of these functions (code ids + 1). */
static inline int position_counts_line(const struct event_out *event, uint32_t line,
                                       const struct u64map *codes)
{
    return event->kind == RL_EVENT_LINE && event->line == line &&
           u64map_get(codes, (uint64_t)event->id + 1) != NULL;
}

/* Takes a written position apart. RL_USAGE where it is none; `err` then says what is wrong, with an
 * example. */
RL_CHECKED rl_status position_parse(const char *text, size_t len, struct position *out,
                                    struct rl_err *err);

/* Which event a position names, or why none. */
struct position_found {
    int is_found;
    int is_lost;            /* EVENT: it was not kept, and `event` is the next one of its thread.
                             * CALL, LINE: it was before the first event of this part */
    int has_losses;         /* events were lost before it, so a number counts the kept ones */
    uint64_t counted;       /* CALL, LINE: how many there are, up to the one that was found */
    struct event_out event; /* without values. Not found: the last one of the thread, and for TIME
                             * the first one of all. A kind of 0 = there is none */
};

/* Finds the event. `codes` are those of the function or file (ids + 1). An EXCEPTION is not found
 * here: its number depends on how the caller lists them. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status position_find(struct reader *reader, const struct position *position,
                                   const struct u64map *codes, struct position_found *out);

#endif
