/* Part of instant.h: an instant as bytes.
 *
 *    | format | length, cursor | records | threads | tasks | frame that has ended | last event |
 *
 * All numbers are varints. What is read back is bounded by the bytes that are there: no count in
 * them sizes anything. */
#include "instant_parts.h"

#include <string.h>

#include "alloc.h"
#include "value.h"

enum { FORMAT = 1 };
enum { HAS_LINES = 1, IS_SUSPENDED = 2 };                         /* of a record */
enum { PARENT_IS_KNOWN = 1, IS_AFTER_GAP = 2, IS_OF_BEFORE = 4 }; /* of an event */

/* ---- saving ---- */

static void save_bytes(const uint8_t *bytes, size_t len, struct bytes_out *out)
{
    bytes_put_varint(out, len);
    bytes_put(out, bytes, len);
}

static void save_record(const struct record *record, struct bytes_out *out)
{
    bytes_put_varint(out, record->frame);
    bytes_put_varint(out, record->code);
    bytes_put_varint(out, record->line);
    bytes_put_varint(out, record->ran);
    bytes_put_varint(out, record->thread);
    bytes_put_varint(out, record->task);
    bytes_put_varint(out, (record->has_lines ? HAS_LINES : 0u) |
                              (record->is_suspended ? IS_SUSPENDED : 0u));
    save_bytes(record->call, record->call_len, out);
    bytes_put_varint(out, record->call_thread);
    bytes_put_varint(out, record->call_seq);
    bytes_put_varint(out, record->written_count);
    for (size_t i = 0; i < record->written_count; i++) {
        const struct written *written = &record->written[i];
        bytes_put_varint(out, written->name);
        bytes_put_varint(out, written->scope);
        bytes_put_varint(out, written->after_line);
        bytes_put_varint(out, written->thread);
        bytes_put_varint(out, written->seq);
        save_bytes(written->bytes, written->len, out);
    }
}

static void save_lane(const struct lane_state *lane, struct bytes_out *out)
{
    bytes_put_varint(out, lane->thread);
    bytes_put_varint(out, lane->line);
    bytes_put_varint(out, lane->seq);
    bytes_put_varint(out, lane->ticks);
    bytes_put_varint(out, lane->frame);
    bytes_put_varint(out, lane->fresh_from);
    bytes_put_varint(out, lane->kind);
}

void instant_put_event(const struct event_out *event, struct bytes_out *out)
{
    bytes_put_varint(out, event->kind);
    bytes_put_varint(out, event->thread);
    bytes_put_varint(out, event->id);
    bytes_put_varint(out, event->exc);
    bytes_put_varint(out, event->line);
    bytes_put_varint(out, event->seq);
    bytes_put_varint(out, event->ticks);
    bytes_put_varint(out, event->frame);
    bytes_put_varint(out, event->parent);
    bytes_put_varint(out, (event->parent_is_known ? PARENT_IS_KNOWN : 0u) |
                              (event->is_after_gap ? IS_AFTER_GAP : 0u) |
                              (event->is_of_before ? IS_OF_BEFORE : 0u));
    bytes_put_varint(out, event->task);
    bytes_put_varint(out, event->session);
    save_bytes(event->values, event->values_len, out);
}

/* Appends the cursor and its length, which comes first. */
static void save_cursor(const struct cursor *cursor, struct bytes_out *out)
{
    struct bytes_out own = {0};
    cursor_save(cursor, &own);
    save_bytes(own.data, own.len, out);
    out->failed |= own.failed;
    bytes_out_fini(&own);
}

static void save_tasks(const struct instant *instant, struct bytes_out *out)
{
    bytes_put_varint(out, instant->tasks.count);
    for (size_t i = 0; i < instant->tasks.capacity; i++) {
        if (instant->tasks.entries[i].key != 0) {
            bytes_put_varint(out, instant->tasks.entries[i].key);
            bytes_put_varint(out, instant->tasks.entries[i].value);
        }
    }
}

