/* Why: see instant.h.
 *
 *    frame number --> struct record: last LINE, bytes of its CALL, what was written since
 *    thread       --> struct lane_state: its last event, and where the run of writes before it
 * began task         --> its name, from TASK_START to TASK_END
 *
 * Which frames are open, and in which order, is the cursor's to know. A record adds what the cursor
 * does not keep. It is made where there is something to keep, and freed when the frame ends:
 *
 *    CALL with values, LINE, WRITE     a record
 *    YIELD                             a record; it is suspended until RESUME or THROW
 *    RETURN, UNWIND, CLOSED            freed by the next event, since the last event still shows it
 *    lost events                       records of frames that were last in this thread are freed
 *
 * Invariants: records have no pointers into the cursor. A freed record keeps its memory for the
 * next frame. */
#include "instant_parts.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "write_head.h"

/* Opens an instant; with the values of before, where they are there and wanted. */
static rl_status open_instant(struct reader *reader, int with_values, struct instant **out)
{
    struct instant *instant = rl_zalloc(1, sizeof *instant);
    if (instant == NULL) {
        return RL_NOMEM;
    }
    instant->reader = reader;
    rl_status status = cursor_open(reader, &instant->cursor);
    if (status == RL_OK && with_values && reader->before.is_there) {
        status = instant_load_before(instant);
    }
    if (status != RL_OK) {
        instant_close(instant);
        return status;
    }
    *out = instant;
    return RL_OK;
}

rl_status instant_open(struct reader *reader, struct instant **out)
{
    rl_status status = open_instant(reader, 1, out);
    if (status == RL_DAMAGED) {
        reader_problem(reader, "the values that were known before the part are damaged");
        status = open_instant(reader, 0, out);
    }
    return status;
}

struct cursor *instant_cursor(const struct instant *instant)
{
    return instant->cursor;
}

static void clear_record(struct record *record)
{
    for (size_t i = 0; i < record->written_count; i++) {
        rl_free(record->written[i].bytes);
    }
    *record = (struct record){.call = record->call,
                              .call_cap = record->call_cap,
                              .written = record->written,
                              .written_cap = record->written_cap};
}

void instant_close(struct instant *instant)
{
    if (instant == NULL) {
        return;
    }
    for (size_t i = 0; i < instant->record_count; i++) {
        clear_record(&instant->records[i]);
        rl_free(instant->records[i].call);
        rl_free(instant->records[i].written);
    }
    rl_free(instant->records);
    rl_free(instant->free_records);
    rl_free(instant->lanes);
    rl_free(instant->last_values);
    u64map_fini(&instant->record_of);
    u64map_fini(&instant->lane_of);
    u64map_fini(&instant->tasks);
    cursor_close(instant->cursor);
    rl_free(instant);
}

struct record *instant_record(const struct instant *instant, uint64_t frame)
{
    const uint64_t *at = frame != 0 ? u64map_get(&instant->record_of, frame) : NULL;
    return at != NULL ? &instant->records[*at] : NULL;
}

struct record *instant_add_record(struct instant *instant, uint64_t frame)
{
    void *records = instant->records, *spare = instant->free_records;
    if (instant->free_count == 0) {
        /* Room for its number once it is free, so that nothing fails then. */
        if (rl_grow(&spare, &instant->free_cap, instant->record_count + 1, sizeof(size_t)) != 0) {
            return NULL;
        }
        instant->free_records = spare;
        if (rl_grow(&records, &instant->record_cap, instant->record_count + 1,
                    sizeof *instant->records) != 0) {
            return NULL;
        }
        instant->records = records;
        instant->records[instant->record_count] = (struct record){0};
        instant->free_records[instant->free_count++] = instant->record_count++;
    }
    size_t at = instant->free_records[instant->free_count - 1];
    if (u64map_put(&instant->record_of, frame, at) != 0) {
        return NULL;
    }
    instant->free_count--;
    instant->records[at].frame = frame;
    return &instant->records[at];
}

/* Returns the record of a frame, made where there is none; NULL without memory. */
static struct record *make_record(struct instant *instant, const struct event_out *event)
{
    struct record *record = instant_record(instant, event->frame);
    record = record != NULL ? record : instant_add_record(instant, event->frame);
    if (record == NULL) {
        return NULL;
    }
    record->code = event->id;
    record->thread = event->thread;
    record->task = event->task;
    return record;
}

void instant_drop_record(struct instant *instant, uint64_t frame)
{
    uint64_t at;
    if (frame != 0 && u64map_remove(&instant->record_of, frame, &at)) {
        clear_record(&instant->records[at]);
        instant->free_records[instant->free_count++] = at;
    }
}

struct lane_state *instant_lane(const struct instant *instant, uint32_t thread)
{
    struct lane_state *last = instant->lanes + instant->last_lane;
    if (instant->lane_count != 0 && last->thread == thread) {
        return last;
    }
    const uint64_t *at = u64map_get(&instant->lane_of, (uint64_t)thread + 1);
    return at != NULL ? &instant->lanes[*at] : NULL;
}

