/* Why: see call_numbers.h. */
#include "call_numbers.h"

#include "alloc.h"
#include "cursor.h"
#include "rec.h"

/* Returns the key of an event in a map; an event number has 40 bits. */
static uint64_t event_key(uint32_t thread, uint64_t seq)
{
    return ((uint64_t)thread << 40) + seq + 1;
}

/* Counts the calls of an event's function, and numbers the call where it is a wanted one. Returns
 * whether it is. */
static int count_call(const struct event_out *event, const struct u64map *functions,
                      uint64_t *counts, const struct u64map *wanted, struct call_number *calls)
{
    const uint64_t *function =
        kind_begins(event->kind) ? u64map_get(functions, (uint64_t)event->id + 1) : NULL;
    if (function == NULL) {
        return 0;
    }
    counts[*function]++;
    const uint64_t *index = u64map_get(wanted, event_key(event->thread, event->seq));
    if (index == NULL || calls[*index].number != 0) {
        return 0;
    }
    calls[*index].number = counts[*function];
    return 1;
}

rl_status call_numbers_find(struct reader *reader, const struct u64map *functions,
                            size_t function_count, struct call_number *calls, size_t count)
{
    struct u64map wanted = {0}; /* event -> index in `calls` */
    uint64_t *counts = rl_zalloc(function_count + 1, sizeof *counts);
    struct cursor *cursor = NULL;
    struct event_out event;
    rl_status status = counts != NULL ? RL_OK : RL_NOMEM;
    for (size_t i = 0; status == RL_OK && i < count; i++) {
        calls[i].number = 0;
        if (u64map_put(&wanted, event_key(calls[i].thread, calls[i].seq), i) != 0) {
            status = RL_NOMEM;
        }
    }
    size_t left = wanted.count;
    status = status == RL_OK ? cursor_open(reader, &cursor) : status;
    while (status == RL_OK && left != 0 && (status = cursor_next(cursor, &event)) == RL_OK) {
        left -= (size_t)count_call(&event, functions, counts, &wanted, calls);
    }
    cursor_close(cursor);
    u64map_fini(&wanted);
    rl_free(counts);
    return status == RL_END ? RL_OK : status;
}
