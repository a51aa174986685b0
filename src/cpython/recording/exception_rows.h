/* Exceptions: raised, thrown in, leaving a frame, caught. Under the GIL. */
#ifndef EXCEPTION_ROWS_H
#define EXCEPTION_ROWS_H

#include "state.h"

/* The row of an event that comes with an exception, which the event has, or which a trace function
 * reported before. */
void exception_put(struct thread *thread, const struct event *event, uint64_t info, uint64_t frame);
/* The same, where the exception leaves its frame. */
void exception_leaves(struct thread *thread, const struct event *event, uint64_t info,
                      uint64_t frame);
/* A trace function reports an exception in a frame; later lines there show that a handler met it.
 */
void exception_keep_pending(struct thread *thread, const struct event *event);
void exception_put_pending(struct thread *thread, const struct event *event);
/* An exception was raised or caught in a frame. */
void exception_event(struct thread *thread, const struct event *event, uint64_t info);

#endif
