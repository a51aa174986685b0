/* Why: what a lane does when its slot is full. It hands the slot over and takes another; where
 * there is none, it waits or drops the event.
 *
 *   no slot of the fitting size is free? --> wakes the writer thread, which may add some
 *      | then
 *   free slot? ----------------------------------------------------> take it
 *      | no
 *   may the recorder add slots? --yes--> supply.is_wanted, wait ----> try again
 *      | no
 *   ring: do other lanes fill more slots than are kept? --yes--> the oldest of them is kept
 *      | then
 *   ring: is the oldest slot's content safe? --yes--> count its events as lost, take it
 *      | no
 *   queue not empty, and may wait? --yes--> wait for the writer ----> try again
 *      | no
 *   drop the event, count the loss; a LOSS row reports it when there is room
 *
 * Waking the writer thread takes the traced thread longer than filling a small slot. So full slots
 * wait until there are WAKE_AT, or until hardly a slot is free, or for the next tick. Meanwhile
 * their rows are as safe as those of the slots that are being filled.
 *
 * Threads: called by traced threads; everything shared is under the recorder's lock.
 * Invariant: a lane that waits holds no slot, so the writer thread can always make progress. */
#include "lane.h"

#include "recorder_state.h"
#include "ring.h"
#include "work.h"
#include "writer_thread.h"

enum {
    WARM_SLOTS = 4, /* a thread that filled so many small slots gets large ones */
    HOT_SLOTS = 12, /* and huge ones after so many */
    WAKE_AT = 4,    /* full slots that the writer thread is woken for, or one that is huge */
    FOR_EACH = 3    /* large slots for each lane that fills a slot; the same for huge ones */
};

void lane_list_append(struct lane_list *list, struct lane *lane)
{
    lane->next = NULL;
    lane->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = lane;
    list->last = lane;
    list->count++;
}

void lane_list_remove(struct lane_list *list, struct lane *lane)
{
    *(lane->previous != NULL ? &lane->previous->next : &list->first) = lane->next;
    *(lane->next != NULL ? &lane->next->previous : &list->last) = lane->previous;
    lane->next = lane->previous = NULL;
    list->count--;
}

/* Takes the slot from the lane, with all that its rows say. */
static struct slot *end_slot(struct lane *lane)
{
    struct recorder *recorder = lane->recorder;
    struct slot *slot = lane->slot;
    struct clock_pair now = clock_pair_now();
    slot->used = (uint32_t)(lane->cur - lane->rows);
    slot->events = slot->used / RL_ROW_BYTES - lane->extras;
    slot->info.ticks1 = now.ticks;
    slot->info.mono1 = now.mono_ns;
    lane->first_seq += slot->events;
    lane->chunk++;
    lane->slots_filled++;
    lane->extras = 0;
    lane->slot = NULL;
    lane->cur = lane->end = lane->rows = NULL;
    lane_list_remove(&recorder->filling, lane);
    lane_list_append(&recorder->empty, lane);
    recorder->kept_events += state_is_ring(recorder) ? slot->events : 0;
    return slot;
}

/* Returns whether a full slot is not to wait for others. The last free slot is about to be taken. A
 * thread that drops events instead of waiting needs every slot soon. */
static int must_wake(const struct recorder *recorder, const struct slot *slot)
{
    return recorder->queue.count >= WAKE_AT || slot->size == SLOT_HUGE ||
           recorder->options.may_drop || state_count_free(recorder) <= 1;
}

void lane_hand_over(struct lane *lane)
{
    struct recorder *recorder = lane->recorder;
    if (lane->slot == NULL) {
        return;
    }
    struct slot *slot = end_slot(lane);
    if (state_is_ring(recorder)) {
        slot_list_append(&recorder->kept, slot);
    } else {
        slot_list_append(&recorder->queue, slot);
        if (must_wake(recorder, slot)) {
            os_cond_signal(&recorder->work);
        }
    }
}

