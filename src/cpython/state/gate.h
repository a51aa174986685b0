/* The gate of a thread: one compare per event decides whether the fast path may be taken.
 *
 *                         gate_open()
 *        CLOSED ------------------------------> OPEN: gate == recording.stamp
 *          ^ ^      the slow path re-checks       |  |  ^
 *          | |      activation, context, tap      |  |  | gate_open()
 *          | +----------- gate_close() -----------+  |  |
 *          |    or recording.stamp changes:          |  |
 *          |    start, stop, fork                    v  |
 *          |                          gate_tap(): TAP; gate_follow(): FOLLOW
 *          |
 *          |    gate_close()
 *        SUPPRESSED <-- gate_suppress(), from any state; gate_resume() returns to that state,
 *                       or to CLOSED where the gate was closed meanwhile
 *
 *   CLOSED      the next event takes the slow path, which re-checks everything
 *   TAP         a callback wants every event: rows are written and the callback is called
 *   FOLLOW      the program's context decides whether the event is recorded (context.h)
 *   SUPPRESSED  what runs in the thread is not the program: nothing of it is recorded
 *
 * Only the functions below write thread.gate and thread.is_suppressed. Suppressions nest: events
 * are refused while is_suppressed is not 0, whatever the gate is. Under the GIL. */
#ifndef GATE_H
#define GATE_H

#include "state.h"

/* A stamp is a multiple of 1 << 32, so none of them is one. */
#define GATE_CLOSED     0u
#define GATE_TAP        1u
#define GATE_SUPPRESSED 2u
#define GATE_FOLLOW     3u

static inline int gate_is_open(const struct thread *t)
{
    return t->gate == recording.stamp;
}

/* The slow path has re-checked everything. */
static inline void gate_open(struct thread *t)
{
    t->gate = recording.stamp;
}

static inline void gate_close(struct thread *t)
{
    t->gate = GATE_CLOSED;
}

/* Only an open gate: TAP and FOLLOW take the slow path already. */
static inline void gate_close_if_open(struct thread *t)
{
    if (gate_is_open(t)) {
        t->gate = GATE_CLOSED;
    }
}

static inline void gate_tap(struct thread *t)
{
    t->gate = GATE_TAP;
}

static inline void gate_follow(struct thread *t)
{
    t->gate = GATE_FOLLOW;
}

/* What runs in the thread is not recorded from here on. Returns what gate_resume() needs. */
static inline uint64_t gate_suppress(struct thread *t)
{
    uint64_t before = t->gate;
    t->is_suppressed++;
    t->gate = GATE_SUPPRESSED;
    return before;
}

/* Ends one suppression; more calls than there were suppressions do nothing. */
static inline void gate_resume(struct thread *t, uint64_t before)
{
    t->is_suppressed -= t->is_suppressed > 0;
    if (t->gate == GATE_SUPPRESSED) {
        t->gate = before;
    }
}

/* Rows of the recorder's own are written between these two, also where the calling thread is
 * suppressed. */
static inline int gate_lift(void)
{
    int suppressed = thread_self != NULL ? thread_self->is_suppressed : 0;
    if (suppressed != 0) {
        thread_self->is_suppressed = 0;
    }
    return suppressed;
}

static inline void gate_lower(int suppressed)
{
    if (suppressed != 0) {
        thread_self->is_suppressed = suppressed;
        gate_close(thread_self);
    }
}

#endif
