/* Why: what a lane does when its slot is full. It hands the slot over and takes another; where
 * there is none, it waits or drops the event.
 *
 *   free slot? ----------------------------------------------------> take it
 *      | no
 *   may the recorder add slots? --yes--> wants_small/_large, wait --> try again
 *      | no
 *   ring: is the oldest slot's content safe? --yes--> count its events as lost, take it
 *      | no
 *   queue not empty, and may wait? --yes--> wait for the writer ----> try again
 *      | no
 *   drop the event, count the loss; a LOSS row reports it when there is room
 *
 * Threads: called by traced threads; everything shared is under the recorder's lock.
 * Invariant: a lane that waits holds no slot, so the writer thread can always make progress. */
#include "lane.h"

#include "recorder_state.h"
#include "ring.h"
#include "work.h"
#include "writer_thread.h"

enum { WARM_SLOTS = 4 }; /* a thread that filled so many small slots gets large ones */

void lane_hand_over(struct lane *lane)
{
    struct recorder *recorder = lane->recorder;
    struct slot *slot = lane->slot;
    if (slot == NULL) {
        return;
    }
    struct clock_pair now = clock_pair_now();
    slot->used = (uint32_t)(lane->cur - lane->rows);
    slot->events = slot->used / RL_ROW_BYTES - lane->extras;
    slot->info.ticks1 = now.ticks;
    slot->info.mono1 = now.mono_ns;
    lane->first_seq += slot->events;
    lane->chunk++;
    lane->slots_filled++;
    lane->slot = NULL;
    lane->cur = lane->end = lane->rows = NULL;
    if (recorder->options.ring_bytes != 0) {
        slot_list_append(&recorder->kept, slot);
        recorder->kept_events += slot->events;
    } else {
        slot_list_append(&recorder->queue, slot);
        os_cond_signal(&recorder->work);
    }
}

/* Takes a free slot of the wanted size, or else of the other size. */
static struct slot *take_free(struct recorder *recorder, int wants_large)
{
    struct slot_list *first = wants_large ? &recorder->free_large : &recorder->free_small;
    struct slot_list *second = wants_large ? &recorder->free_small : &recorder->free_large;
    struct slot *slot = slot_list_take(first);
    return slot != NULL ? slot : slot_list_take(second);
}

/* Returns whether the recorder may add slots. A thread's first slot is beyond the limit. */
static int may_grow(const struct recorder *recorder, int is_first)
{
    if (recorder->cannot_grow) {
        return 0;
    }
    return state_is_ring(recorder)
               ? ring_may_grow(recorder)
               : is_first || recorder->slot_bytes < recorder->options.buffer_bytes;
}

/* Returns whether the oldest slot of a ring may be reused: its definitions are in the file.
 * Otherwise wakes the writer thread to write them; the caller waits. */
static int definitions_are_safe(struct recorder *recorder)
{
    if ((recorder->dictionary.pending.len == 0 && recorder->earlier.len == 0 &&
         !recorder->is_defining) ||
        recorder->cannot_define) {
        return 1;
    }
    if (!recorder->has_thread) {
        work_flush_definitions(recorder);
        return 1;
    }
    recorder->wants_tick = 1;
    os_cond_signal(&recorder->work);
    return 0;
}

/* Returns a slot, or NULL; *must_wait then says whether a wait can bring one. */
static struct slot *try_take(struct recorder *recorder, const struct lane *lane, int may_wait,
                             int *must_wait)
{
    int is_first = lane->slots_filled == 0;
    int wants_large = lane->slots_filled >= WARM_SLOTS;
    struct slot *slot = take_free(recorder, wants_large);
    *must_wait = 1;
    if (slot != NULL) {
        return slot;
    }
    if (may_grow(recorder, is_first)) {
        *(wants_large ? &recorder->wants_large : &recorder->wants_small) = 1;
        if (recorder->has_thread) {
            os_cond_signal(&recorder->work);
            return NULL;
        }
        work_grow(recorder);
        if ((slot = take_free(recorder, wants_large)) != NULL) {
            return slot;
        }
    }
    if (recorder->kept.first != NULL && !definitions_are_safe(recorder) && may_wait) {
        return NULL;
    }
    if ((slot = slot_list_take(&recorder->kept)) != NULL) {
        state_count_loss(recorder, RL_LOSS_RING, slot->events);
        recorder->kept_events -= slot->events;
        return slot;
    }
    if (!recorder->has_thread) {
        work_drain(recorder);
        slot = take_free(recorder, wants_large);
    }
    *must_wait = slot == NULL && (recorder->queue.count != 0 || recorder->in_work != 0) &&
                 !(recorder->options.may_drop && !is_first);
    return slot;
}