/* Takes a free slot of the wanted size, or else the largest below it, or else one above. */
static struct slot *take_free(struct recorder *recorder, enum slot_size wanted)
{
    struct slot *slot = NULL;
    for (int size = (int)wanted; slot == NULL && size >= 0; size--) {
        slot = slot_list_take(&recorder->supplies[size].free);
    }
    for (int size = (int)wanted + 1; slot == NULL && size < SLOT_SIZES; size++) {
        slot = slot_list_take(&recorder->supplies[size].free);
    }
    return slot;
}

/* What a lane looks for, and what came of it. */
struct search {
    const struct lane *lane;
    int may_wait;
    void *token;   /* argument of wait_end(); NULL where no wait_begin() was called */
    int must_wait; /* a wait can bring a slot */
    int is_late;   /* a ring's slots went to others during a wait: the search begins again */
};

/* Adds slots, or makes the writer thread add them. Returns a slot, or NULL where a wait can bring
 * one. */
static struct slot *grow(struct recorder *recorder, struct search *search, enum slot_size wanted)
{
    recorder->supplies[wanted].is_wanted = 1;
    search->must_wait = recorder->has_thread;
    if (recorder->has_thread) {
        os_cond_signal(&recorder->work);
        return NULL;
    }
    work_grow(recorder);
    return take_free(recorder, wanted);
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

/* Returns whether all rows of the lane are published: its thread is not between a prefix and the
 * event. */
static int is_whole(const struct lane *lane)
{
    /* relaxed: the lane's thread is kept from writing */
    return atomic_load_explicit(lane->used, memory_order_relaxed) ==
           (uint32_t)(lane->cur - lane->rows);
}

/* Where other lanes fill more slots than the ring keeps: ends the slot that began first, if it is
 * older than all that are kept. So threads that say little do not take the ring from the others,
 * and it has its size with more threads than slots.
 *
 * No thread writes the lane meanwhile. The caller has the host's lock: it has not waited yet
 * (token). do_others_rest() says that no thread is in the middle of an event. A host may also give
 * its lock away unseen, as in a collection of garbage. Such a lane is not whole, or its thread
 * goes on with lane_reserve(), which finds no slot. Nothing is called between lane_reserve() and
 * lane_row(). recorder_lane_end() may run without the host's lock, but it takes the recorder's. */
static void share_ring(struct recorder *recorder, const struct search *search)
{
    const struct recorder_hooks *hooks = &recorder->options.hooks;
    const struct slot *kept = recorder->kept.first;
    if (!search->may_wait || search->token != NULL || hooks->do_others_rest == NULL ||
        recorder->filling.count <= recorder->kept.count || !hooks->do_others_rest()) {
        return;
    }
    struct lane *lane = recorder->filling.first;
    while (lane != NULL && !is_whole(lane)) {
        lane = lane->next;
    }
    if (lane != NULL && (kept == NULL || lane->slot->info.mono0 < kept->info.mono0)) {
        slot_list_prepend(&recorder->kept, end_slot(lane));
    }
}

/* Takes the oldest slot of a ring. Where every slot is being filled, the ring grows. */
static struct slot *take_oldest(struct recorder *recorder, struct search *search)
{
    share_ring(recorder, search);
    if (recorder->kept.first == NULL) {
        search->is_late = search->token != NULL;
        return search->is_late || !search->may_wait || recorder->cannot_grow
                   ? NULL
                   : grow(recorder, search, SLOT_SMALL);
    }
    if (search->may_wait && !definitions_are_safe(recorder)) {
        search->must_wait = 1;
        return NULL;
    }
    struct slot *slot = slot_list_take(&recorder->kept);
    if (slot == NULL) {
        /* The definitions made room: a generation was given up. */
        return take_free(recorder, SLOT_SMALL);
    }
    state_count_loss(recorder, RL_LOSS_RING, slot->events);
    recorder->kept_events -= slot->events;
    return slot;
}

/* Returns whether slots may be added within the limit. A thread's first slot is beyond it. */
static int may_grow(const struct recorder *recorder, int is_first)
{
    if (recorder->cannot_grow) {
        return 0;
    }
    return state_is_ring(recorder)
               ? ring_has_room(recorder)
               : is_first || recorder->slot_bytes < recorder->options.buffer_bytes;
}

/* Returns the size that fits what the lane has recorded. Huge slots are for few lanes: the buffer
 * must have room for one to fill, one that the writer thread empties, and one between. A ring has
 * many slots, because it forgets one at a time. */
static enum slot_size wanted_size(const struct recorder *recorder, const struct lane *lane)
{
    size_t huge = (size_t)FOR_EACH * (recorder->filling.count + 1) * SLOT_HUGE_BYTES;
    int has_room = !state_is_ring(recorder) && huge <= recorder->options.buffer_bytes;
    return lane->slots_filled < WARM_SLOTS               ? SLOT_SMALL
           : lane->slots_filled < HOT_SLOTS || !has_room ? SLOT_LARGE
                                                         : SLOT_HUGE;
}

/* A warm lane finds no slot of its size and goes on with a smaller one. Meanwhile the writer thread
 * empties such slots, or adds some. */
static void ask_for(struct recorder *recorder, enum slot_size size)
{
    struct supply *supply = &recorder->supplies[size];
    size_t enough = FOR_EACH * (recorder->filling.count + 1);
    supply->is_wanted |= supply->slots < enough && may_grow(recorder, 0);
    if (recorder->has_thread) {
        os_cond_signal(&recorder->work);
    } else if (supply->is_wanted) {
        work_grow(recorder);
    }
}

static int is_writing(const struct recorder *recorder)
{
    return recorder->queue.count != 0 || recorder->in_work != 0;
}

/* Returns whether free slots are for threads that wait for their first one. First slots are beyond
 * the limit: where another lane took them, the file would grow again. */
static int are_reserved(const struct recorder *recorder, int is_first)
{
    return !is_first && recorder->beginners != 0 && is_writing(recorder) &&
           state_count_free(recorder) <= recorder->beginners;
}

/* Returns a slot, or NULL; search->must_wait and is_late say what then. */
static struct slot *try_take(struct recorder *recorder, struct search *search)
{
    int is_first = search->lane->slots_filled == 0;
    enum slot_size wanted = wanted_size(recorder, search->lane);
    if (wanted != SLOT_SMALL && recorder->supplies[wanted].free.count == 0 &&
        !state_is_ring(recorder)) {
        ask_for(recorder, wanted);
    }
    struct slot *slot = are_reserved(recorder, is_first) ? NULL : take_free(recorder, wanted);
    search->must_wait = 0;
    if (slot == NULL && may_grow(recorder, is_first)) {
        slot = grow(recorder, search, wanted);
    }
    if (slot != NULL || search->must_wait) {
        return slot;
    }
    if (state_is_ring(recorder)) {
        return take_oldest(recorder, search);
    }
    if (!recorder->has_thread) {
        work_drain(recorder);
        return take_free(recorder, wanted);
    }
    search->must_wait = is_writing(recorder) && !(recorder->options.may_drop && !is_first);
    if (search->must_wait) {
        os_cond_signal(&recorder->work);
    }
    return NULL;
}

/* Takes a slot, waiting if need be and allowed. */
static struct slot *take_slot(struct recorder *recorder, struct search *search)
{
    const struct recorder_hooks *hooks = &recorder->options.hooks;
    uint32_t is_first = search->lane->slots_filled == 0;
    for (;;) {
        struct slot *slot = try_take(recorder, search);
        if (slot != NULL || !search->must_wait || !search->may_wait || recorder->is_stopping) {
            return slot;
        }
        if (search->token == NULL && hooks->wait_begin != NULL) {
            search->token = hooks->wait_begin();
        }
        recorder->beginners += is_first;
        writer_thread_wait(recorder);
        recorder->beginners -= is_first;
    }
}

/* Writes the header of a slot that the lane fills from now on, and sets the cursors. */
static void set_cursors(struct lane *lane, struct slot *slot)
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
    lane->end = slot->memory + slot_bytes(slot->size);
    lane->used = (_Atomic uint32_t *)(void *)(slot->memory + RL_SL_USED);
    lane->base = now.ticks;
    lane->extras = 0;
}

