/* Why: see call_numbers.h. */
#include "call_numbers.h"

#include "alloc.h"
#include "rec.h"
#include "skim.h"

/* Returns the key of an event in a map; an event number has 40 bits. */
static uint64_t event_key(uint32_t thread, uint64_t seq)
{
    return ((uint64_t)thread << 40) + seq + 1;
}

/* Counts the calls of an event's function, and numbers the call where it is a wanted one. Returns
 * whether it is. */
static int count_call(const struct reader *reader, const struct event_out *event,
                      const struct u64map *functions, uint64_t *counts, const struct u64map *wanted,
                      struct call_number *calls)
{
    const uint64_t *function =
        kind_begins(event->kind) ? u64map_get(functions, (uint64_t)event->id + 1) : NULL;
    if (function == NULL) {
        return 0;
    }
    counts[*function] += !event->is_of_before;
    const uint64_t *index = u64map_get(wanted, event_key(event->thread, event->seq));
    if (index == NULL || calls[*index].number != 0) {
        return 0;
    }
    calls[*index].number =
        event->is_of_before ? before_number(&reader->before, event->frame) : counts[*function];
    return 1;
}

/* Adds the calls in stretches that were left out: those from event `from` to event `to`. */
static void count_left_out(const struct index *index, uint64_t from, uint64_t to,
                           const struct u64map *functions, uint64_t *counts)
{
    for (size_t i = 0; index != NULL && i < index->count; i++) {
        const struct index_stretch *stretch = &index->stretches[i];
        if (stretch->before < from || stretch->before >= to) {
            continue;
        }
        for (size_t k = 0; k < stretch->code_count; k++) {
            const struct index_code *code = &stretch->codes[k];
            const uint64_t *function = u64map_get(functions, (uint64_t)code->code + 1);
            if (function != NULL) {
                counts[*function] += code->begins;
            }
        }
    }
}

/* Reads up to the last of `left` calls. */
static rl_status read_calls(struct reader *reader, const struct u64map *functions, uint64_t *counts,
                            const struct u64map *wanted, size_t left, struct call_number *calls)
{
    const struct index_wanted only = {.events = wanted};
    struct event_out event;
    struct skim skim;
    rl_status status = skim_open(reader, 0, 0, NULL, &skim);
    if (status != RL_OK) {
        return status;
    }
    while (left != 0) {
        uint64_t before = skim.given;
        status = skim_next(&skim, &only, &event);
        if (status != RL_OK) {
            break;
        }
        if (skim.given != before + 1) {
            count_left_out(reader->index, before, skim.given - 1, functions, counts);
        }
        left -= (size_t)count_call(reader, &event, functions, counts, wanted, calls);
    }
    skim_close(&skim);
    return status == RL_END ? RL_OK : status;
}

rl_status call_numbers_find(struct reader *reader, const struct u64map *functions,
                            size_t function_count, struct call_number *calls, size_t count)
{
    struct u64map wanted = {0}; /* event -> index in `calls` */
    uint64_t *counts = rl_zalloc(function_count + 1, sizeof *counts);
    rl_status status = counts != NULL ? RL_OK : RL_NOMEM;
    for (size_t i = 0; status == RL_OK && i < functions->capacity; i++) {
        if (functions->entries[i].key != 0) {
            const uint64_t *before = u64map_get(&reader->before.calls, functions->entries[i].key);
            counts[functions->entries[i].value] += before != NULL ? *before : 0;
        }
    }
    for (size_t i = 0; status == RL_OK && i < count; i++) {
        calls[i].number = 0;
        if (calls[i].thread != 0 &&
            u64map_put(&wanted, event_key(calls[i].thread, calls[i].seq), i) != 0) {
            status = RL_NOMEM;
        }
    }
    if (status == RL_OK) {
        status = read_calls(reader, functions, counts, &wanted, wanted.count, calls);
    }
    u64map_fini(&wanted);
    rl_free(counts);
    return status;
}

/* Takes an event where it begins a frame that is wanted. Returns whether it does. */
static int take_begin(const struct event_out *event, struct u64map *missing,
                      struct call_number *calls)
{
    uint64_t index;
    if (!kind_begins(event->kind) || !u64map_remove(missing, event->frame + 1, &index)) {
        return 0;
    }
    calls[index].thread = event->thread;
    calls[index].seq = event->seq;
    return 1;
}

/* Reads from the first stretch in which a missing frame can begin. With an index it ends at the
 * first that is found, since the next one may be far. */
static rl_status read_begins(struct reader *reader, struct u64map *missing,
                             struct call_number *calls)
{
    struct skim skim;
    struct event_out event;
    int is_found = 0;
    rl_status status = skim_open(reader, 0, skim_stretch_of_frames(reader, missing), NULL, &skim);
    if (status != RL_OK) {
        return status;
    }
    while (status == RL_OK && missing->count != 0 && !(is_found && reader->index != NULL)) {
        status = skim_next(&skim, NULL, &event);
        is_found |= status == RL_OK && take_begin(&event, missing, calls);
    }
    skim_close(&skim);
    return status;
}

rl_status call_numbers_begins(struct reader *reader, const uint64_t *frames,
                              struct call_number *calls, size_t count)
{
    struct u64map missing = {0}; /* frame + 1 -> index in `calls` */
    rl_status status = RL_OK;
    for (size_t i = 0; status == RL_OK && i < count; i++) {
        calls[i] = (struct call_number){0};
        status = u64map_put(&missing, frames[i] + 1, i) == 0 ? RL_OK : RL_NOMEM;
    }
    while (status == RL_OK && missing.count != 0) {
        status = read_begins(reader, &missing, calls);
    }
    u64map_fini(&missing);
    return status == RL_END ? RL_OK : status;
}
