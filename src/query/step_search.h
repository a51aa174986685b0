/* Where a step ends: the event at which to stop, in either direction.
 *
 *    question: how to go, from which place, in which frame; conditions
 *        |
 *    step_search_run()  -->  the first such event after the place, or the last one before it
 *
 * A thread can stop at these events:
 *
 *    LINE                               before the line runs
 *    RETURN, YIELD, UNWIND              the frame is left; its result or exception is known
 *    CALL, RESUME, THROW                only of a frame without lines
 *
 * How to go, from frame f in thread t; where the last event has left f, f is its caller:
 *
 *    GO_INTO    the next stop in t
 *    GO_OVER    the next line of f, whatever runs in between, or where f is left for good. A
 *               coroutine that awaits is not left. Where f has no lines, also its calls, whole.
 *    GO_UNTIL   as GO_OVER, but from a line on
 *    GO_OUT     where f ends; backwards, where its call begins
 *    GO_ON      where a condition holds, in any thread
 *
 * Conditions end each kind of step. Backwards, a step that finds nothing in f is one of its caller,
 * before the call.
 *
 * Threads: as for the reader, one at a time. */
#ifndef STEP_SEARCH_H
#define STEP_SEARCH_H

#include "stops.h"
#include "travel.h"

enum step_how { GO_ON, GO_INTO, GO_OVER, GO_UNTIL, GO_OUT };

struct step_question {
    enum step_how how;
    int is_backwards;
    uint64_t place;  /* travel.h; from 1 */
    uint32_t thread; /* GO_INTO, GO_OVER, GO_UNTIL, GO_OUT */
    uint64_t frame;  /* the same; 0 = none is open, and GO_OVER is GO_INTO */
    uint32_t line;   /* GO_UNTIL */
    int sees_raises; /* the recording has RAISE events; otherwise UNWIND ones begin exceptions */
    const struct stop_condition *stops; /* borrowed */
    size_t stop_count;
};

enum step_reason {
    STEP_NOT_YET, /* the events were used up: call again */
    STEP_DONE,
    STEP_STOP, /* a condition held */
    STEP_LOST  /* events of the thread are lost before this one */
};

struct step_found {
    enum step_reason reason;
    uint64_t place;
    uint32_t thread;
    uint64_t seq;
    size_t stop; /* STEP_STOP: its index */
};

struct step_search;
/* Begins. `travel` is used until the search is freed. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status step_search_new(struct reader *reader, struct travel *travel,
                                     const struct step_question *question,
                                     struct step_search **out);
void step_search_free(struct step_search *search);
/* Goes on for at most `*events` events, and counts them down. RL_OK; RL_END where there is no such
 * event; RL_NOMEM. */
RL_CHECKED rl_status step_search_run(struct step_search *search, uint64_t *events,
                                     struct step_found *found);
/* Returns how often a condition's expression was not known so far. */
uint64_t step_search_unknown(const struct step_search *search);

#endif