/* Takes a slot, waiting if need be. *token becomes the argument of wait_end(), which the caller
 * calls without the lock. It stays NULL where no wait_begin() was called. */
static struct slot *take_slot(struct lane *lane, int may_wait, void **token)
{
    struct recorder *recorder = lane->recorder;
    const struct recorder_hooks *hooks = &recorder->options.hooks;
    int must_wait = 0;
    struct slot *slot = NULL;
    for (;;) {
        slot = try_take(recorder, lane, may_wait, &must_wait);
        if (slot != NULL || !must_wait || !may_wait || recorder->is_stopping) {
            return slot;
        }
        if (*token == NULL && hooks->wait_begin != NULL) {
            *token = hooks->wait_begin();
        }
        writer_thread_wait(recorder);
    }
}

/* Makes a slot the lane's: writes its header and sets the cursors. */
static void begin_slot(struct lane *lane, struct slot *slot)
{
    const struct recorder_hooks *hooks = &lane->recorder->options.hooks;
    struct clock_pair now = clock_pair_now();
    struct chunk_info info = {
        .thread = lane->thread,
        .chunk = lane->chunk,
        .first_seq = lane->first_seq,
        .first_call = lane->next_frame & RL_FRAME_ORDINAL_MASK,
        .ticks0 = now.ticks,
        .mono0 = now.mono_ns,
        .top = hooks->top_frame != NULL && lane->owner != NULL ? hooks->top_frame(lane->owner) : 0,
        .name = lane->name,
    };
    slot_begin(slot, &info);
    slot->generation = lane->recorder->generation;
    lane->slot = slot;
    lane->rows = lane->cur = slot->memory + RL_SLOT_HEADER_BYTES;
    lane->end = slot->memory + slot->size;
    lane->used = (_Atomic uint32_t *)(void *)(slot->memory + RL_SL_USED);
    lane->base = now.ticks;
    lane->extras = 0;
}

/* Makes room, as lane.h promises. Threads are counted as `inside` while they use the recorder here,
 * so that recorder_close() can free it. */
static int refill_lane(struct lane *lane, uint32_t units, int may_wait)
{
    struct recorder *recorder = lane->recorder;
    if (recorder == NULL) {
        return 0;
    }
    if ((size_t)(lane->end - lane->cur) >= (units + 1) * (size_t)RL_ROW_BYTES) {
        /* There is room: only the base was too old. */
        lane->base = clock_ticks();
        lane_row(lane, 0, RL_ROW_TIME, 0, lane->base);
        lane->extras++;
        return 1;
    }
    void *token = NULL;
    void (*wait_end)(void *) = recorder->options.hooks.wait_end;
    if (may_wait && lane->slot != NULL && recorder->options.hooks.filled != NULL) {
        recorder->options.hooks.filled(lane->owner, lane->rows, (size_t)(lane->cur - lane->rows));
    }
    os_lock_mutex(&recorder->lock);
    recorder->inside++;
    lane_hand_over(lane);
    struct slot *slot = take_slot(lane, may_wait, &token);
    if (slot != NULL && lane->recorder == NULL) {
        slot = NULL; /* the recording stopped during the wait */
    }
    if (slot != NULL) {
        begin_slot(lane, slot);
    } else if (lane->recorder != NULL) {
        lane->dropped++;
        enum rl_loss_reason reason =
            recorder->cannot_grow ? RL_LOSS_DISK_FULL : RL_LOSS_BUFFER_FULL;
        state_count_loss(recorder, reason, 1);
    }
    recorder->inside--;
    if (recorder->is_stopping) {
        os_cond_broadcast(&recorder->room); /* recorder_close() waits until no thread is inside */
    }
    os_unlock_mutex(&recorder->lock);
    /* The recorder may be gone from here on. wait_end() waits for the host's lock, so none of ours
     * may be held. A daemon thread may end in there and never return. */
    if (token != NULL && wait_end != NULL) {
        wait_end(token);
    }
    if (lane->slot == NULL) {
        return 0;
    }
    if (lane->dropped != 0) {
        lane_row(lane, 0, RL_EVENT_LOSS, RL_LOSS_BUFFER_FULL, lane->dropped);
        lane->dropped = 0;
    }
    return 1;
}

int lane_refill(struct lane *lane, uint32_t units)
{
    return refill_lane(lane, units, 1);
}

int lane_refill_at_once(struct lane *lane, uint32_t units)
{
    return refill_lane(lane, units, 0);
}