struct lane_state *instant_add_lane(struct instant *instant, uint32_t thread)
{
    struct lane_state *lane = instant_lane(instant, thread);
    void *lanes = instant->lanes;
    if (lane == NULL) {
        if (rl_grow(&lanes, &instant->lane_cap, instant->lane_count + 1, sizeof *lane) != 0) {
            return NULL;
        }
        instant->lanes = lanes;
        if (u64map_put(&instant->lane_of, (uint64_t)thread + 1, instant->lane_count) != 0) {
            return NULL;
        }
        lane = &instant->lanes[instant->lane_count++];
        *lane = (struct lane_state){.thread = thread};
    }
    instant->last_lane = (size_t)(lane - instant->lanes);
    return lane;
}

/* Nothing is known of frames that were last in a thread of which events were lost. */
static void forget_thread(struct instant *instant, uint32_t thread)
{
    for (size_t i = 0; i < instant->record_count; i++) {
        struct record *record = &instant->records[i];
        if (record->frame != 0 && record->thread == thread) {
            instant_drop_record(instant, record->frame);
        }
    }
}

/* Keeps the values of a call as they are. They are taken apart where somebody asks. */
static rl_status take_call(struct instant *instant, const struct event_out *event)
{
    struct record *record = make_record(instant, event);
    void *call = record != NULL ? record->call : NULL;
    if (record == NULL || rl_grow(&call, &record->call_cap, event->values_len, 1) != 0) {
        return RL_NOMEM;
    }
    record->call = call;
    memcpy(record->call, event->values, event->values_len);
    record->call_len = event->values_len;
    record->call_seq = event->seq;
    record->call_thread = event->thread;
    return RL_OK;
}