void instant_save(const struct instant *instant, struct bytes_out *out)
{
    bytes_put_varint(out, FORMAT);
    save_cursor(instant->cursor, out);
    bytes_put_varint(out, instant->record_of.count);
    for (size_t i = 0; i < instant->record_count; i++) {
        if (instant->records[i].frame != 0) {
            save_record(&instant->records[i], out);
        }
    }
    bytes_put_varint(out, instant->lane_count);
    for (size_t i = 0; i < instant->lane_count; i++) {
        save_lane(&instant->lanes[i], out);
    }
    save_tasks(instant, out);
    bytes_put_varint(out, instant->ending);
    instant_put_event(&instant->last, out);
}

/* Returns how many bytes the values of a frame have. */
static size_t size_of(const struct record *record)
{
    size_t size = record->call_len;
    for (size_t i = 0; i < record->written_count; i++) {
        size += record->written[i].len;
    }
    return size;
}

size_t instant_put_values(struct instant *instant, size_t most, struct bytes_out *out)
{
    size_t kept = 0, left_out = 0, size = 0, threads = 0;
    instant_drop_record(instant, instant->ending);
    instant->ending = 0;
    for (int is_counting = 1; is_counting >= 0; is_counting--) {
        size = 0;
        for (size_t i = 0; i < instant->record_count; i++) {
            const struct record *record = &instant->records[i];
            size += record->frame != 0 ? size_of(record) + sizeof *record : 0;
            if (record->frame == 0) {
                continue;
            }
            if (is_counting) {
                kept += size <= most;
                left_out += size > most;
            } else if (size <= most) {
                save_record(record, out);
            }
        }
        if (is_counting) {
            bytes_put_varint(out, kept);
        }
    }
    for (size_t i = 0; i < instant->lane_count; i++) {
        threads += instant->lanes[i].kind != RL_EVENT_THREAD_END;
    }
    bytes_put_varint(out, threads);
    for (size_t i = 0; i < instant->lane_count; i++) {
        if (instant->lanes[i].kind != RL_EVENT_THREAD_END) {
            save_lane(&instant->lanes[i], out);
        }
    }
    save_tasks(instant, out);
    return left_out;
}

/* ---- loading ---- */

/* Takes a length and so many bytes, borrowed. */
static const uint8_t *take_bytes(struct bytes_in *in, size_t *len)
{
    *len = bytes_count(in);
    return bytes_take(in, *len);
}

/* Takes a length and so many bytes, as a copy: NULL without memory, or for damage. */
static uint8_t *copy_bytes(struct bytes_in *in, size_t *len)
{
    const uint8_t *bytes = take_bytes(in, len);
    uint8_t *copy = bytes != NULL ? rl_alloc(*len, 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, bytes, *len);
    }
    return copy;
}

static rl_status load_written(struct record *record, struct bytes_in *in)
{
    struct written written = {.name = bytes_varint32(in)};
    uint64_t scope = bytes_varint(in);
    void *all = record->written;
    written.after_line = bytes_varint32(in);
    written.thread = bytes_varint32(in);
    written.seq = bytes_varint(in);
    if (scope >= RL_WRITE_ITEM) {
        return RL_DAMAGED;
    }
    written.scope = (uint8_t)scope;
    if (rl_grow(&all, &record->written_cap, record->written_count + 1, sizeof written) != 0) {
        return RL_NOMEM;
    }
    record->written = all;
    written.bytes = copy_bytes(in, &written.len);
    if (written.bytes == NULL || written.len == 0) {
        rl_free(written.bytes);
        return in->bad || written.len == 0 ? RL_DAMAGED : RL_NOMEM;
    }
    record->written[record->written_count++] = written;
    return RL_OK;
}

