/* Why: the bookkeeping of LIVE blocks, apart from files and threads; slots.h draws the states.
 *
 * Invariant: `used` in a slot's header is 0 while anything else in the header changes. A reader of
 * the running process therefore never takes rows for another thread's. */
#include "slots.h"

#include <stdatomic.h>

#include "alloc.h"
#include "os.h"

int live_init(struct live *live, enum slot_size size, struct slot_list *free_slots)
{
    uint8_t *memory = live->memory;
    uint32_t count = (uint32_t)((live->bytes - RL_PAGE) / slot_bytes(size));
    struct slot *slots = rl_zalloc(count, sizeof *slots);
    if (slots == NULL) {
        return -1;
    }
    live->slots = slots;
    live->slot_count = count;
    put32(memory + RL_LV_SLOT_BYTES, slot_bytes(size));
    put32(memory + RL_LV_SLOTS, count);
    put32(memory + RL_LV_STATE, RL_LIVE_RUNNING);
    /* release: a reader that sees the magic number sees the rest; without it the page is blank */
    atomic_store_explicit((_Atomic uint32_t *)(void *)(memory + RL_LV_MAGIC), RL_LIVE_MAGIC,
                          memory_order_release);
    for (uint32_t i = 0; i < count; i++) {
        slots[i].memory = memory + RL_PAGE + (size_t)i * slot_bytes(size);
        slots[i].size = size;
        slot_list_append(free_slots, &slots[i]);
    }
    return 0;
}

void live_unmap(struct live *live)
{
    if (live->memory != NULL) {
        os_unguard(live->memory);
        os_unmap(live->memory, live->bytes);
        live->memory = NULL;
    }
}

void live_fini(struct live *live)
{
    live_unmap(live);
    rl_free(live->slots);
}

void slot_begin(struct slot *slot, const struct chunk_info *info)
{
    /* release and fence: a reader that sees the new header has seen used == 0 before */
    atomic_store_explicit((_Atomic uint32_t *)(void *)(slot->memory + RL_SL_USED), 0,
                          memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    slot->info = *info;
    slot->used = 0;
    slot->events = 0;
    slot_info_put(slot->memory, info);
}
