/* The open frames of a thread, as stack.c keeps them: stack[0] is a sentinel with no key,
 * stack[depth] is the innermost open frame. Under the GIL. */
#ifndef OPEN_FRAMES_H
#define OPEN_FRAMES_H

#include "state.h"

/* The lines of callers are to be written again (callers.h): frames have moved, or the row with the
 * lines was lost. */
static inline void frames_forget_lines(struct thread *t)
{
    t->callers_chunk = UINT64_MAX;
}

/* Returns the index of a frame in the thread's stack, 0 = it is not open there. */
uint32_t frames_find(const struct thread *thread, const native_frame *key);

/* The caller of a frame that is being entered, or has just been left. A frame evaluator runs before
 * the frame is linked to its caller, which is still the current frame then. The other mechanisms
 * run inside the frame. */
static inline native_frame *frames_caller(native_frame *frame)
{
#if HAS_EVAL_HOOK
    native_frame *now = native_current(PyThreadState_GetUnchecked());
    return now == frame ? native_caller(now) : now;
#else
    return native_caller(frame);
#endif
}

/* Closes nothing: a thread of the last recording, or one that ends, forgets its open frames. */
void frames_forget(struct thread *thread);
/* The identity of the innermost open frame, 0 = none. `thread` is a struct thread. */
uint64_t frames_top(void *thread);

#endif
