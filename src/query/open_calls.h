/* Numbers of calls, and the calls that are open.
 *
 *    CALL price     begins[price] = 118     open: frame --> price#118, when it began
 *    RETURN         taken out, with its number and its begin
 *
 * Definitions with one name are one function, as positions have it.
 *
 * Threads: as for the reader, one at a time. */
#ifndef OPEN_CALLS_H
#define OPEN_CALLS_H

#include "cursor.h"
#include "map.h"

struct open_call {
    uint64_t frame; /* 0 = this place is free */
    uint32_t code;
    uint64_t number, ticks; /* ticks of its begin */
};

/* A struct of zeros has none. */
struct open_calls {
    struct u64map functions; /* code id + 1 -> place in `begins` */
    struct strmap names;     /* module:qualname -> place in `begins` */
    uint64_t *begins;        /* owned */
    size_t function_count, function_cap;
    struct u64map places;    /* frame -> place in `items` */
    struct open_call *items; /* owned */
    size_t count, cap;
    size_t *spare; /* owned; free places of `items`, room for all */
    size_t spare_count, spare_cap;
};

void open_calls_fini(struct open_calls *calls);
/* Adds the call that an event begins. Returns its number; 0 without memory, or where it began
 * before a part and has none. */
uint64_t open_calls_begin(struct open_calls *calls, const struct reader *reader,
                          const struct event_out *event);
/* Returns whether the call of a frame is open. */
static inline int open_calls_have(const struct open_calls *calls, uint64_t frame)
{
    return u64map_get(&calls->places, frame) != NULL;
}
/* Takes a call out. Returns whether it was there. */
int open_calls_end(struct open_calls *calls, uint64_t frame, struct open_call *out);
/* Counts begins of a function whose events were left out. Returns 0, or -1 without memory. */
int open_calls_count(struct open_calls *calls, const struct reader *reader, uint32_t code,
                     uint64_t begins);
/* Counts the calls that began before a part. Returns 0, or -1 without memory. */
int open_calls_count_before(struct open_calls *calls, const struct reader *reader);
/* Appends the calls that are open. */
void open_calls_put(const struct open_calls *calls, struct bytes_out *out);
/* Replaces the calls that are open by what was put, those of some functions (ids + 1) alone; NULL =
 * all. The bytes are not trusted. RL_OK, RL_NOMEM or RL_DAMAGED. */
RL_CHECKED rl_status open_calls_take(struct open_calls *calls, const uint8_t *bytes, size_t len,
                                     const struct u64map *codes);

#endif