/* Makes a slot the lane's. */
static void begin_slot(struct lane *lane, struct slot *slot)
{
    lane_list_remove(&lane->recorder->empty, lane);
    lane_list_append(&lane->recorder->filling, lane);
    set_cursors(lane, slot);
}

void lane_restart(struct lane *lane, int keeps_slot)
{
    if (lane->slot != NULL && !is_whole(lane)) {
        return;
    }
    if (lane->slot != NULL && !keeps_slot) {
        state_free_slot(lane->recorder, end_slot(lane));
        lane->slots_filled = 0;
    } else if (lane->slot != NULL) {
        lane->chunk++; /* what was remembered of this slot is void (remembered.h, callers.h) */
        lane->first_seq = 0;
        set_cursors(lane, lane->slot);
    }
    lane->first_seq = 0;
    lane->dropped = 0;
}

/* Ends the lane's slot and gives it another, or counts an event that is dropped. The lock is held.
 */
static void change_slot(struct lane *lane, struct search *search)
{
    struct recorder *recorder = lane->recorder;
    lane_hand_over(lane);
    struct slot *slot = take_slot(recorder, search);
    if (slot != NULL && lane->recorder == NULL) {
        slot = NULL; /* the recording stopped during the wait */
    }
    if (slot != NULL) {
        begin_slot(lane, slot);
    } else if (lane->recorder != NULL && !search->is_late) {
        lane->dropped++;
        enum rl_loss_reason reason = recorder->cannot_grow     ? RL_LOSS_DISK_FULL
                                     : state_is_ring(recorder) ? RL_LOSS_RING
                                                               : RL_LOSS_BUFFER_FULL;
        state_count_loss(recorder, reason, 1);
    }
}

