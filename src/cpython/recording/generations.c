/* Why: see generations.h.
 * Invariant: a number that is kept across two events bears a stamp, or is looked up when it is
 * written. Strings have recording.name_stamp, functions in a ring recording.defined_from.
 * Threads: under the GIL. */
#include "generations.h"

#include "codeinfo.h"
#include "gate.h"
#include "state.h"

enum { PATIENCE = 20 }; /* ms that are waited for others, each time that a slot is full */

/* The next event of each thread comes by generations_next(). */
static void close_gates(void)
{
    os_lock_mutex(&recording.lock); /* no thread ends meanwhile */
    for (struct thread *t = recording.threads; t != NULL; t = t->next) {
        gate_close_if_open(t);
    }
    os_unlock_mutex(&recording.lock);
}

void generations_filled(struct thread *t)
{
    if (!recorder_wants_generation(recording.recorder)) {
        return;
    }
    recording.wants_generation = PATIENCE;
    if (recorder_is_ring(recording.recorder)) {
        close_gates();
    } else {
        gate_close_if_open(t);
    }
}

/* Whether something that was captured, and names strings, still waits to be written. */
static int is_anything_pending(void)
{
    int is_pending = recording.outside != 0;
    for (const struct thread *t = recording.threads; t != NULL; t = t->next) {
        is_pending |= t->is_pending && t->stamp == recording.stamp;
    }
    return is_pending;
}

/* 1: it has begun, or nobody wants it. */
static int begin_next(void)
{
    if (recording.recorder == NULL) {
        recording.wants_generation = 0;
    }
    if (recording.wants_generation == 0) {
        return 1;
    }
    os_lock_mutex(&recording.lock); /* no thread ends meanwhile */
    int may_begin = !is_anything_pending();
    if (may_begin) {
        if (listener.forget != NULL) {
            listener.forget();
        } /* events that callbacks keep take theirs along */
        may_begin = recorder_next_generation(recording.recorder);
    }
    os_unlock_mutex(&recording.lock);
    if (may_begin) {
        recording.wants_generation = 0;
        codeinfo_next_generation(recorder_is_ring(recording.recorder));
    }
    return may_begin;
}

/* Gives the GIL to threads that wait for the writer in the middle of an event, so that they end it.
 * The file of a ring would grow beyond its size meanwhile. Returns 0 where waiting cannot help. */
static int let_others_go_on(void)
{
    const struct thread *self = thread_self;
    if (recording.wants_generation <= 1 || !recorder_is_ring(recording.recorder) ||
        (self != NULL && self->is_pending && self->stamp == recording.stamp)) {
        return 0;
    }
    recording.wants_generation--;
    Py_BEGIN_ALLOW_THREADS
    os_sleep_ms(1);
    Py_END_ALLOW_THREADS
    return 1;
}

void generations_next(void)
{
    while (!begin_next() && let_others_go_on()) {
    }
}
