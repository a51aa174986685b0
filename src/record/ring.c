/* Why: a ring has the size that was asked for, whatever the program defines. Its events make room
 * for new ones by themselves; definitions do so by generations:
 *
 *   - a slot is of one generation, and needs no definition of an earlier one;
 *   - a definition is in a slot first, and on the shelf before that slot is used again;
 *   - with the last slot of a generation what is on the shelf for it goes: a block there holds
 *     definitions of one generation, so none outlives the strings that it names.
 *
 * Threads: with the recorder's lock; the shelf is the writer's. */
#include "ring.h"

enum {
    LIVE_EXTRA = 2 * RL_PAGE, /* of a LIVE block: its control page, and padding before it */
    SHELF_LEAST = 192u << 10, /* and a sixteenth of the ring, which slots do not get */
    SHELF_MOST = 64u << 20,
    AT_ONCE = 32u << 10, /* so many bytes of definitions become one block */
};

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

/* All events of the oldest generation are let go; 0: only the present one is left. */
static int give_up_oldest(struct recorder *recorder)
{
    uint32_t oldest = recorder->kept.first != NULL ? recorder->kept.first->generation : 0;
    if (oldest == 0 || oldest == recorder->generation) {
        return 0;
    }
    while (recorder->kept.first != NULL && recorder->kept.first->generation == oldest) {
        struct slot *slot = slot_list_take(&recorder->kept);
        state_count_loss(recorder, RL_LOSS_RING, slot->events);
        recorder->kept_events -= slot->events;
        state_free_slot(recorder, slot);
    }
    return 1;
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
        state_begin_writing(recorder);
        shelf_clear(&recorder->shelf, writer, oldest);
        status = shelf_put(&recorder->shelf, writer, generation, entries, len, &bytes);
        state_end_writing(recorder);
        recorder->generation_bytes += recorder->generation == generation ? bytes : 0;
    } while (status == RL_LIMIT && give_up_oldest(recorder));
    if (status == RL_LIMIT) {
        /* There is no shelf, or the host begins no generations. */
        state_begin_writing(recorder);
        status = writer_dict(writer, entries, len);
        state_end_writing(recorder);
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
