/* Why: the number of a call and its time are known only where its begin was seen, or kept. */
#include "open_calls.h"

#include "alloc.h"

void open_calls_fini(struct open_calls *calls)
{
    u64map_fini(&calls->functions);
    strmap_fini(&calls->names);
    u64map_fini(&calls->places);
    rl_free(calls->begins);
    rl_free(calls->items);
    rl_free(calls->spare);
    *calls = (struct open_calls){0};
}

/* ---- functions ---- */

/* Returns the place of a function by its name, made where there is none; -1 without memory. */
static int64_t place_name(struct open_calls *calls, const struct reader *reader, uint32_t code)
{
    struct code_text text = reader_code(reader, code);
    struct bytes_out name = {0};
    int64_t place = -1;
    void *begins = calls->begins;
    bytes_put(&name, text.module.data, text.module.len);
    bytes_put(&name, ":", 1);
    bytes_put(&name, text.qualname.data, text.qualname.len);
    const uint32_t *known = name.failed ? NULL : strmap_get(&calls->names, name.data, name.len);
    if (known != NULL) {
        place = *known;
    } else if (!name.failed && rl_grow(&begins, &calls->function_cap, calls->function_count + 1,
                                       sizeof *calls->begins) == 0) {
        calls->begins = begins;
        if (strmap_put(&calls->names, name.data, name.len, (uint32_t)calls->function_count) == 0) {
            place = (int64_t)calls->function_count++;
            calls->begins[place] = 0;
        }
    }
    bytes_out_fini(&name);
    return place;
}

/* Returns how often a function has begun, to be changed; NULL without memory. */
static uint64_t *begins_of(struct open_calls *calls, const struct reader *reader, uint32_t code)
{
    const uint64_t *known = u64map_get(&calls->functions, (uint64_t)code + 1);
    if (known != NULL) {
        return &calls->begins[*known];
    }
    int64_t place = place_name(calls, reader, code);
    if (place < 0 || u64map_put(&calls->functions, (uint64_t)code + 1, (uint64_t)place) != 0) {
        return NULL;
    }
    return &calls->begins[place];
}

int open_calls_count(struct open_calls *calls, const struct reader *reader, uint32_t code,
                     uint64_t begins)
{
    uint64_t *count = begins_of(calls, reader, code);
    if (count == NULL) {
        return -1;
    }
    *count += begins;
    return 0;
}

int open_calls_count_before(struct open_calls *calls, const struct reader *reader)
{
    const struct u64map *codes = &reader->before.calls;
    for (size_t i = 0; i < codes->capacity; i++) {
        const struct u64map_entry *code = &codes->entries[i];
        if (code->key != 0 &&
            open_calls_count(calls, reader, (uint32_t)(code->key - 1), code->value) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- calls ---- */

/* Returns the place of a call that is new; NULL without memory. Ends then need no memory. */
static struct open_call *add_call(struct open_calls *calls, uint64_t frame)
{
    void *items = calls->items, *spare = calls->spare;
    size_t place = calls->count;
    if (calls->spare_count != 0) {
        place = calls->spare[calls->spare_count - 1];
    } else {
        if (rl_grow(&items, &calls->cap, place + 1, sizeof *calls->items) != 0) {
            return NULL;
        }
        calls->items = items;
        if (rl_grow(&spare, &calls->spare_cap, place + 1, sizeof *calls->spare) != 0) {
            return NULL;
        }
        calls->spare = spare;
    }
    if (u64map_put(&calls->places, frame, place) != 0) {
        return NULL;
    }
    calls->spare_count -= calls->spare_count != 0;
    calls->count += place == calls->count;
    return &calls->items[place];
}

uint64_t open_calls_begin(struct open_calls *calls, const struct reader *reader,
                          const struct event_out *event)
{
    struct open_call before;
    uint64_t *begins = begins_of(calls, reader, event->id);
    if (begins == NULL) {
        return 0;
    }
    (void)open_calls_end(calls, event->frame, &before); /* damaged: it begins twice */
    struct open_call *call = add_call(calls, event->frame);
    if (call == NULL) {
        return 0;
    }
    *begins += !event->is_of_before;
    uint64_t number = event->is_of_before ? before_number(&reader->before, event->frame) : *begins;
    *call = (struct open_call){event->frame, event->id, number, event->ticks};
    return call->number;
}

int open_calls_end(struct open_calls *calls, uint64_t frame, struct open_call *out)
{
    uint64_t place;
    if (!u64map_remove(&calls->places, frame, &place)) {
        return 0;
    }
    *out = calls->items[place];
    calls->items[place].frame = 0;
    calls->spare[calls->spare_count++] = (size_t)place;
    return 1;
}

/* ---- bytes ---- */

void open_calls_put(const struct open_calls *calls, struct bytes_out *out)
{
    bytes_put_varint(out, calls->places.count);
    for (size_t i = 0; i < calls->count; i++) {
        const struct open_call *call = &calls->items[i];
        if (call->frame != 0) {
            bytes_put_varint(out, call->frame);
            bytes_put_varint(out, call->code);
            bytes_put_varint(out, call->number);
            bytes_put_varint(out, call->ticks);
        }
    }
}

rl_status open_calls_take(struct open_calls *calls, const uint8_t *bytes, size_t len,
                          const struct u64map *codes)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    size_t count = bytes_count(&in);
    u64map_clear(&calls->places);
    calls->count = calls->spare_count = 0;
    for (size_t i = 0; i < count && !in.bad; i++) {
        struct open_call call = {.frame = bytes_varint(&in)};
        call.code = bytes_varint32(&in);
        call.number = bytes_varint(&in);
        call.ticks = bytes_varint(&in);
        if (in.bad || call.frame == 0 || open_calls_have(calls, call.frame)) {
            return RL_DAMAGED;
        }
        if (codes != NULL && u64map_get(codes, (uint64_t)call.code + 1) == NULL) {
            continue;
        }
        struct open_call *place = add_call(calls, call.frame);
        if (place == NULL) {
            return RL_NOMEM;
        }
        *place = call;
    }
    return in.bad || bytes_left(&in) != 0 ? RL_DAMAGED : RL_OK;
}