static int is_same_name(const struct reader *reader, uint32_t a, uint32_t b)
{
    if (a == b) {
        return 1;
    }
    struct text x = reader_string(reader, a), y = reader_string(reader, b);
    return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

struct written *instant_written(const struct record *record, unsigned scope, uint32_t name)
{
    for (size_t i = 0; i < record->written_count; i++) {
        if (record->written[i].name == name && record->written[i].scope == scope) {
            return &record->written[i];
        }
    }
    return NULL;
}

/* Returns the variable of this name and scope, or NULL. A name may have several ids, except those
 * of the names of a code object. */
static struct written *find_written(const struct reader *reader, const struct record *record,
                                    unsigned scope, uint32_t name)
{
    struct written *written = instant_written(record, scope, name);
    for (size_t i = 0; written == NULL && scope != RL_WRITE_SLOT && i < record->written_count;
         i++) {
        if (record->written[i].scope == scope &&
            is_same_name(reader, record->written[i].name, name)) {
            written = &record->written[i];
        }
    }
    return written;
}

/* Keeps a write as that of a variable of this frame. */
static rl_status put_written(const struct instant *instant, struct record *record, unsigned scope,
                             const struct write_head *write, const struct event_out *event,
                             uint32_t after_line)
{
    struct written *written = find_written(instant->reader, record, scope, write->name);
    uint8_t *bytes = rl_alloc(write->value_len, 1);
    void *all = record->written;
    if (bytes == NULL ||
        (written == NULL &&
         rl_grow(&all, &record->written_cap, record->written_count + 1, sizeof *written) != 0)) {
        rl_free(bytes);
        return RL_NOMEM;
    }
    if (written == NULL) {
        record->written = all;
        written = &record->written[record->written_count++];
        written->bytes = NULL;
    }
    rl_free(written->bytes);
    memcpy(bytes, write->value, write->value_len);
    *written = (struct written){.name = write->name,
                                .scope = (uint8_t)scope,
                                .after_line = after_line,
                                .thread = event->thread,
                                .seq = event->seq,
                                .bytes = bytes,
                                .len = write->value_len};
    return RL_OK;
}

static int is_module_body(const struct code_text *code)
{
    static const char body[] = "<module>";
    return code->qualname.len == sizeof body - 1 &&
           memcmp(code->qualname.data, body, sizeof body - 1) == 0;
}

/* A change of a module's variable has one event, whichever frame was compared first. It holds for
 * the module's body, and for each frame that has the variable, too. */
static rl_status share_write(struct instant *instant, const struct record *writer,
                             const struct write_head *write, const struct event_out *event)
{
    struct code_text code = reader_code(instant->reader, event->id);
    rl_status status = RL_OK;
    if (write->scope == RL_WRITE_SLOT ||
        (write->scope == RL_WRITE_NAMESPACE && !is_module_body(&code))) {
        return RL_OK;
    }
    for (size_t i = 0; i < instant->record_count && status == RL_OK; i++) {
        struct record *record = &instant->records[i];
        struct code_text other = reader_code(instant->reader, record->code);
        if (record->frame == 0 || record == writer || other.module.len != code.module.len ||
            memcmp(other.module.data, code.module.data, code.module.len) != 0) {
            continue;
        }
        int is_body = is_module_body(&other);
        if (is_body ||
            find_written(instant->reader, record, RL_WRITE_GLOBAL, write->name) != NULL) {
            status = put_written(instant, record, is_body ? RL_WRITE_NAMESPACE : RL_WRITE_GLOBAL,
                                 write, event, 0);
        }
    }
    return status;
}

static rl_status take_write(struct instant *instant, const struct event_out *event)
{
    struct write_head write;
    struct record *record = make_record(instant, event);
    if (record == NULL) {
        return RL_NOMEM;
    }
    record->has_lines = 1;
    if (!write_head_read(instant->reader, event, &write)) {
        return RL_OK;
    }
    rl_status status = put_written(instant, record, write.scope, &write, event, record->line);
    return status == RL_OK ? share_write(instant, record, &write, event) : status;
}

/* Code that was taken down below level lines has no more of them. An equal function may have
 * several ids. */
static void take_budget(struct instant *instant, const struct event_out *event)
{
    enum { LEVEL_LINES = 3 };
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    (void)bytes_varint(&in);
    if (event->id == 0 || bytes_varint(&in) == LEVEL_LINES) {
        return;
    }
    struct code_text code = reader_code(instant->reader, event->id);
    for (size_t i = 0; i < instant->record_count; i++) {
        struct record *record = &instant->records[i];
        struct code_text other = reader_code(instant->reader, record->code);
        if (record->frame != 0 && other.line == code.line && other.file.len == code.file.len &&
            memcmp(other.file.data, code.file.data, code.file.len) == 0) {
            record->has_lines = 0;
        }
    }
}

/* Follows one frame by its event. */
static rl_status take_frame_event(struct instant *instant, const struct event_out *event)
{
    struct record *record;
    if (event->frame == 0 && event->kind != RL_EVENT_BUDGET) {
        return RL_OK; /* damaged */
    }
    switch (event->kind) {
    case RL_EVENT_CALL:
        return event->values_len != 0 ? take_call(instant, event) : RL_OK;
    case RL_EVENT_WRITE:
        return take_write(instant, event);
    case RL_EVENT_LINE:
        if ((record = make_record(instant, event)) == NULL) {
            return RL_NOMEM;
        }
        record->has_lines = 1;
        record->line = event->line;
        record->ran = event->line;
        return RL_OK;
    case RL_EVENT_YIELD:
        if ((record = make_record(instant, event)) == NULL) {
            return RL_NOMEM;
        }
        break;
    case RL_EVENT_RAISE:
    case RL_EVENT_HANDLED:
        if ((record = instant_record(instant, event->frame)) != NULL && event->line != 0) {
            record->line = event->line;
        }
        break;
    case RL_EVENT_BUDGET:
        take_budget(instant, event);
        break;
    default:
        break;
    }
    if ((event->kind == RL_EVENT_YIELD || kind_enters(event->kind)) &&
        (record = instant_record(instant, event->frame)) != NULL) {
        record->is_suspended = event->kind == RL_EVENT_YIELD;
        record->task = event->task;
        record->thread = event->thread;
    }
    return RL_OK;
}

static rl_status take_task_event(struct instant *instant, const struct event_out *event)
{
    uint32_t task = (uint32_t)event->frame;
    if (event->kind == RL_EVENT_TASK_END) {
        (void)u64map_remove(&instant->tasks, (uint64_t)task + 1, NULL);
        return RL_OK;
    }
    const uint64_t *known = u64map_get(&instant->tasks, (uint64_t)task + 1);
    uint64_t name = event->kind == RL_EVENT_TASK_START ? event->id : known != NULL ? *known : 0;
    return u64map_put(&instant->tasks, (uint64_t)task + 1, name) == 0 ? RL_OK : RL_NOMEM;
}

/* Follows the last event of a thread, and the run of writes that ends with it. */
static rl_status take_place(struct instant *instant, const struct event_out *event)
{
    struct lane_state *lane = instant_add_lane(instant, event->thread);
    if (lane == NULL) {
        return RL_NOMEM;
    }
    int goes_on = lane->kind == RL_EVENT_WRITE && lane->seq + 1 == event->seq;
    lane->fresh_from = goes_on ? lane->fresh_from : event->seq;
    lane->seq = event->seq;
    lane->ticks = event->ticks;
    lane->kind = event->kind;
    lane->frame = event->frame;
    lane->line = event->line;
    return RL_OK;
}

rl_status instant_next(struct instant *instant, struct event_out *event)
{
    if (instant->ending != 0) {
        instant_drop_record(instant, instant->ending);
        instant->ending = 0;
    }
    rl_status status = cursor_next(instant->cursor, event);
    if (status != RL_OK) {
        return status;
    }
    if (event->is_of_before) {
        instant->last = *event; /* what it says is known already */
        return RL_OK;
    }
    if (event->is_after_gap) {
        forget_thread(instant, event->thread);
    }
    status = take_place(instant, event);
    if (status == RL_OK && event->kind >= RL_EVENT_TASK_START && event->kind <= RL_EVENT_TASK_END) {
        status = take_task_event(instant, event);
    } else if (status == RL_OK) {
        status = take_frame_event(instant, event);
    }
    if (kind_ends(event->kind)) {
        instant->ending = event->frame;
    }
    instant->last = *event;
    return status;
}