/* Gives the lane another slot, unless the event must be dropped. Returns 0 where the search begins
 * again. Threads are counted as `inside` while they use the recorder here, so that recorder_close()
 * can free it. */
static int search_slot(struct lane *lane)
{
    struct recorder *recorder = lane->recorder;
    struct search search = {.lane = lane, .may_wait = 1};
    void (*wait_end)(void *) = recorder->options.hooks.wait_end;
    os_lock_mutex(&recorder->lock);
    recorder->inside++;
    change_slot(lane, &search);
    int has_slot = lane->slot != NULL;
    int is_done = lane->recorder == NULL || !search.is_late;
    recorder->inside--;
    if (recorder->is_stopping) {
        os_cond_broadcast(&recorder->room); /* recorder_close() waits until no thread is inside */
    }
    os_unlock_mutex(&recorder->lock);
    /* The recorder may be gone from here on. wait_end() waits for the host's lock, so none of ours
     * may be held. A daemon thread may end in there and never return. */
    if (search.token != NULL && wait_end != NULL) {
        wait_end(search.token);
        /* The slot may be another lane's by now (share_ring). */
        return lane->recorder == NULL || (is_done && (lane->slot != NULL) == has_slot);
    }
    return is_done;
}

/* Writes the row of a loss that came before, if there is one. The lane has a slot. */
static void put_loss(struct lane *lane)
{
    if (lane->dropped != 0) {
        lane_row(lane, 0, RL_EVENT_LOSS, RL_LOSS_BUFFER_FULL, lane->dropped);
        lane->dropped = 0;
    }
}

int lane_refill(struct lane *lane, uint32_t units)
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
    if (lane->slot != NULL && recorder->options.hooks.filled != NULL) {
        recorder->options.hooks.filled(lane->owner, lane->rows, (size_t)(lane->cur - lane->rows));
    }
    while (!search_slot(lane)) {
    }
    if (lane->slot == NULL) {
        return 0;
    }
    put_loss(lane);
    return 1;
}

void lane_finish(struct lane *lane)
{
    struct search search = {.lane = lane};
    if (lane->slots_filled != 0 || lane->slot != NULL) {
        if ((size_t)(lane->end - lane->cur) < (size_t)2 * RL_ROW_BYTES) {
            change_slot(lane, &search);
        }
        if (lane->slot != NULL) {
            put_loss(lane);
            (void)lane_put(lane, RL_EVENT_THREAD_END, 0, 0);
        }
    }
    lane_hand_over(lane);
}
