/* Why: a run of 10,000 tests is one recording. Starting one for each would take a millisecond and a
 * file a test; here a test takes a microsecond, and a green one leaves nothing.
 *
 *   recorder_make_room()    definitions that are many are written first
 *   recorder_restart()      every slot is empty, and events count from 0
 *   begin_thread_again()    thread_start, and a call (RUNNING) of each open frame: of this thread
 *                           and of others that had a slot
 *
 * Frames and generators keep their numbers. What was said once a chunk (session, callers of an
 * exception, remembered values) is said again, since each lane has a new chunk.
 *
 * Threads: under the GIL. Where another thread has given it away in the middle of an event, the
 * slots of others stay as they are, with their events. */
#include "restart.h"

#include "generations.h"
#include "state.h"

/* Writes what a reader must know of a thread before its next event. */
static void begin_thread_again(struct thread *t)
{
    t->leaving = NULL;
    if (!lane_put(&t->lane, RL_EVENT_THREAD_START, t->lane.name, t->native_id)) {
        return;
    }
    for (uint32_t i = 1; i <= t->depth; i++) {
        (void)lane_put(&t->lane, RL_EVENT_RUNNING, t->stack[i].id, t->stack[i].frame);
    }
}

static int belongs(const struct thread *t)
{
    return t->stamp == recording.stamp && t->lane.recorder == recording.recorder;
}

/* Returns whether its slot has room for all that, so that nothing is waited for. */
static int has_room(const struct thread *t)
{
    return t->lane.slot != NULL && lane_has_room(&t->lane, t->depth + 1, clock_ticks());
}

int recording_restart(void)
{
    if (recording.recorder == NULL || !recorder_is_ring(recording.recorder)) {
        return 0;
    }
    recorder_make_room(recording.recorder);
    if (recording.recorder == NULL || !recorder_is_ring(recording.recorder)) {
        return 0;
    }
    int others_rest = recording.outside == recording.waiting;
    struct thread *self = thread_self != NULL && belongs(thread_self) ? thread_self : NULL;
    os_lock_mutex(&recording.lock); /* no thread ends meanwhile */
    recorder_restart(recording.recorder, self != NULL ? &self->lane : NULL, !others_rest);
    for (struct thread *t = recording.threads; t != NULL; t = t->next) {
        if (t != self && belongs(t) && others_rest && has_room(t)) {
            begin_thread_again(t);
        }
    }
    os_unlock_mutex(&recording.lock);
    if (self != NULL) {
        begin_thread_again(self); /* may wait for a slot, so not under the lock */
        generations_filled(self);
    }
    return 1;
}
