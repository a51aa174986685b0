/* The recorder's state, which the files above it share. Private to src/record. */
#ifndef RECORDER_STATE_H
#define RECORDER_STATE_H

#include <stdatomic.h>

#include "dictionary.h"
#include "os.h"
#include "recorder_options.h"
#include "shelf.h"
#include "slots.h"
#include "writer.h"

/* The writer thread ends before the process forks, and is begun again (writer_thread.c):
 *
 *   RUNS --recorder_before_fork()--> ASKED --the writer passes its descriptor--> LEAVES
 *    ^  ^                              |                                           |
 *    |  '-------- it cannot -----------'                                       it has ended
 *    |                                                                             v
 *    '---- its thread is there ---- STARTS <----- somebody needs it ----------- PAUSED
 */
enum writer_is { WRITER_RUNS, WRITER_ASKED, WRITER_LEAVES, WRITER_PAUSED, WRITER_STARTS };

struct lane;

struct recorder {
    struct recorder_options options;
    char *path;    /* owned */
    uint8_t *meta; /* owned */
    struct os_mutex lock;
    struct os_cond work; /* to the writer: a slot was queued, growth wanted, stop */
    struct os_cond room; /* from the writer: a slot is free, growth done, opened */
    struct os_thread thread;
    int has_thread;
    int has_private_table;
    /* under lock */
    enum writer_is writer_is; /* where has_thread */
    int has_begun;            /* the thread has its own descriptors by now */
    uint64_t thread_id;
    struct os_door door; /* from ASKED until STARTS, with its descriptor if that was private */
    uint32_t waiting;    /* threads in writer_thread_wait() */
    int is_open, is_stopping;
    struct recorder_stats *closing_stats;
    rl_status open_status;
    struct rl_err open_err;
    struct live *lives;   /* owned; newest first */
    struct live *control; /* the first LIVE block: its control page holds the losses */
    struct slot_list free_small, free_large, queue, kept;
    size_t slot_bytes;                 /* of all LIVE blocks */
    uint32_t small_count, large_count; /* slots of the newest block of that size */
    int wants_small, wants_large;
    int cannot_grow;
    int wants_tick;    /* somebody waits until LIVE slots and definitions are in the file */
    int cannot_define; /* the file takes no definitions any more */
    int is_defining;   /* definitions are not pending any more, and not in the file yet */
    uint32_t in_work;  /* slots that the writer holds */
    struct dictionary dictionary;
    /* ring.c */
    struct bytes_out earlier;  /* what the generation before defined, and is not in the file yet */
    uint32_t generation;       /* of definitions, from 1 */
    uint64_t generation_bytes; /* that its definitions take on the shelf */
    struct shelf shelf;        /* the writer's */
    struct lane *lanes;
    uint32_t threads;
    uint64_t kept_events;
    uint32_t inside; /* threads between lock and unlock of a refill, waits included */
};

struct recorder_and_writer {
    struct recorder recorder; /* first: the two are freed together */
    struct writer writer;
};

static inline struct writer *recorder_writer(struct recorder *recorder)
{
    return &((struct recorder_and_writer *)(void *)recorder)->writer;
}

static inline int state_is_ring(const struct recorder *recorder)
{
    return recorder->options.ring_bytes != 0;
}

/* recorder may be NULL. */
static inline void state_count_loss(struct recorder *recorder, enum rl_loss_reason reason,
                                    uint64_t n)
{
    struct live *control = recorder != NULL ? recorder->control : NULL;
    if (control != NULL) {
        _Atomic uint64_t *at =
            (_Atomic uint64_t *)(void *)(control->memory + RL_LV_LOSS + 8 * (size_t)reason);
        atomic_fetch_add_explicit(at, n, memory_order_relaxed);
    }
}

/* Empties a slot and puts it where lanes find it. */
static inline void state_free_slot(struct recorder *recorder, struct slot *slot)
{
    /* release: a reader that finds it empty has seen all that was in it */
    atomic_store_explicit((_Atomic uint32_t *)(void *)(slot->memory + RL_SL_USED), 0,
                          memory_order_release);
    slot_list_append(slot->size == SLOT_LARGE ? &recorder->free_large : &recorder->free_small,
                     slot);
}

/* Nobody waits for the lock while the writer thread writes. Without that thread the lock is what
 * keeps the writer to one caller. */
static inline void state_begin_writing(struct recorder *recorder)
{
    if (recorder->has_thread) {
        os_unlock_mutex(&recorder->lock);
    }
}

static inline void state_end_writing(struct recorder *recorder)
{
    if (recorder->has_thread) {
        os_lock_mutex(&recorder->lock);
    }
}

#endif