static rl_status load_record(struct instant *instant, struct bytes_in *in)
{
    uint64_t frame = bytes_varint(in);
    if (frame == 0 || instant_record(instant, frame) != NULL) {
        return RL_DAMAGED;
    }
    struct record *record = instant_add_record(instant, frame);
    if (record == NULL) {
        return RL_NOMEM;
    }
    record->code = bytes_varint32(in);
    record->line = bytes_varint32(in);
    record->ran = bytes_varint32(in);
    record->thread = bytes_varint32(in);
    record->task = bytes_varint32(in);
    uint64_t flags = bytes_varint(in);
    record->has_lines = (flags & HAS_LINES) != 0;
    record->is_suspended = (flags & IS_SUSPENDED) != 0;
    record->call = copy_bytes(in, &record->call_len);
    if (record->call == NULL) {
        record->call_len = 0;
        return in->bad ? RL_DAMAGED : RL_NOMEM;
    }
    record->call_cap = record->call_len;
    record->call_thread = bytes_varint32(in);
    record->call_seq = bytes_varint(in);
    size_t count = bytes_count(in);
    rl_status status = RL_OK;
    for (size_t i = 0; i < count && status == RL_OK; i++) {
        status = load_written(record, in);
    }
    return status;
}

static rl_status load_lane(struct instant *instant, struct bytes_in *in)
{
    uint32_t thread = bytes_varint32(in);
    if (instant_lane(instant, thread) != NULL) {
        return RL_DAMAGED;
    }
    struct lane_state *lane = instant_add_lane(instant, thread);
    if (lane == NULL) {
        return RL_NOMEM;
    }
    lane->line = bytes_varint32(in);
    lane->seq = bytes_varint(in);
    lane->ticks = bytes_varint(in);
    lane->frame = bytes_varint(in);
    lane->fresh_from = bytes_varint(in);
    uint64_t kind = bytes_varint(in);
    lane->kind = (uint8_t)kind;
    return kind < RL_EVENT_KINDS ? RL_OK : RL_DAMAGED;
}

static rl_status load_task(struct instant *instant, struct bytes_in *in)
{
    uint64_t key = bytes_varint(in), name = bytes_varint(in);
    if (key == 0 || in->bad) {
        return RL_DAMAGED;
    }
    return u64map_put(&instant->tasks, key, name) == 0 ? RL_OK : RL_NOMEM;
}

/* Takes as many items as a number before them says. */
static rl_status load_items(struct instant *instant, struct bytes_in *in,
                            rl_status (*load)(struct instant *, struct bytes_in *))
{
    rl_status status = RL_OK;
    size_t count = bytes_count(in);
    for (size_t i = 0; i < count && status == RL_OK; i++) {
        status = load(instant, in);
    }
    return in->bad && status == RL_OK ? RL_DAMAGED : status;
}

rl_status instant_take_event(const struct reader *reader, struct bytes_in *in,
                             struct event_out *event)
{
    uint64_t kind = bytes_varint(in);
    size_t len;
    *event = (struct event_out){.kind = (uint8_t)kind};
    event->thread = bytes_varint32(in);
    event->id = bytes_varint32(in);
    event->exc = bytes_varint32(in);
    event->line = bytes_varint32(in);
    event->seq = bytes_varint(in);
    event->ticks = bytes_varint(in);
    event->t = reader_time(reader, event->ticks);
    event->frame = bytes_varint(in);
    event->parent = bytes_varint(in);
    uint64_t flags = bytes_varint(in);
    event->parent_is_known = (flags & PARENT_IS_KNOWN) != 0;
    event->is_after_gap = (flags & IS_AFTER_GAP) != 0;
    event->is_of_before = (flags & IS_OF_BEFORE) != 0;
    event->task = bytes_varint32(in);
    event->session = bytes_varint32(in);
    event->values = take_bytes(in, &len);
    event->values_len = (uint32_t)len;
    return in->bad || kind >= RL_EVENT_KINDS || len > UINT32_MAX ? RL_DAMAGED : RL_OK;
}

/* Takes the last event, and keeps its values. */
static rl_status load_last(struct instant *instant, struct bytes_in *in)
{
    struct event_out *last = &instant->last;
    rl_status status = instant_take_event(instant->reader, in, last);
    const uint8_t *values = last->values;
    last->values = NULL;
    if (status != RL_OK) {
        return status;
    }
    instant->last_values = rl_alloc(last->values_len, 1);
    if (instant->last_values == NULL) {
        return RL_NOMEM;
    }
    memcpy(instant->last_values, values, last->values_len);
    last->values = instant->last_values;
    return RL_OK;
}

