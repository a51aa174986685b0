/* What recorder.c (start, stop, definitions) and lanes.c (hand-over) share. Private to src/record.
 */
#ifndef RECORDER_STATE_H
#define RECORDER_STATE_H

#include "dictionary.h"
#include "os.h"
#include "recorder.h"
#include "slots.h"
#include "writer.h"

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
    uint32_t in_work;  /* slots that the writer holds */
    struct dictionary dictionary;
    struct lane *lanes;
    uint32_t threads;
    uint64_t kept_events;
    uint32_t inside; /* threads between lock and unlock of a refill, waits included */
};

/* All with the lock held. */
void recorder_grow(struct recorder *recorder);
/* The writer's turn: takes slots from the queue until it is empty. Unlocks while it writes. */
void recorder_drain(struct recorder *recorder);
void recorder_flush_dictionary(struct recorder *recorder);
void lane_hand_over(struct lane *lane);

#endif
