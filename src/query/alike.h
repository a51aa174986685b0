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
#include "siphash.h"

__extension__ typedef unsigned __int128 alike_product;

#define ALIKE_PRIME ((UINT64_C(1) << 61) - 1)

/* What is known of a string, or of a function. */
struct alike_word {
    uint64_t hash; /* 0 = not known yet */
    uint32_t line; /* of a function: its first one */
};

struct alike_words {
    struct alike_word *items; /* owned; by id */
    size_t cap;
};

/* Hashes of one recording's texts. Two recordings that are compared share the key. Who does not
 * know the key can make no two events of one hash, except by chance. */
struct alike {
    const struct reader *reader;
    struct siphash_key key;
    uint64_t seed, factor; /* of one hash; made from the key, as is `base` */
    uint64_t base;         /* of the hash of a run, below ALIKE_PRIME */
    struct alike_words texts;
    struct alike_words functions; /* hash of module and name */
};

struct alike_event {
    uint64_t what, with; /* with = 0: the event has no values */
};

/* Events that follow each other, as one hash. A struct of zeros has none. */
struct alike_run {
    uint64_t sum; /* of event * base^(number of events behind it), modulo ALIKE_PRIME */
    uint64_t events;
};

void alike_init(struct alike *alike, const struct reader *reader, const struct siphash_key *key);
void alike_fini(struct alike *alike);
/* Returns the hashes of an event. `has_values` 0 leaves values out. */
struct alike_event alike_of(struct alike *alike, const struct event_out *event, int has_values);

/* Returns the hash of what a step is: its kind, function and type of exception. The line does not
 * count. */
uint64_t alike_step(struct alike *alike, const struct event_out *event);

/* Adds one number to a hash; the order counts. */
static inline uint64_t alike_add(const struct alike *alike, uint64_t hash, uint64_t more)
{
    alike_product product = (alike_product)(hash + more) * alike->factor;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Returns a * b + c modulo ALIKE_PRIME, where a and b are below it and c is below 2^61. */
static inline uint64_t alike_multiply(uint64_t a, uint64_t b, uint64_t c)
{
    alike_product product = (alike_product)a * b + c;
    uint64_t sum = ((uint64_t)product & ALIKE_PRIME) + (uint64_t)(product >> 61);
    return sum >= ALIKE_PRIME ? sum - ALIKE_PRIME : sum;
}

/* Appends one event to a run. */
static inline void alike_run_add(const struct alike *alike, struct alike_run *run,
                                 struct alike_event event)
{
    uint64_t both = alike_add(alike, event.what, event.with) >> 3;
    run->sum = alike_multiply(run->sum, alike->base, both);
    run->events++;
}

/* Appends a run to another one: what alike_run_add() makes of all its events. */
void alike_run_join(const struct alike *alike, struct alike_run *run, const struct alike_run *more);

#endif
