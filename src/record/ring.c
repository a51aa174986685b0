/* Why: a ring keeps the size that the user asked for. Slots are reused oldest first, so events make
 * room by themselves. Definitions are shared by many slots; they leave by generations.
 *
 *   slots, oldest first      1 1 1 2 2 2 2 3 3 (3 3 being filled)      generation of each
 *   shelf                    DICT 1 | DICT 2 | DICT 2 | DICT 3 | PAD
 *
 *   the last slot of 1 is reused  -->  DICT 1 becomes PAD
 *   the shelf is full             -->  all slots of the oldest generation are given up at once
 *
 * Invariants:
 *  1. A slot belongs to one generation and needs no definition of an earlier one.
 *  2. A definition is in a slot first, and on the shelf before that slot is reused.
 *  3. A block on the shelf holds definitions of one generation: no code object outlives the strings
 *     that it names.
 *
 * Threads: the recorder's lock is held; the shelf belongs to the writer. */
#include "ring.h"

enum {
    LIVE_EXTRA = 2 * RL_PAGE, /* a LIVE block's control page, and the padding before it */
    SHELF_LEAST = 192u << 10, /* plus a sixteenth of the ring, which slots do not get */
    SHELF_MOST = 64u << 20,
    SOURCE_LEAST = 64u << 10, /* plus an eighth of the ring, beside it */
    AT_ONCE = 32u << 10,      /* definitions of so many bytes become one block */
};

/* Returns how many bytes of the ring no slot takes yet. */
static size_t bytes_left_for_slots(const struct recorder *recorder)
{
    size_t most = recorder->options.ring_bytes - recorder->options.ring_bytes / 16;
    size_t taken = recorder->slot_bytes;
    for (const struct live *live = recorder->lives; live != NULL; live = live->next) {
        taken += LIVE_EXTRA;
    }
    return most > taken + LIVE_EXTRA ? most - taken - LIVE_EXTRA : 0;
}

uint64_t ring_source_bytes(const struct recorder *recorder)
{
    return SOURCE_LEAST + recorder->options.ring_bytes / 8;
}

int ring_has_room(const struct recorder *recorder)
{
    return bytes_left_for_slots(recorder) >= SLOT_SMALL_BYTES;
}

void ring_fit(const struct recorder *recorder, enum slot_size *size, uint32_t *count)
{
    size_t left = bytes_left_for_slots(recorder);
    *size = left < slot_bytes(*size) ? SLOT_SMALL : *size;
    size_t most = left < slot_bytes(*size) ? 1 : left / slot_bytes(*size); /* one slot at least */
    *count = *count < most ? *count : (uint32_t)most;
}

void ring_make_shelf(struct recorder *recorder)
{
    size_t bytes = SHELF_LEAST + recorder->options.ring_bytes / 16;
    bytes = (bytes < SHELF_MOST ? bytes : SHELF_MOST) & ~(size_t)(RL_PAGE - 1);
    shelf_make(&recorder->shelf, recorder_writer(recorder), bytes);
}

/* Gives up every slot of the oldest generation and counts its events as lost. Returns 0 where only
 * the present generation has slots. */
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

/* Puts one block of definitions on the shelf. Where there is no room, gives up generations until
 * there is. */
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
            return RL_OK; /* its slots are gone: nothing needs the block */
        }
        state_begin_writing(recorder);
        shelf_clear(&recorder->shelf, writer, oldest);
        status = shelf_put(&recorder->shelf, writer, generation, entries, len, &bytes);
        state_end_writing(recorder);
        recorder->generation_bytes += recorder->generation == generation ? bytes : 0;
    } while (status == RL_LIMIT && give_up_oldest(recorder));
    if (status == RL_LIMIT) {
        /* No shelf, or a host that begins no generations: the file grows. */
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
