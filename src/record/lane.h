/* A lane is where one traced thread writes its rows. This is the hot half of the recorder: the
 * inline functions below run once for each event and take no lock.
 *
 *   thread --lane_put()--> slot (16-byte rows) --lane_hand_over()--> writer thread --> CHUNK block
 *
 *   slot:   header | row row row row DATA .... row |                              |
 *                  ^ rows                          ^ cur                          ^ end
 *                  '----------- used --------------'
 *
 * A slot is memory of the recording file itself (a LIVE block). A row therefore survives SIGKILL as
 * soon as `used` covers it, and a reader of the running process sees it.
 *
 *            first row: lane_refill()                 no room: lane_refill()
 *   EMPTY --------------------------------> FILLING ---------------------------> handed over
 *     ^ ^                                      ^                                      |
 *     | |                                      '--------- a slot is free -------------+
 *     | '------------ no slot: events are dropped and counted ------------------------'
 *     '---------- the thread ends, the recording stops, a generation begins, a ring needs the slot
 *                 for another lane (from FILLING)
 *
 * Invariants:
 *  1. One thread writes a lane. The writer thread reads a slot after lane_hand_over(); where LIVE
 *     blocks are not mapped, it also copies the rows below `used` every 100 ms. Another thread ends
 *     the slot only where the host keeps the lane's thread from writing (do_others_rest() in
 *     recorder_options.h).
 *  2. `used` grows by whole events and definitions. One store publishes an event with all its
 *     prefixes, so a reader never sees half an event.
 *  3. `base` plus the 32 bits of a row is the row's time. A TIME row moves `base` when they would
 *     overflow (at most every 1.4 s at 3 GHz). */
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
struct lane_list;

struct lane {
    uint8_t *cur; /* the next row */
    uint8_t *end;
    uint8_t *rows;          /* the first row of the slot */
    _Atomic uint32_t *used; /* in the slot's header */
    uint64_t base;          /* ticks that the 32 bits of the next row count from */
    uint64_t next_frame;    /* identity of the next activation */
    /* cold: used once a slot */
    struct recorder *recorder; /* NULL after stop: rows are dropped and counted as losses */
    struct slot *slot;         /* NULL before the first row and after the last */
    void *owner;               /* argument of recorder_hooks.top_frame and .filled */
    uint64_t chunk;            /* sequence number of the current slot */
    uint64_t first_seq;        /* event number of the slot's first event */
    uint32_t extras;           /* 16-byte units of the slot that are not events */
    uint32_t thread;           /* serial, from 1 */
    uint32_t name;             /* string id of the thread's name, 0 = not known */
    uint32_t slots_filled;
    uint64_t dropped; /* events dropped since the last row; a LOSS row reports them */
    struct lane *next, *previous;
};

/* Makes room for `units` rows of 16 bytes, and moves `base` so that the present time fits. May wait
 * for the writer thread. Returns 0 when the event must be dropped; it is then counted as a loss. */
int lane_refill(struct lane *lane, uint32_t units);
/* Ends the lane's slot: a ring keeps it, otherwise the writer thread gets it. The caller holds the
 * recorder's lock. */
void lane_hand_over(struct lane *lane);
/* Records thread_end without waiting, and ends the lane's slot. The caller holds the recorder's
 * lock. */
void lane_finish(struct lane *lane);

/* Empties the lane, for a ring that begins again: its next event is number 0 of another chunk.
 * Without `keeps_slot` it gives its slot back, and begins with a small one. A lane that is between
 * a prefix and its event is left as it is. The caller holds the recorder's lock, and the lane's
 * thread does not write. */
void lane_restart(struct lane *lane, int keeps_slot);

/* Lists of lanes (recorder.filling and recorder.empty). The caller holds the recorder's lock. */
void lane_list_append(struct lane_list *list, struct lane *lane);
void lane_list_remove(struct lane_list *list, struct lane *lane);

/* Returns the number of the next event. A slot's end does not change it. */
static inline uint64_t lane_next_event(const struct lane *lane)
{
    return lane->first_seq + (uint64_t)(lane->cur - lane->rows) / RL_ROW_BYTES - lane->extras;
}

