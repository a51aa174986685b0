/* Why: see open_frames.h. */
#include "open_frames.h"

#include "lines.h"

uint32_t frames_find(const struct thread *t, const native_frame *key)
{
    for (uint32_t i = t->depth; i > 0; i--) {
        if (t->stack[i].key == key) {
            return i;
        }
    }
    return 0;
}

/* A frame evaluator runs before the frame is linked to its caller, which is still the current frame
 * then. The other mechanisms run inside the frame. */
native_frame *frames_caller(native_frame *frame)
{
    native_frame *now = native_current(PyThreadState_GetUnchecked());
    return now == frame ? native_caller(now) : now;
}

void frames_forget(struct thread *t)
{
    for (; t->depth > 0; t->depth--) {
        lines_free(t->stack[t->depth].snapshot);
    }
}

uint64_t frames_top(void *owner)
{
    const struct thread *t = owner;
    return t->stack[t->depth].frame;
}
