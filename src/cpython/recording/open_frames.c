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
