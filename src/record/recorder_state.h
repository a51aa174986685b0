/* What recorder.c (start, stop, definitions) and lanes.c (hand-over) share. Private to src/record.
 */
#ifndef RECORDER_STATE_H
#define RECORDER_STATE_H

#include "dictionary.h"
#include "os.h"
#include "recorder.h"
#include "shelf.h"
#include "slots.h"
#include "writer.h"

/* The writer thread ends before the process forks, and is begun again (pause.c):
 *
 *   RUNS --recorder_before_fork()--> ASKED --the writer passes its descriptor--> LEAVES
 *    ^  ^                              |                                           |
 *    |  '-------- it cannot -----------'                                       it has ended
 *    |                                                                             v
 *    '---- its thread is there ---- STARTS <----- somebody needs it ----------- PAUSED
 */
enum writer_is { WRITER_RUNS, WRITER_ASKED, WRITER_LEAVES, WRITER_PAUSED, WRITER_STARTS };

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
    uint32_t waiting;    /* threads in recorder_wait() */
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

/* All with the lock held. */
/* Begins the writer thread; -1 where the system has none. */
int recorder_start_writer(struct recorder *recorder);
/* The writer's half of a pause: whether it must end now, its descriptor behind the door. */
int recorder_must_leave(struct recorder *recorder);
/* The descriptor that was passed is the calling thread's from now on. */
void recorder_take_file(struct recorder *recorder);
/* The work of a writer that is paused, or of none at all, is the caller's from now on. */
void recorder_take_over(struct recorder *recorder);
/* Waits until the writer has done something. A paused one is begun again; where that cannot be, its
 * work is the caller's from now on and nothing is waited for. */
void recorder_wait(struct recorder *recorder);
void recorder_need_writer(struct recorder *recorder);
/* Once a tick: what is not driven by full slots. */
void recorder_tick(struct recorder *recorder);
void recorder_grow(struct recorder *recorder);
/* The writer's turn: takes slots from the queue until it is empty. Unlocks while it writes. */
void recorder_drain(struct recorder *recorder);
void recorder_flush_dictionary(struct recorder *recorder);
void lane_hand_over(struct lane *lane);
/* Slots may be made: within the ring, or because there is no other way. */
int ring_may_grow(const struct recorder *recorder);
/* Which ones, where `count` of that size are wanted. */
void ring_fit(const struct recorder *recorder, uint32_t *slot_size, uint32_t *count);
void ring_make_shelf(struct recorder *recorder);
/* Puts definitions on the shelf; unlocks while it writes. */
rl_status ring_define(struct recorder *recorder, uint32_t generation, const uint8_t *entries,
                      size_t len);

#endif