/* Returns whether `units` rows fit the slot and `ticks` fits the 32 bits after `base`. */

static inline int lane_has_room(const struct lane *lane, uint32_t units, uint64_t ticks)
{
    return __builtin_expect((size_t)(lane->end - lane->cur) >= (size_t)units * RL_ROW_BYTES, 1) &&
           __builtin_expect((ticks - lane->base) >> 32 == 0, 1);
}

/* Makes sure that `units` rows fit. Returns 0 when the event must be dropped. */
static inline int lane_reserve(struct lane *lane, uint32_t units, uint64_t ticks)
{
    return lane_has_room(lane, units, ticks) || lane_refill(lane, units);
}

#define CACHE_LINE 64u

/* Prefetches a line of the slot for writing, eight cache lines ahead of `row`.
 *
 * A recycled slot was last read by the writer thread, so its lines are in another core's cache.
 * Without the prefetch the first store to each line stalls for about 60 ns (docs/performance.md).
 *
 * x86-64 needs the instruction spelled out: without -mprfchw, __builtin_prefetch(p, 1) compiles to
 * a prefetch for reading. */
static inline void prefetch_slot_ahead(const uint8_t *row)
{
    const uint8_t *ahead = row + (size_t)8 * CACHE_LINE;
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*ahead));
#else
    __builtin_prefetch(ahead, 1);
#endif
}

/* Writes one row at `cur`. Room was reserved. The row is not visible before lane_publish(). `first`
 * is the first 32 bits: ticks since `base`, or what the kind defines instead. */
static inline void lane_row(struct lane *lane, uint32_t first, unsigned kind, uint32_t id,
                            uint64_t frame)
{
    uint8_t *row = lane->cur;
    put64(row, first | (uint64_t)(kind << RL_ID_BITS | id) << 32);
    put64(row + RL_ROW_FRAME, frame);
    lane->cur = row + RL_ROW_BYTES;
    prefetch_slot_ahead(row);
}

/* Makes every row up to `cur` visible to readers, and safe from the end of the process. */
static inline void lane_publish(struct lane *lane)
{
    /* release: pairs with sync_slot() in writer.c, and with readers of the mapped file */
    atomic_store_explicit(lane->used, (uint32_t)(lane->cur - lane->rows), memory_order_release);
}

/* Returns how many 16-byte units a DATA row with `len` bytes takes. */
static inline uint32_t lane_data_units(uint32_t len)
{
    return row_units(RL_ROW_DATA, len);
}

/* Writes the values of the next event as a DATA row. Room was reserved. Reads `data` in whole
 * units, so up to 15 bytes beyond `len` must be readable. */
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

/* Writes the row of an event, and publishes it with what was written for it before. Room was
 * reserved at `ticks`. */
static inline void lane_event(struct lane *lane, uint64_t ticks, unsigned kind, uint32_t id,
                              uint64_t frame)
{
    /* lane_refill() may have set a base after `ticks`: the event then counts as at the base. */
    uint64_t since = ticks > lane->base ? ticks - lane->base : 0;
    lane_row(lane, (uint32_t)since, kind, id, frame);
    lane_publish(lane);
}

/* Records one event with the time of this moment. Returns 0 when the event was dropped. */
static inline int lane_put(struct lane *lane, unsigned kind, uint32_t id, uint64_t frame)
{
    uint64_t ticks = clock_ticks();
    if (!lane_reserve(lane, 1, ticks)) {
        return 0;
    }
    lane_event(lane, ticks, kind, id, frame);
    return 1;
}

/* Records one event with its values (len > 0). Returns 0 when the event was dropped. */
static inline int lane_put_values(struct lane *lane, unsigned kind, uint32_t id, uint64_t frame,
                                  const uint8_t *data, uint32_t len)
{
    uint64_t ticks = clock_ticks();
    if (!lane_reserve(lane, lane_data_units(len) + 1, ticks)) {
        return 0;
    }
    lane_data(lane, data, len);
    lane_event(lane, ticks, kind, id, frame);
    return 1;
}

#endif
