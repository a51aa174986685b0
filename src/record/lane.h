/* A lane: where one traced thread writes its rows. The hot half of the recorder.
 *
 *   thread --lane_put--> slot (16-byte rows) --hand over--> writer thread --> CHUNK block
 *
 * A slot is memory of the recording file itself (a LIVE block), so a row is safe from SIGKILL as
 * soon as `used` covers it. One writer a lane; the writer thread reads a slot only after it was
 * handed over. */
#ifndef LANE_H
#define LANE_H

#include <relive/rl_format.h>
#include <stdatomic.h>
#include <stdint.h>

#include "bytes.h"
#include "clock.h"
#include "rec.h"

struct recorder;
struct slot;

struct lane {
    uint8_t *cur; /* the next row */
    uint8_t *end;
    uint8_t *rows;          /* the first row of the slot */
    _Atomic uint32_t *used; /* in the slot's header */
    uint64_t base;          /* ticks that the next row's 32 bits count from */
    uint64_t next_frame;    /* identity of the next activation */
    /* cold */
    struct recorder *recorder; /* NULL when recording stopped: rows are let go and counted */
    struct slot *slot;         /* NULL before the first row and after the last */
    void *owner;               /* given back to recorder_hooks.top_frame */
    uint64_t chunk;            /* sequence of the current slot */
    uint64_t first_seq;        /* event number of the slot's first event */
    uint32_t extras;           /* 16-byte units of the slot that are no events */
    uint32_t thread;           /* serial, from 1 */
    uint32_t name;             /* string id of the thread's name, 0 = not known */
    uint32_t slots_filled;
    uint64_t dropped; /* events let go since the last row, said in a LOSS row when there is room */
    struct lane *next, *previous;
};

/* Room for `units` rows of 16 bytes with a base that the present fits to. 0 when the event must be
 * let go (it is counted then). */
int lane_refill(struct lane *lane, uint32_t units);
/* The same, where nothing may be waited for. */
int lane_refill_at_once(struct lane *lane, uint32_t units);
/* Ends the lane's slot. In a ring it is kept, otherwise queued for the writer. With the recorder's
 * lock. */
void lane_hand_over(struct lane *lane);

static inline int lane_has_room(const struct lane *lane, uint32_t units, uint64_t ticks)
{
    return __builtin_expect((size_t)(lane->end - lane->cur) >= (size_t)units * RL_ROW_BYTES, 1) &&
           __builtin_expect((ticks - lane->base) >> 32 == 0, 1);
}

static inline int lane_reserve(struct lane *lane, uint32_t units, uint64_t ticks)
{
    return lane_has_room(lane, units, ticks) || lane_refill(lane, units);
}

/* A slot that is used again was read by the writer thread, mostly on another processor, and
 * fetching its cache lines back takes longer than an event does: 60 ns a call where two cores share
 * no cache (docs/performance.md). So that begins some events ahead. */
#define CACHE_LINE 64u
static inline void prefetch_slot_ahead(const uint8_t *row)
{
    const uint8_t *ahead = row + (size_t)8 * CACHE_LINE;
#if defined(__x86_64__)
    /* to be written; without -mprfchw the compiler would fetch for reading */
    __asm__ volatile("prefetchw %0" : : "m"(*ahead));
#else
    __builtin_prefetch(ahead, 1);
#endif
}

static inline void lane_row(struct lane *lane, uint32_t first, unsigned kind, uint32_t id,
                            uint64_t frame)
{
    uint8_t *row = lane->cur;
    put64(row, first | (uint64_t)(kind << RL_ID_BITS | id) << 32);
    put64(row + RL_ROW_FRAME, frame);
    lane->cur = row + RL_ROW_BYTES;
    prefetch_slot_ahead(row);
}

static inline void lane_publish(struct lane *lane)
{
    /* release: pairs with whoever reads the slot, after a crash or while it is written */
    atomic_store_explicit(lane->used, (uint32_t)(lane->cur - lane->rows), memory_order_release);
}

/* How many units a DATA row with so many bytes takes. */
static inline uint32_t lane_data_units(uint32_t len)
{
    return row_units(RL_ROW_DATA, len);
}

/* The values of the next event. Room was reserved. `data` may be read up to 15 bytes beyond `len`.
 */
static inline void lane_data(struct lane *lane, const uint8_t *data, uint32_t len)
{
    uint8_t *row = lane->cur;
    uint32_t units = lane_data_units(len);
    for (uint32_t at = 0; at < units * RL_ROW_BYTES; at += CACHE_LINE) {
        prefetch_slot_ahead(row + at);
    }
    put64(row, len | ((uint64_t)RL_ROW_DATA << RL_ID_BITS) << 32);
    memcpy(row + RL_ROW_FRAME, data, 8);
    for (uint32_t i = 1; i < units; i++) {
        memcpy(row + (size_t)i * RL_ROW_BYTES, data + (size_t)i * RL_ROW_BYTES - 8, RL_ROW_BYTES);
    }
    lane->cur = row + (size_t)units * RL_ROW_BYTES;
    lane->extras += units;
}

/* One event, stamped now. */
static inline int lane_put(struct lane *lane, unsigned kind, uint32_t id, uint64_t frame)
{
    uint64_t ticks = clock_ticks();
    if (!lane_reserve(lane, 1, ticks)) {
        return 0;
    }
    /* A refill may have taken a newer base than `ticks`: such an event is at the base. */
    uint64_t since = ticks > lane->base ? ticks - lane->base : 0;
    lane_row(lane, (uint32_t)since, kind, id, frame);
    lane_publish(lane);
    return 1;
}

/* The same with values, len > 0. */
static inline int lane_put_values(struct lane *lane, unsigned kind, uint32_t id, uint64_t frame,
                                  const uint8_t *data, uint32_t len)
{
    uint64_t ticks = clock_ticks();
    if (!lane_reserve(lane, lane_data_units(len) + 1, ticks)) {
        return 0;
    }
    uint64_t since = ticks > lane->base ? ticks - lane->base : 0;
    lane_data(lane, data, len);
    lane_row(lane, (uint32_t)since, kind, id, frame);
    lane_publish(lane);
    return 1;
}

#endif
