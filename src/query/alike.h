/* Whether two events of different recordings say the same. A recording numbers its texts and
 * functions as they come, and objects have other addresses each time. So an event is compared by
 * what it means:
 *
 *   event    call of __main__:price, T1#118, row = {'id': 0x7f.., 'sku': 'A1'}
 *   what     hash of: call, "__main__", "price"               which step it is
 *   with     hash of: dict, "sku", "A1"                       the values that it has
 *
 * Left out: addresses, times, places of files, and lines but by their distance from the function's
 * first one.
 *
 * Threads: as for the reader, one at a time. */
#ifndef ALIKE_H
#define ALIKE_H

#include "cursor.h"
#include "map.h"
#include "siphash.h"

/* Hashes of one recording's texts. Two recordings that are compared share the key. */
struct alike {
    const struct reader *reader;
    struct siphash_key key;
    struct u64map texts;     /* string id + 1 -> hash */
    struct u64map functions; /* code id + 1 -> hash of its module and name */
};

struct alike_event {
    uint64_t what, with; /* with = 0: the event has no values */
};

void alike_fini(struct alike *alike);
/* Returns the hashes of an event. `has_values` 0 leaves values out. */
struct alike_event alike_of(struct alike *alike, const struct event_out *event, int has_values);

/* Returns the hash of what a step is: its kind, function and type of exception. The line does not
 * count. */
uint64_t alike_step(struct alike *alike, const struct event_out *event);

/* Adds one hash to another; the order counts. */
static inline uint64_t alike_add(uint64_t hash, uint64_t more)
{
    return map_mix(hash * UINT64_C(0x9e3779b97f4a7c15) + more + 1);
}

#endif
