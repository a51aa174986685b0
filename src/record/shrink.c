/* Why: one test of a thousand fills a ring. Its slots would take disk space and memory until the
 * last test has ended.
 *
 *   free lists   a a a c b b b b      LIVE blocks  a (first)  b (all free)  c (one is filled)
 *                      |
 *                      v
 *   free lists   a a a c              LIVE blocks  a  PAD  c      b's space is given back
 *
 * Invariants:
 *  1. The first block stays: its control page holds the losses.
 *  2. A block's slots leave the free lists before its memory is unmapped.
 *  3. After each write the file reads whole: one write makes a LIVE block PAD.
 *
 * Threads: the lock is held throughout; to give space back takes no longer than a write. */
#include "shrink.h"

#include "alloc.h"

static int is_of(const struct live *live, const struct slot *slot)
{
    return slot >= live->slots && slot < live->slots + live->slot_count;
}

/* Returns whether all slots of a block are free. */
static int is_free(const struct recorder *recorder, const struct live *live)
{
    const struct slot_list *list = &recorder->supplies[live->slots[0].size].free;
    uint32_t count = 0;
    for (const struct slot *slot = list->first; slot != NULL; slot = slot->next) {
        count += (uint32_t)is_of(live, slot);
    }
    return count == live->slot_count;
}

/* Takes the slots of a block out of a list. */
static void remove_slots(struct slot_list *list, const struct live *live)
{
    struct slot_list left = {0};
    struct slot *slot;
    while ((slot = slot_list_take(list)) != NULL) {
        if (!is_of(live, slot)) {
            slot_list_append(&left, slot);
        }
    }
    *list = left;
}

/* Gives one block up, and frees it. */
static void give_up(struct recorder *recorder, struct live *live)
{
    struct supply *supply = &recorder->supplies[live->slots[0].size];
    remove_slots(&supply->free, live);
    recorder->slot_bytes -= (size_t)slot_bytes(live->slots[0].size) * live->slot_count;
    supply->slots -= live->slot_count;
    supply->newest -= supply->newest > 1 ? supply->newest / 2 : 0; /* work_grow() doubles it */
    live_unmap(live);
    (void)writer_give_up_live(recorder_writer(recorder), live);
    live_fini(live);
    rl_free(live);
}

void work_shrink(struct recorder *recorder)
{
    recorder->wants_shrink = 0;
    for (struct live **at = &recorder->lives; *at != NULL;) {
        struct live *live = *at;
        if (live == recorder->control || live->slot_count == 0 || !is_free(recorder, live)) {
            at = &live->next;
            continue;
        }
        *at = live->next;
        give_up(recorder, live);
    }
    recorder->cannot_grow = 0;
}
