/* The frames above one in which an exception comes up: the line that each stands at is written with
 * the exception, and at level lines what its variables are by then.
 *
 * A frame stands still while one that it called is open. So what was written of it is good until
 * then, which a flag of the callee says: a raise in a loop costs one line, not the depth. */
#ifndef CALLERS_H
#define CALLERS_H

#include "state.h"

/* Writes the variables of those that nothing was written of yet. */
void callers_look(struct thread *t, const struct event *event);
/* Appends these flags, with RL_EXCEPTION_OUTERMOST where it is so, and lines to the values of the
 * event: where they end, `p` where there is nothing to say. `end` is where the room ends. */
uint8_t *callers_put(struct thread *t, const struct event *event, unsigned flags, uint8_t *p,
                     const uint8_t *end);
#endif
