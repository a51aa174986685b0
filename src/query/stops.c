/* Why: see stops.h. */
#include "stops.h"

#include <string.h>

#include "after_exception.h"
#include "alloc.h"
#include "frame_names.h"
#include "instant_parts.h"
#include "value.h"
#include "write_head.h"

/* What a condition has seen. */
struct seen {
    uint8_t *value; /* owned; INSIDE: the last value of the expression */
    size_t len;
    int has_value;
    int exists; /* INSIDE: the object exists since the pass began */
};

struct stops {
    struct reader *reader;                   /* borrowed */
    const struct stop_condition *conditions; /* borrowed */
    size_t count;
    int sees_raises;
    struct seen *seen;   /* owned; one of each condition */
    struct u64map raise; /* thread + 1 -> frame that an exception is in; where !sees_raises */
    struct bytes_out scratch;
    uint64_t unknown;
    int failed; /* without memory */
};

rl_status stops_new(struct reader *reader, const struct stop_condition *conditions, size_t count,
                    int sees_raises, struct stops **out)
{
    struct stops *stops = rl_zalloc(1, sizeof *stops);
    struct seen *seen = rl_zalloc(count, sizeof *seen);
    if (stops == NULL || seen == NULL) {
        rl_free(stops);
        rl_free(seen);
        return RL_NOMEM;
    }
    *stops = (struct stops){.reader = reader,
                            .conditions = conditions,
                            .count = count,
                            .sees_raises = sees_raises,
                            .seen = seen};
    *out = stops;
    return RL_OK;
}

static void forget_seen(struct stops *stops)
{
    for (size_t i = 0; i < stops->count; i++) {
        rl_free(stops->seen[i].value);
        stops->seen[i] = (struct seen){0};
    }
}

void stops_free(struct stops *stops)
{
    if (stops != NULL) {
        forget_seen(stops);
        rl_free(stops->seen);
        u64map_fini(&stops->raise);
        bytes_out_fini(&stops->scratch);
        rl_free(stops);
    }
}

uint64_t stops_unknown(const struct stops *stops)
{
    return stops->unknown;
}

static int is_same_text(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Returns whether `name` is a type's name, or the last parts of it. */
static int is_type_named(struct text type, struct text name)
{
    struct text end = {type.data + type.len - name.len, name.len};
    return name.len == 0 || (type.len >= name.len && is_same_text(end, name) &&
                             (type.len == name.len || type.data[type.len - name.len - 1] == '.'));
}

/* Follows the exceptions of a thread where the recording has no RAISE events. Returns whether one
 * begins. */
static int follow_unwind(struct stops *stops, const struct event_out *event)
{
    uint64_t *in = u64map_get(&stops->raise, (uint64_t)event->thread + 1);
    uint64_t before = in != NULL ? *in : 0;
    uint64_t now = event->kind == RL_EVENT_UNWIND ? event->parent + 1 : 0;
    if (now != before && u64map_put(&stops->raise, (uint64_t)event->thread + 1, now) != 0) {
        stops->failed = 1;
    }
    return event->kind == RL_EVENT_UNWIND && before != event->frame + 1;
}

/* Returns whether an exception begins at an event. */
static int begins_exception(struct stops *stops, const struct event_out *event)
{
    if (!stops->sees_raises) {
        return kind_enters(event->kind) || kind_leaves(event->kind) || event->kind == RL_EVENT_LINE
                   ? follow_unwind(stops, event)
                   : 0;
    }
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    struct value value;
    if (event->kind != RL_EVENT_RAISE) {
        return 0;
    }
    struct after_exception after =
        after_exception_of(event->kind, event->frame, event->values, event->values_len);
    int is_again = event->values_len != 0 && value_next(&in, &value) == RL_OK &&
                   value.tag == RL_VALUE_EXCEPTION && (value.flags & RL_EXCEPTION_AGAIN);
    return !after.is_earlier && !after.is_again && !is_again;
}

static int is_raised(const struct stops *stops, const struct stop_condition *stop,
                     const struct event_out *event)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    struct value value;
    uint32_t type = event->exc;
    if (type == 0 && event->values_len != 0 && value_next(&in, &value) == RL_OK &&
        value.tag == RL_VALUE_EXCEPTION) {
        type = value.type;
    }
    return stop->name.len == 0 ||
           (type != 0 && is_type_named(reader_string(stops->reader, type), stop->name));
}

