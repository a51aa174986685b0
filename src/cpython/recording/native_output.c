/* Why: see native_output.h.
 * Threads: hear_output() runs on any thread, with or without the GIL, also in a signal handler. A
 * queue is filled by its own thread and emptied under the GIL; is_busy excludes the two. */
#include "native_output.h"

#include <string.h>

#include "gate.h"
#include "output_rows.h"
#include "state.h"

#include "alloc.h"
#include "os_overhear.h"

enum { QUEUE_BYTES = 64 << 10, HEAD = 3 /* stream, u16 length */ };

struct queued_output {
    _Atomic int is_busy;
    uint32_t len;
    uint8_t bytes[QUEUE_BYTES + 16]; /* output_row() reads beyond */
};

static _Atomic int is_on, objects_came;
static _Atomic uint64_t lost; /* pieces of output */

/* Returns 0 where another thread, or the code that a signal has interrupted, has the queue. */
static int lock_queue(struct queued_output *queue)
{
    /* acquire and release: each other's partner */
    return atomic_exchange_explicit(&queue->is_busy, 1, memory_order_acquire) == 0;
}

static void unlock_queue(struct queued_output *queue)
{
    atomic_store_explicit(&queue->is_busy, 0, memory_order_release);
}

/* Appends a piece to the thread's queue; 0 where it has no room or is locked. */
static int queue_put(struct thread *t, unsigned stream, const uint8_t *bytes, size_t n)
{
    if (t->queued == NULL && (t->queued = rl_zalloc_apart(1, sizeof *t->queued)) == NULL) {
        return 0;
    }
    struct queued_output *queue = t->queued;
    if (!lock_queue(queue)) {
        return 0;
    }
    int fits = QUEUE_BYTES - queue->len >= HEAD + n;
    if (fits) {
        uint8_t *p = queue->bytes + queue->len;
        p[0] = (uint8_t)stream;
        put16(p + 1, (uint16_t)n);
        memcpy(p + HEAD, bytes, n);
        queue->len += (uint32_t)(HEAD + n);
    }
    unlock_queue(queue);
    gate_close(t);
    return fits;
}

/* Writes what is queued; without `may_wait` only as much as the slot has room for. */
static void empty_queue(struct thread *t, int may_wait)
{
    struct queued_output *queue = t->queued;
    uint32_t at = 0;
    if (queue == NULL || queue->len == 0 || !lock_queue(queue)) {
        return;
    }
    while (at < queue->len) {
        const uint8_t *p = queue->bytes + at;
        uint32_t n = get16(p + 1);
        if (!may_wait && !lane_has_room(&t->lane, output_units(n), clock_ticks())) {
            break;
        }
        output_row(t, p[0], p + HEAD, n);
        at += HEAD + n;
    }
    memmove(queue->bytes, queue->bytes + at, queue->len - at);
    queue->len -= at;
    unlock_queue(queue);
}

/* Called by os_overhear for each write to 1 and 2; for 0, objects were loaded. */
static void hear_output(int fd, const void *data, size_t n)
{
    struct thread *t = thread_self;
    const uint8_t *bytes = data;
    if (fd == 0) {
        atomic_store_explicit(&objects_came, 1, memory_order_relaxed);
        if (t != NULL) {
            gate_close(t);
        }
        return;
    }
    if (!thread_is_recorded(t)) {
        /* A thread that runs no Python has no place in the recording. */
        atomic_fetch_add(&lost, t == NULL && recording.recorder != NULL && !recording.is_waiting);
        return;
    }
    for (size_t at = 0; at < n; at += OUTPUT_PIECE) {
        size_t piece = n - at < OUTPUT_PIECE ? n - at : OUTPUT_PIECE;
        if (!queue_put(t, (unsigned)fd, bytes + at, piece)) {
            atomic_fetch_add(&lost, 1);
        }
    }
    if (PyGILState_Check() && !os_signals_are_blocked()) {
        empty_queue(t, 0);
    }
}

void native_output_flush(struct thread *t)
{
    if (atomic_load_explicit(&objects_came, memory_order_relaxed)) {
        atomic_store_explicit(&objects_came, 0, memory_order_relaxed);
        os_overhear_loaded();
    }
    if (thread_is_recorded(t)) {
        empty_queue(t, 1);
    }
}

int native_output_start(const char **why)
{
    lost = 0;
    if (os_overhear(hear_output, (const void *)Py_IsInitialized, why) != 0) {
        return -1;
    }
    is_on = 1;
    return 0;
}

void native_output_end(void)
{
    if (!is_on) {
        return;
    }
    is_on = 0;
    os_overhear_end();
    if (thread_is_recorded(thread_self)) {
        empty_queue(thread_self, 1);
    }
    os_lock_mutex(&recording.lock);
    for (struct thread *t = recording.threads; t != NULL; t = t->next) {
        if (t->stamp == recording.stamp) {
            empty_queue(t, 0);
        }
        if (t->queued != NULL && t->queued->len != 0) {
            t->queued->len = 0;
            lost++;
        }
    }
    os_unlock_mutex(&recording.lock);
    recorder_count_loss(recording.recorder, RL_LOSS_OUTPUT, lost);
}

void native_output_forked(void)
{
    os_overhear_forked();
    lost = 0;
}
