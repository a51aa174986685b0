/* Why: a ring has the size that was asked for, whatever the program defines. Its events make room
 * for new ones by themselves; definitions do so by generations:
 *
 *   - a slot is of one generation, and needs no definition of an earlier one;
 *   - a definition is in a slot first, and on the shelf before that slot is used again;
 *   - with the last slot of a generation what is on the shelf for it goes: a block there holds
 *     definitions of one generation, so none outlives the strings that it names.
 *
 * Threads: with the recorder's lock; the shelf is the writer's. */
#include <stdatomic.h>
#include <string.h>

#include "os.h"
#include "recorder_state.h"

enum {
    LIVE_EXTRA = 2 * RL_PAGE, /* of a LIVE block: its control page, and padding before it */
    SHELF_LEAST = 192u << 10, /* and a sixteenth of the ring, which slots do not get */
    SHELF_MOST = 64u << 20,
    SHELF_SHARE = 8,     /* the next generation is due when one takes that part of the shelf */
    AT_ONCE = 32u << 10, /* so many bytes of definitions become one block */
};

int recorder_is_ring(const struct recorder *recorder)
{
    return recorder->options.ring_bytes != 0;
}

static size_t bytes_left_for_slots(const struct recorder *recorder)
{
    size_t most = recorder->options.ring_bytes - recorder->options.ring_bytes / 16;
    size_t taken = recorder->slot_bytes;
    for (const struct live *live = recorder->lives; live != NULL; live = live->next) {
        taken += LIVE_EXTRA;
    }
    return most > taken + LIVE_EXTRA ? most - taken - LIVE_EXTRA : 0;
}

int ring_may_grow(const struct recorder *recorder)
{
    return recorder->kept.first == NULL || bytes_left_for_slots(recorder) >= SLOT_SMALL;
}

void ring_fit(const struct recorder *recorder, uint32_t *slot_size, uint32_t *count)
{
    size_t left = bytes_left_for_slots(recorder);
    *slot_size = left < *slot_size ? SLOT_SMALL : *slot_size;
    size_t most = left < *slot_size ? 1 : left / *slot_size; /* one slot there must be */
    *count = *count < most ? *count : (uint32_t)most;
}

void ring_make_shelf(struct recorder *recorder)
{
    size_t bytes = SHELF_LEAST + recorder->options.ring_bytes / 16;
    bytes = (bytes < SHELF_MOST ? bytes : SHELF_MOST) & ~(size_t)(RL_PAGE - 1);
    /* Where there is none, definitions are appended to the file. */
    shelf_make(&recorder->shelf, recorder_writer(recorder), bytes);
}

/* ---- generations ---- */

int recorder_wants_generation(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    int is_due = dictionary_is_full(&recorder->dictionary) ||
                 (recorder->shelf.bytes != 0 &&
                  recorder->generation_bytes >= recorder->shelf.bytes / SHELF_SHARE);
    os_unlock_mutex(&recorder->lock);
    return is_due;
}

/* What slots that are begun from here on need of what was defined: the names of their threads. */
static void define_names_again(struct recorder *recorder)
{
    struct u64map names = {0};
    for (const struct lane *lane = recorder->lanes; lane != NULL; lane = lane->next) {
        if (lane->name != 0) {
            (void)u64map_put(&names, lane->name, 1); /* else it has no name from here on */
        }
    }
    dictionary_begin_again(&recorder->dictionary, &names);
    u64map_fini(&names);
}

int recorder_next_generation(struct recorder *recorder)
{
    os_lock_mutex(&recorder->lock);
    int is_ring = recorder_is_ring(recorder);
    if (recorder->earlier.len != 0 && !recorder->has_thread) {
        recorder_flush_dictionary(recorder);
    } else if (recorder->earlier.len != 0) {
        recorder->wants_tick = 1; /* the writer brings it into the file */
        os_cond_signal(&recorder->work);
    }
    int may_begin = !is_ring || (recorder->inside == 0 && recorder->earlier.len == 0);
    if (!is_ring) {
        dictionary_forget(&recorder->dictionary);
    } else if (may_begin) {
        for (struct lane *lane = recorder->lanes; lane != NULL; lane = lane->next) {
            lane_hand_over(lane);
        }
        recorder->earlier = recorder->dictionary.pending;
        memset(&recorder->dictionary.pending, 0, sizeof recorder->earlier);
        recorder->generation++;
        recorder->generation_bytes = 0;
        define_names_again(recorder);
    }
    os_unlock_mutex(&recorder->lock);
    return may_begin;
}

/* All events of the oldest generation are let go; 0: only the present one is left. */
static int give_up_oldest(struct recorder *recorder)
{
    uint32_t oldest = recorder->kept.first != NULL ? recorder->kept.first->generation : 0;
    if (oldest == 0 || oldest == recorder->generation) {
        return 0;
    }
    while (recorder->kept.first != NULL && recorder->kept.first->generation == oldest) {
        struct slot *slot = slot_list_take(&recorder->kept);
        recorder_count_loss(recorder, RL_LOSS_RING, slot->events);
        recorder->kept_events -= slot->events;
        /* release: a reader that finds it empty has seen all that was in it */
        atomic_store_explicit((_Atomic uint32_t *)(void *)(slot->memory + RL_SL_USED), 0,
                              memory_order_release);
        slot_list_append(slot->size == SLOT_LARGE ? &recorder->free_large : &recorder->free_small,
                         slot);
    }
    return 1;
}

/* ---- definitions ---- */

static void lock(struct recorder *recorder)
{
    if (recorder->has_thread) {
        os_lock_mutex(&recorder->lock);
    }
}

/* Without a writer thread the lock is what keeps the shelf to one caller. */
static void unlock(struct recorder *recorder)
{
    if (recorder->has_thread) {
        os_unlock_mutex(&recorder->lock);
    }
}

static rl_status put_block(struct recorder *recorder, uint32_t generation, const uint8_t *entries,
                           size_t len)
{
    struct writer *writer = recorder_writer(recorder);
    rl_status status;
    do {
        uint64_t bytes = 0;
        uint32_t oldest =
            recorder->kept.first != NULL ? recorder->kept.first->generation : recorder->generation;
        if (generation < oldest) {
            return RL_OK; /* nothing needs it any more */
        }
        unlock(recorder);
        shelf_clear(&recorder->shelf, writer, oldest);
        status = shelf_put(&recorder->shelf, writer, generation, entries, len, &bytes);
        lock(recorder);
        recorder->generation_bytes += recorder->generation == generation ? bytes : 0;
    } while (status == RL_LIMIT && give_up_oldest(recorder));
    if (status == RL_LIMIT) {
        /* There is no shelf, or the host begins no generations. */
        unlock(recorder);
        status = writer_dict(writer, entries, len);
        lock(recorder);
    }
    return status;
}

rl_status ring_define(struct recorder *recorder, uint32_t generation, const uint8_t *entries,
                      size_t len)
{
    struct bytes_in in = bytes_in_of(entries, len);
    rl_status status = RL_OK;
    const uint8_t *begin = entries, *data;
    unsigned kind;
    uint32_t id;
    size_t size;
    while (status == RL_OK && dict_entry_get(&in, &kind, &id, &data, &size)) {
        if (in.at - begin >= AT_ONCE || in.at == in.end) {
            status = put_block(recorder, generation, begin, (size_t)(in.at - begin));
            begin = in.at;
        }
    }
    return status;
}