static int has_code(const struct u64map *codes, uint32_t id)
{
    return u64map_get(codes, (uint64_t)id + 1) != NULL;
}

/* Returns whether a call binds the parameter `name`. */
static int binds_parameter(const struct stops *stops, const struct event_out *event,
                           struct text name)
{
    struct code_text code = reader_code(stops->reader, event->id);
    for (uint32_t i = 0; i < code.args && i < code.name_count; i++) {
        if (is_same_text(reader_string(stops->reader, code.names[i]), name)) {
            return event->values_len != 0;
        }
    }
    return 0;
}

static int is_bound(const struct stops *stops, const struct stop_condition *stop,
                    const struct event_out *event)
{
    static const char body[] = "<module>";
    struct write_head write;
    if ((stop->frame != 0 && event->frame != stop->frame) ||
        (stop->codes != NULL && !has_code(stop->codes, event->id))) {
        return 0;
    }
    if (event->kind == RL_EVENT_CALL) {
        return !stop->is_global && binds_parameter(stops, event, stop->name);
    }
    if (event->kind != RL_EVENT_WRITE || !write_head_read(stops->reader, event, &write) ||
        !is_same_text(reader_string(stops->reader, write.name), stop->name)) {
        return 0;
    }
    int is_body = is_same_text(reader_code(stops->reader, event->id).qualname,
                               (struct text){body, sizeof body - 1});
    int is_global =
        write.scope == RL_WRITE_GLOBAL || (write.scope == RL_WRITE_NAMESPACE && is_body);
    return stop->is_global == is_global;
}

/* The object of an expression inside it. */
struct object {
    struct bytes_in bytes;
};

static struct operand load_object(void *self, uint32_t name, struct operand_scope *scope)
{
    struct bytes_in in = ((const struct object *)self)->bytes;
    (void)name;
    return operand_take(&in, scope);
}

/* Compares the expression inside an object with its last value, which becomes this one. Returns
 * whether it changed. What was never seen has not changed where it is not known now, or where
 * another variable gets an object that exists (is_bound_whole). */
static int changes_inside(struct stops *stops, size_t i, struct bytes_in bytes, int is_bound_whole)
{
    const struct stop_condition *stop = &stops->conditions[i];
    struct seen *seen = &stops->seen[i];
    struct object object = {bytes};
    struct where_row row = {&object, load_object, &stops->reader->strings};
    struct bytes_in in = bytes;
    struct value value;
    if (value_next(&in, &value) != RL_OK || value.identity != stop->identity) {
        return 0;
    }
    struct operand result = where_run(stop->inside, &row);
    bytes_out_reset(&stops->scratch);
    if (!operand_put(&stops->scratch, &result)) {
        bytes_out_reset(&stops->scratch); /* not known, or not there: that is a value, too */
    }
    size_t len = stops->scratch.len;
    if (stops->scratch.failed) {
        stops->failed = 1;
        return 0;
    }
    int is_same = seen->has_value && seen->len == len &&
                  (len == 0 || memcmp(seen->value, stops->scratch.data, len) == 0);
    if (is_same) {
        return 0;
    }
    uint8_t *copy = rl_alloc(len, 1);
    if (copy == NULL) {
        stops->failed = 1;
        return 0;
    }
    if (len != 0) {
        memcpy(copy, stops->scratch.data, len);
    }
    int is_change = seen->has_value || (len != 0 && !(seen->exists && is_bound_whole));
    rl_free(seen->value);
    *seen = (struct seen){copy, len, 1, 1};
    return is_change;
}

/* Returns the newest write of a variable that holds an object, or NULL. */
static const struct written *find_holder(const struct instant *instant, uint64_t identity)
{
    const struct written *found = NULL;
    for (size_t i = 0; i < instant->record_count; i++) {
        const struct record *record = &instant->records[i];
        for (size_t k = 0; record->frame != 0 && k < record->written_count; k++) {
            const struct written *written = &record->written[k];
            struct bytes_in in = bytes_in_of(written->bytes, written->len);
            struct value value;
            if (value_next(&in, &value) == RL_OK && value.identity == identity &&
                (found == NULL || written->seq > found->seq)) {
                found = written;
            }
        }
    }
    return found;
}

