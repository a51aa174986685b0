/* Slots: pieces of LIVE blocks, handed between lanes and the writer thread.
 * Every function is called with the recorder's lock held, unless it says otherwise. */
#ifndef SLOTS_H
#define SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "rec.h"

#define SLOT_SMALL (16u << 10)
#define SLOT_LARGE (128u << 10)

struct slot {
    uint8_t *memory; /* header, then rows */
    uint32_t size;
    uint32_t used; /* when it was handed over */
    uint32_t events;
    uint32_t generation;    /* of the definitions that its rows need, in a ring */
    struct chunk_info info; /* copy of the header, with ticks1 and mono1 */
    struct slot *next;
};

struct slot_list {
    struct slot *first, *last;
    size_t count;
};

/* One LIVE block. */
struct live {
    uint8_t *memory; /* control page, then slots */
    size_t bytes;
    uint64_t offset;    /* of the payload in the file */
    uint64_t before;    /* where the file ended before it: its padding begins there */
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

/* Makes the descriptors of a block whose memory is there and puts its slots into the list. -1: no
 * memory. */
int live_init(struct live *live, uint32_t slot_size, struct slot_list *free_slots);
/* Its memory is given back; the block stays in the file. */
void live_unmap(struct live *live);
void live_fini(struct live *live);

/* Empties a slot (used = 0 first) and names its next owner. */
void slot_begin(struct slot *slot, const struct chunk_info *info);

#endif