static rl_status load_all(struct instant *instant, struct bytes_in *in)
{
    size_t len;
    uint64_t format = bytes_varint(in);
    const uint8_t *cursor = take_bytes(in, &len);
    if (format != FORMAT || in->bad) {
        return RL_DAMAGED;
    }
    rl_status status = cursor_load(instant->reader, cursor, len, &instant->cursor);
    status = status == RL_OK ? load_items(instant, in, load_record) : status;
    status = status == RL_OK ? load_items(instant, in, load_lane) : status;
    status = status == RL_OK ? load_items(instant, in, load_task) : status;
    instant->ending = bytes_varint(in);
    status = status == RL_OK ? load_last(instant, in) : status;
    return status == RL_OK && bytes_left(in) != 0 ? RL_DAMAGED : status;
}

rl_status instant_load_before(struct instant *instant)
{
    struct bytes_in in = instant->reader->before.values;
    rl_status status = load_items(instant, &in, load_record);
    status = status == RL_OK ? load_items(instant, &in, load_lane) : status;
    return status == RL_OK ? load_items(instant, &in, load_task) : status;
}

/* Takes a record, and keeps the line of its last LINE alone. */
static rl_status take_line(struct bytes_in *in, struct u64map *lines)
{
    size_t len;
    uint64_t frame = bytes_varint(in);
    (void)bytes_varint32(in);
    (void)bytes_varint32(in);
    uint64_t line = bytes_varint32(in);
    for (int i = 0; i < 3; i++) {
        (void)bytes_varint(in);
    }
    (void)take_bytes(in, &len);
    (void)bytes_varint(in);
    (void)bytes_varint(in);
    size_t count = bytes_count(in);
    for (size_t i = 0; i < count && !in->bad; i++) {
        for (int field = 0; field < 5; field++) {
            (void)bytes_varint(in);
        }
        (void)take_bytes(in, &len);
    }
    if (in->bad || frame == 0) {
        return RL_DAMAGED;
    }
    return line == 0 || u64map_put(lines, frame, line) == 0 ? RL_OK : RL_NOMEM;
}

rl_status instant_lines_before(const struct reader *reader, struct u64map *lines)
{
    struct bytes_in in = reader->before.values;
    rl_status status = RL_OK;
    size_t count = reader->before.is_there ? bytes_count(&in) : 0;
    for (size_t i = 0; i < count && status == RL_OK; i++) {
        status = take_line(&in, lines);
    }
    return status == RL_NOMEM ? status : RL_OK; /* for damage see instant_open() */
}

rl_status instant_load_cursor(struct reader *reader, const uint8_t *bytes, size_t len,
                              struct u64map *lines, struct cursor **out)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    size_t cursor_len;
    rl_status status = RL_OK;
    uint64_t format = bytes_varint(&in);
    const uint8_t *cursor = take_bytes(&in, &cursor_len);
    size_t count = bytes_count(&in);
    if (format != FORMAT || in.bad) {
        return RL_DAMAGED;
    }
    if (lines != NULL) {
        u64map_clear(lines);
    }
    for (size_t i = 0; lines != NULL && i < count && status == RL_OK; i++) {
        status = take_line(&in, lines);
    }
    return status == RL_OK ? cursor_load(reader, cursor, cursor_len, out) : status;
}

rl_status instant_load(struct reader *reader, const uint8_t *bytes, size_t len,
                       struct event_out *last, struct instant **out)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    struct instant *instant = rl_zalloc(1, sizeof *instant);
    if (instant == NULL) {
        return RL_NOMEM;
    }
    instant->reader = reader;
    rl_status status = load_all(instant, &in);
    if (status != RL_OK) {
        instant_close(instant);
        return status;
    }
    *last = instant->last;
    *out = instant;
    return RL_OK;
}