/* Takes one whole value. Returns whether it is an object with this identity, or contains it. */
static int holds_object(struct bytes_in *in, uint64_t identity)
{
    struct value value;
    if (value_next(in, &value) != RL_OK) {
        in->bad = 1;
        return 0;
    }
    uint64_t count = value_children(&value);
    int is_found = value.identity == identity;
    for (uint64_t i = 0; i < count && !in->bad && !is_found; i++) {
        if (value.tag == RL_VALUE_OBJECT) {
            (void)bytes_varint(in); /* the attribute's name */
        }
        is_found = holds_object(in, identity);
    }
    return is_found;
}

/* Returns whether a variable holds an object deep in its value: as an item, or by an attribute. */
static int is_held_inside(const struct instant *instant, uint64_t identity)
{
    for (size_t i = 0; i < instant->record_count; i++) {
        const struct record *record = &instant->records[i];
        for (size_t k = 0; record->frame != 0 && k < record->written_count; k++) {
            struct bytes_in in = bytes_in_of(record->written[k].bytes, record->written[k].len);
            if (holds_object(&in, identity)) {
                return 1;
            }
        }
    }
    return 0;
}

/* Takes what is inside objects at the begin of a pass. The first write is compared with it. Of an
 * object deep in a value only the identity is sure: what the value shows of it may be old. */
rl_status stops_begin(struct stops *stops, const struct instant *instant)
{
    forget_seen(stops);
    u64map_clear(&stops->raise);
    for (size_t i = 0; i < stops->count; i++) {
        const struct stop_condition *stop = &stops->conditions[i];
        const struct written *written =
            stop->kind == STOP_INSIDE ? find_holder(instant, stop->identity) : NULL;
        if (written != NULL) {
            (void)changes_inside(stops, i, bytes_in_of(written->bytes, written->len), 0);
        } else if (stop->kind == STOP_INSIDE) {
            stops->seen[i].exists = is_held_inside(instant, stop->identity);
        }
    }
    return stops->failed ? RL_NOMEM : RL_OK;
}

/* Returns whether a condition holds at an event, apart from its expression. */
static int is_met(struct stops *stops, size_t i, const struct event_out *event, int begins_now)
{
    const struct stop_condition *stop = &stops->conditions[i];
    struct write_head write;
    switch (stop->kind) {
    case STOP_LINE:
        return event->kind == RL_EVENT_LINE && event->line == stop->line &&
               has_code(stop->codes, event->id);
    case STOP_CALL:
        return event->kind == RL_EVENT_CALL && has_code(stop->codes, event->id);
    case STOP_EXCEPTION:
        return begins_now && is_raised(stops, stop, event);
    case STOP_NAME:
        return is_bound(stops, stop, event);
    case STOP_INSIDE:
        return event->kind == RL_EVENT_WRITE && write_head_read(stops->reader, event, &write) &&
               changes_inside(stops, i, bytes_in_of(write.value, write.value_len), write.what == 0);
    }
    return 0;
}

/* Returns whether the expression of a condition holds in the frame of the event. */
static int holds(struct stops *stops, const struct stop_condition *stop, struct instant *instant,
                 const struct event_out *event)
{
    struct frame_names names;
    struct instant_frame frame = {.frame = event->frame,
                                  .thread = event->thread,
                                  .task = event->task,
                                  .code = event->id,
                                  .line = event->line};
    if (stop->where == NULL) {
        return 1;
    }
    if (frame_names_open(instant, &frame, &names) != RL_OK) {
        stops->failed = 1;
        return 0;
    }
    struct operand result = frame_names_run(&names, stop->where);
    enum where_answer answer = where_answer(&result);
    stops->unknown += answer == WHERE_UNKNOWN;
    frame_names_fini(&names);
    return answer == WHERE_YES;
}

rl_status stops_check(struct stops *stops, struct instant *instant, const struct event_out *event,
                      size_t *number)
{
    *number = 0;
    if (stops->count == 0) {
        return RL_OK;
    }
    int begins_now = begins_exception(stops, event);
    for (size_t i = 0; i < stops->count; i++) { /* watches have to see every event */
        if (is_met(stops, i, event, begins_now) && *number == 0 &&
            holds(stops, &stops->conditions[i], instant, event)) {
            *number = i + 1;
        }
    }
    return stops->failed ? RL_NOMEM : RL_OK;
}
