/* Why: see generations.h.
 * Invariant: a number that is kept across two events bears a stamp (session.name_stamp, of a
 * string; session.defined_from, of a function in a ring), or is looked up when it is written.
 * Threads: under the GIL. */
#include "generations.h"

#include "session.h"
#include "told_names.h"

void generations_filled(struct thread *t)
{
    if (recorder_wants_generation(session.recorder)) {
        session.wants_generation = 1;
        if (t->gate == session.stamp) {
            t->gate = GATE_CLOSED; /* its next event comes by generations_next() */
        }
    }
}

/* Whether something that was captured, and names strings, still waits to be written. */
static int is_anything_pending(void)
{
    int is_pending = session.outside != 0;
    for (const struct thread *t = session.threads; t != NULL; t = t->next) {
        is_pending |= t->is_pending && t->stamp == session.stamp;
    }
    return is_pending;
}

void generations_next(void)
{
    if (session.recorder == NULL) {
        session.wants_generation = 0;
        return;
    }
    os_lock_mutex(&session.lock); /* no thread ends meanwhile */
    int may_begin = !is_anything_pending();
    if (may_begin) {
        names_forget(); /* events that callbacks keep take theirs along */
        may_begin = recorder_next_generation(session.recorder);
    }
    os_unlock_mutex(&session.lock);
    if (may_begin) {
        session.wants_generation = 0;
        codeinfo_next_generation(recorder_is_ring(session.recorder));
    }
}
