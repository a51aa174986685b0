/* Frames that begin, go on, are suspended and end. An exit is matched by the interpreter's own
 * frame. So frames of greenlets, and frames that moved to another thread, close where they were
 * opened. Under the GIL. */
#ifndef STACK_H
#define STACK_H

#include "state.h"

/* A frame begins or goes on, of any kind. */
void stack_enter(struct thread *thread, const struct event *event, uint64_t info);
/* A frame returns, yields or is unwound. */
void stack_leave(struct thread *thread, const struct event *event, uint64_t info);
/* Writes the frames that ran before the recording began, outermost first, up to `frame`. */
void stack_record_running(struct thread *thread, native_frame *frame);

#endif
