/* Rows of calls, returns and yields, with their values. Under the GIL. */
#ifndef ROWS_H
#define ROWS_H

#include "policy.h"
#include "state.h"

/* Reserves room for a prefix and its event: no refill may come between the two. */
static inline int rows_reserve(struct thread *t, uint32_t units)
{
    return lane_reserve(&t->lane, units, clock_ticks());
}

static inline void rows_put_prefix(struct thread *t, unsigned kind, uint32_t first, uint32_t id,
                                   uint64_t frame)
{
    lane_row(&t->lane, first, kind, id, frame);
    t->lane.extras++;
}

/* The row of a call, with its arguments. */
void rows_put_arguments(struct thread *thread, const struct event *event, uint32_t id,
                        uint64_t frame);
/* The row of a return, yield or resume, with its value; NULL: without one. */
void rows_put_value(struct thread *thread, unsigned kind, uint32_t id, uint64_t frame,
                    PyObject *value);
/* The buffer in which the thread puts values together, with whatever it holds; NULL without memory,
 * which is counted. */
struct capture *rows_make_buffer(struct thread *thread);
static inline struct capture *rows_buffer(struct thread *t)
{
    return t->capture != NULL ? t->capture : rows_make_buffer(t);
}
/* The same buffer, emptied; NULL also where the level wants no values. */
struct capture *rows_capture(struct thread *thread, const struct policy *policy);
/* The same at every level. */
struct capture *rows_capture_always(struct thread *thread, const struct policy *policy);

#endif
