/* Slots: pieces of LIVE blocks that lanes fill and the writer thread empties.
 *
 *            lane_refill()              lane_hand_over()            work_drain()
 *   FREE ------------------> FILLING ---------------------> QUEUED --------------> FREE
 *    ^                       (one lane)        |
 *    |                                         | --ring, also when another lane needs a slot
 *    |                                         v
 *    '---- generation given up -------------- KEPT --- oldest slot reused ---> FILLING
 *
 *   FREE      in the list of its size; `used` in its header is 0
 *   FILLING   lane->slot; in no list
 *   QUEUED    in queue, then in the writer's hand (recorder.in_work counts those)
 *   KEPT      in kept, oldest first; its rows are a part of the recording as they are
 *
 * A slot's memory is in the file. A reader finds it by the header, which names thread and chunk:
 *
 *   LIVE block:  control page | slot 0 | slot 1 | ...
 *   slot:        header 64 bytes: used, thread, chunk, clock pair, ... | rows
 *
 * Every function is called with the recorder's lock held, unless its comment says otherwise. */
#ifndef SLOTS_H
#define SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "rec.h"

enum slot_size {
    SLOT_SMALL, /* the first slots of a thread: most threads are short */
    SLOT_LARGE, /* later ones: fewer hand-overs, and zstd finds more to share */
    SLOT_HUGE,  /* where few threads have much to record: fewer bytes in the file */
    SLOT_SIZES
};

enum { SLOT_SMALL_BYTES = 16 << 10, SLOT_LARGE_BYTES = 128 << 10, SLOT_HUGE_BYTES = 512 << 10 };

static inline uint32_t slot_bytes(enum slot_size size)
{
    return size == SLOT_SMALL   ? SLOT_SMALL_BYTES
           : size == SLOT_LARGE ? SLOT_LARGE_BYTES
                                : SLOT_HUGE_BYTES;
}

struct slot {
    uint8_t *memory; /* header, then rows */
    enum slot_size size;
    uint32_t used; /* bytes of rows when the lane handed the slot over */
    uint32_t events;
    uint32_t generation;    /* --ring: the generation whose definitions its rows need */
    struct chunk_info info; /* copy of the header, with ticks1 and mono1 */
    struct slot *next;
};

/* A queue: appended at the end, taken from the front. */
struct slot_list {
    struct slot *first, *last;
    size_t count;
};

/* All slots of one size. */
struct supply {
    struct slot_list free;
    uint32_t slots;  /* in all blocks */
    uint32_t newest; /* in the newest block; the next one has twice as many */
    int is_wanted;   /* a lane found no free slot: work_grow() adds a block */
};

/* One LIVE block. */
struct live {
    uint8_t *memory; /* control page, then slots */
    size_t bytes;
    uint64_t offset;    /* of the payload in the file */
    uint64_t before;    /* end of the file before the block: its padding begins there */
    struct slot *slots; /* owned */
    uint32_t slot_count;
    struct live *next;
};

static inline void slot_list_append(struct slot_list *list, struct slot *slot)
{
    slot->next = NULL;
    if (list->last != NULL) {
        list->last->next = slot;
    } else {
        list->first = slot;
    }
    list->last = slot;
    list->count++;
}

static inline void slot_list_prepend(struct slot_list *list, struct slot *slot)
{
    slot->next = list->first;
    list->first = slot;
    if (list->last == NULL) {
        list->last = slot;
    }
    list->count++;
}

/* Takes the first slot out of the list; NULL where the list is empty. */
static inline struct slot *slot_list_take(struct slot_list *list)
{
    struct slot *slot = list->first;
    if (slot != NULL) {
        list->first = slot->next;
        if (list->first == NULL) {
            list->last = NULL;
        }
        list->count--;
    }
    return slot;
}

/* Divides a mapped block into slots, writes its control page and appends the slots to the list.
 * Returns -1 without memory. */
int live_init(struct live *live, enum slot_size size, struct slot_list *free_slots);
/* Unmaps the block's memory. The block stays in the file. */
void live_unmap(struct live *live);
void live_fini(struct live *live);

/* Empties a slot and writes the header of its next owner. `used` becomes 0 first: a reader that
 * still sees the old header finds no rows. */
void slot_begin(struct slot *slot, const struct chunk_info *info);

#endif
