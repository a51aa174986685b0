/* The frames above the one in which an exception is raised: their current lines, and at level lines
 * their variables, are written with the exception.
 *
 * A frame does not move while a frame that it called is open, so its line is written once for each
 * call below it. A flag of the callee says whether it is there: a raise in a loop costs one line,
 * not the depth. */
#ifndef CALLERS_H
#define CALLERS_H

#include "state.h"

/* Writes the variables of the callers whose line was not written yet. */
void callers_look(struct thread *t, const struct event *event);
/* Whether callers_put() would append nothing without a flag, as where an exception leaves the frame
 * in which it was raised. */
static inline int callers_are_known(const struct thread *t, const struct event *event)
{
    const struct open_frame *top = &t->stack[t->depth];
    return top->key == event->frame && t->depth > 1 && top->flags & FRAME_CALLER_KNOWN &&
           t->callers_chunk == t->lane.chunk;
}
/* Appends flags and the lines of callers to the values of the event, up to `end`. Adds
 * RL_EXCEPTION_OUTERMOST where no recorded frame is above. Returns where the bytes end. */
uint8_t *callers_put(struct thread *t, const struct event *event, unsigned flags, uint8_t *p,
                     const uint8_t *end);

#endif
