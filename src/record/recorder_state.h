/* The state of a recorder, and the small steps on it that several files need. Private to
 * src/record.
 *
 *   recorder.c        what recorder.h declares
 *   lane.c            a lane's slot is full or empty
 *   writer_thread.c   the writer thread starts, pauses for a fork, ends
 *   work.c            what is done with the file, by that thread or without it
 *   ring.c            what a ring does otherwise
 *   recorder_state.h  this struct; writer.h, shelf.h, slots.h, dictionary.h, source_asks.h are its
 *                     parts
 *
 * Each file uses those below it, never one above.
 *
 * Locks: `lock` guards everything but the fields that say otherwise. It is never held while a
 * thread waits for the GIL. The writer thread releases it while it writes (state_begin_writing()),
 * so no traced thread waits for the disk.
 *
 * The writer thread ends before the process forks, and starts again when it is needed:
 *
 *   RUNS --recorder_before_fork()--> ASKED --the writer passes its descriptor--> LEAVES
 *    ^  ^                              |                                           |
 *    |  '-- the descriptor cannot -----'                               the thread has ended
 *    |      be passed                                                              |
 *    |                                                                             v
 *    '---- the thread has begun --- STARTS <-- recorder_resume(), a wait ------- PAUSED
 */
#ifndef RECORDER_STATE_H
#define RECORDER_STATE_H

#include <stdatomic.h>

#include "dictionary.h"
#include "os.h"
#include "recorder_options.h"
#include "shelf.h"
#include "slots.h"
#include "source_asks.h"
#include "writer.h"

enum writer_is { WRITER_RUNS, WRITER_ASKED, WRITER_LEAVES, WRITER_PAUSED, WRITER_STARTS };

struct lane;

struct lane_list {
    struct lane *first, *last;
    size_t count;
};

struct recorder {
    struct recorder_options options;
    char *path;    /* owned */
    uint8_t *meta; /* owned */
    struct os_mutex lock;
    struct os_cond work; /* to the writer: a slot was queued, slots are wanted, stop */
    struct os_cond room; /* from the writer: a slot is free, slots were added, file opened */
    struct os_thread thread;
    int has_thread;           /* 0: the system refused a thread; the lock's holder does its work */
    int has_private_table;    /* the writer thread has a descriptor table of its own */
    enum writer_is writer_is; /* valid while has_thread */
    int has_begun;            /* the thread runs and has its descriptors */
    uint64_t thread_id;
    struct os_door door; /* from ASKED to STARTS; carries the descriptor of a private table */
    uint32_t waiting;    /* threads in writer_thread_wait() */
    uint32_t beginners;  /* those of them that wait for their first slot */
    int is_open, is_stopping;
    struct recorder_stats *closing_stats;
    rl_status open_status;
    struct rl_err open_err;
    struct live *lives;   /* owned; newest first */
    struct live *control; /* the first LIVE block: its control page holds the losses */
    struct supply supplies[SLOT_SIZES]; /* slots.h draws what becomes of a slot */
    struct slot_list queue, kept;
    size_t slot_bytes; /* in all LIVE blocks */
    int wants_shrink;  /* a ring began again: work_shrink() gives slots back */
    int cannot_grow;   /* the last work_grow() failed */
    int wants_tick;    /* a thread waits until LIVE slots and definitions are in the file */
    int cannot_define; /* the last write of definitions failed */
    int is_defining;   /* definitions are taken from `pending` and not in the file yet */
    uint32_t in_work;  /* slots taken from the queue and not free yet */
    struct dictionary dictionary;
    struct bytes_out earlier;  /* ring: definitions of the last generation, not in the file yet */
    uint32_t generation;       /* of definitions, from 1 */
    uint64_t generation_bytes; /* ring: what its definitions take on the shelf */
    struct source_asks sources;
    struct shelf shelf;              /* ring: belongs to the writer, not to the lock */
    struct lane_list filling, empty; /* lanes with a slot, the oldest first, and without */
    uint32_t threads;
    uint64_t kept_events; /* in the slots of `kept` */
    uint32_t inside;      /* threads between lock and unlock of lane_refill(), waits included */
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

/* Counts n events as lost, where a crash leaves the number readable. recorder may be NULL. */
static inline void state_count_loss(struct recorder *recorder, enum rl_loss_reason reason,
                                    uint64_t n)
{
    struct live *control = recorder != NULL ? recorder->control : NULL;
    if (control != NULL) {
        _Atomic uint64_t *at =
            (_Atomic uint64_t *)(void *)(control->memory + RL_LV_LOSS + 8 * (size_t)reason);
        /* relaxed: a sum alone; nothing is ordered by it */
        atomic_fetch_add_explicit(at, n, memory_order_relaxed);
    }
}

static inline size_t state_count_free(const struct recorder *recorder)
{
    size_t count = 0;
    for (int i = 0; i < SLOT_SIZES; i++) {
        count += recorder->supplies[i].free.count;
    }
    return count;
}

/* Returns whether work_grow() has something to do. */
static inline int state_wants_slots(const struct recorder *recorder)
{
    int wants = 0;
    for (int i = 0; i < SLOT_SIZES; i++) {
        wants |= recorder->supplies[i].is_wanted;
    }
    return wants;
}

/* Empties a slot and appends it to the free list of its size. */
static inline void state_free_slot(struct recorder *recorder, struct slot *slot)
{
    /* release: a reader that sees 0 also sees what the writer wrote from this slot before */
    atomic_store_explicit((_Atomic uint32_t *)(void *)(slot->memory + RL_SL_USED), 0,
                          memory_order_release);
    slot_list_append(&recorder->supplies[slot->size].free, slot);
}

/* Around each write: the writer thread releases the lock, so no traced thread waits for the disk.
 * Without that thread the lock is kept, because it keeps the writer to one caller. */
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
