/* Part of instant.h: what was kept becomes frames, variables and their states.
 *
 *    the last event is                    for this frame that is       a value is
 *
 *    its LINE, RETURN, YIELD, UNWIND,     a comparison of all           KNOWN, unless DEEP
 *      RAISE, or an exception above it
 *    its CALL                             a value for each parameter    KNOWN
 *    its WRITE                            a comparison that goes on     KNOWN if written in it
 *    any other                            nothing                       KNOWN if FIXED, and nothing
 *                                                                       can have bound the name
 *
 * A function inside this one that has the name, too, can have bound it without an event. So can the
 * line that runs, where it did so before. */
#include "instant_parts.h"

#include <stdlib.h>
#include <string.h>

#include "after_exception.h"
#include "alloc.h"
#include "doubt.h"
#include "value.h"

enum { CONTAINERS_A_LINE = 8 }; /* that the recorder compares, as lines.c says */

/* ---- frames ---- */

/* Returns the line of an open frame; 0 = not known. A frame without lines has one only right after
 * an event that contains it. */
static uint32_t find_line(const struct instant *instant, const struct open_activation *open,
                          uint32_t thread, int is_top)
{
    const struct record *record = instant_record(instant, open->frame);
    const struct lane_state *lane = instant_lane(instant, thread);
    if (lane != NULL && lane->frame == open->frame && lane->line != 0 &&
        lane->kind != RL_EVENT_WRITE) {
        return lane->line;
    }
    if (!is_top && open->line != 0) {
        return open->line;
    }
    return record != NULL && record->has_lines ? record->line : 0;
}

static int add_frame(struct instant_frames *out, struct instant_frame frame)
{
    void *items = out->items;
    if (rl_grow(&items, &out->cap, out->count + 1, sizeof *out->items) != 0) {
        return -1;
    }
    out->items = items;
    out->items[out->count++] = frame;
    return 0;
}

/* Adds the open frames of one thread, outermost first. */
static rl_status add_thread(struct instant *instant, size_t index, struct instant_frames *out)
{
    uint32_t thread;
    size_t depth;
    const struct event_out *last = &instant->last;
    const struct open_activation *stack =
        cursor_thread_stack(instant->cursor, index, &thread, &depth);
    for (size_t i = 0; i < depth; i++) {
        const struct open_activation *open = &stack[i];
        const struct record *record = instant_record(instant, open->frame);
        int is_left =
            thread == last->thread && open->frame == last->frame && kind_leaves(last->kind);
        struct instant_frame frame = {
            .frame = open->frame,
            .caller = open->is_root ? 0 : open->caller,
            .thread = thread,
            .task = open->task,
            .code = open->code == 0 && record != NULL ? record->code : open->code,
            .line = find_line(instant, open, thread, i + 1 == depth),
            .state = is_left       ? INSTANT_LEFT
                     : open->waits ? INSTANT_WAITS
                                   : INSTANT_OPEN,
        };
        if (add_frame(out, frame) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

static int by_frame(const void *a, const void *b)
{
    const struct instant_frame *x = a, *y = b;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* Adds what is suspended and not among the open frames, as one that waits is. */
static rl_status add_suspended(const struct instant *instant, struct instant_frames *out)
{
    struct u64map open = {0};
    size_t first = out->count;
    rl_status status = RL_OK;
    for (size_t i = 0; i < first && status == RL_OK; i++) {
        status = u64map_put(&open, out->items[i].frame + 1, 1) == 0 ? RL_OK : RL_NOMEM;
    }
    for (size_t i = 0; i < instant->record_count && status == RL_OK; i++) {
        const struct record *record = &instant->records[i];
        if (record->frame != 0 && record->is_suspended &&
            u64map_get(&open, record->frame + 1) == NULL) {
            struct instant_frame frame = {.frame = record->frame,
                                          .thread = record->thread,
                                          .task = record->task,
                                          .code = record->code,
                                          .line = record->has_lines ? record->line : 0,
                                          .state = INSTANT_SUSPENDED};
            status = add_frame(out, frame) == 0 ? RL_OK : RL_NOMEM;
        }
    }
    u64map_fini(&open);
    if (out->count != first) {
        qsort(out->items + first, out->count - first, sizeof *out->items, by_frame);
    }
    return status;
}

rl_status instant_frames(struct instant *instant, struct instant_frames *out)
{
    rl_status status = RL_OK;
    *out = (struct instant_frames){0};
    for (size_t i = 0; i < cursor_threads(instant->cursor) && status == RL_OK; i++) {
        status = add_thread(instant, i, out);
    }
    if (status == RL_OK) {
        status = add_suspended(instant, out);
    }
    if (status != RL_OK) {
        instant_frames_fini(out);
    }
    return status;
}

void instant_frames_fini(struct instant_frames *frames)
{
    rl_free(frames->items);
    *frames = (struct instant_frames){0};
}

/* ---- variables ---- */

/* The frame whose variables are wanted, at the last event. */
struct question {
    const struct instant *instant;
    const struct instant_frame *frame;
    const struct record *record;
    int is_compared; /* right before the last event */
    int is_being_compared;
    int has_turns;        /* too many containers to be compared at each line */
    struct strmap shared; /* names that functions inside this one have, too */
};

/* Returns whether the last event is an exception that names the frame as a caller: then the
 * recorder has compared the variables of the frame. */
static int is_named_caller(const struct event_out *last, uint64_t frame)
{
    uint64_t caller;
    uint32_t line;
    if ((last->kind != RL_EVENT_RAISE && last->kind != RL_EVENT_UNWIND) || last->values_len == 0) {
        return 0;
    }
    struct after_exception after =
        after_exception_of(last->kind, last->frame, last->values, last->values_len);
    while (after_exception_caller(&after, &caller, &line)) {
        if (caller == frame) {
            return 1;
        }
    }
    return 0;
}

static int is_compared(const struct question *question)
{
    const struct event_out *last = &question->instant->last;
    if (!question->record->has_lines || question->frame->state == INSTANT_WAITS) {
        return 0;
    }
    if (last->frame == question->frame->frame) {
        return last->kind == RL_EVENT_LINE || last->kind == RL_EVENT_RETURN ||
               last->kind == RL_EVENT_YIELD || last->kind == RL_EVENT_UNWIND ||
               last->kind == RL_EVENT_RAISE;
    }
    return is_named_caller(last, question->frame->frame);
}

static int begins_with(struct text text, struct text start)
{
    return text.len > start.len && memcmp(text.data, start.data, start.len) == 0;
}

/* Collects the names of functions that are defined inside this one. Their own parameters bind
 * nothing outside. */
static rl_status find_shared(struct question *question)
{
    static const char inside[] = ".<locals>.";
    const struct reader *reader = question->instant->reader;
    struct code_text own = reader_code(reader, question->frame->code);
    for (size_t i = 0; i < reader->codes.capacity; i++) {
        if (reader->codes.entries[i].key == 0) {
            continue;
        }
        struct code_text code = reader_code(reader, (uint32_t)reader->codes.entries[i].key);
        struct text rest = {code.qualname.data + own.qualname.len,
                            code.qualname.len - own.qualname.len};
        if ((code.flags & RL_CODE_SKIPPED) || code.file.len != own.file.len ||
            memcmp(code.file.data, own.file.data, own.file.len) != 0 ||
            !begins_with(code.qualname, own.qualname) ||
            !begins_with(rest, (struct text){inside, sizeof inside - 1})) {
            continue;
        }
        for (uint32_t j = code.args; j < code.name_count; j++) {
            struct text name = reader_string(reader, code.names[j]);
            if (strmap_put(&question->shared, name.data, name.len, 1) != 0) {
                return RL_NOMEM;
            }
        }
    }
    return RL_OK;
}

/* Returns whether a function or the line that runs can have bound the name to something else. */
static int may_be_bound(const struct question *question, const struct variable *variable,
                        uint32_t after_line)
{
    const struct reader *reader = question->instant->reader;
    const struct record *record = question->record;
    struct code_text code = reader_code(reader, question->frame->code);
    struct text name = reader_string(reader, variable->name);
    if (variable->scope == RL_WRITE_GLOBAL) {
        return 1;
    }
    if (variable->scope == RL_WRITE_NAMESPACE && code.qualname.len == 8 &&
        memcmp(code.qualname.data, "<module>", 8) == 0) {
        return 1;
    }
    return (!record->is_suspended && after_line != 0 && after_line == record->line) ||
           strmap_get(&question->shared, name.data, name.len) != NULL;
}

/* Returns KNOWN or MAY_HAVE_CHANGED for a value that was recorded. */
static enum variable_state judge_value(const struct question *question,
                                       const struct variable *variable, uint32_t after_line)
{
    const struct event_out *last = &question->instant->last;
    const struct lane_state *lane = instant_lane(question->instant, last->thread);
    if (variable->thread == last->thread && lane != NULL && variable->seq >= lane->fresh_from) {
        return VARIABLE_KNOWN;
    }
    if (!question->record->has_lines || question->is_being_compared) {
        return VARIABLE_MAY_HAVE_CHANGED;
    }
    enum change change = doubt_change(question->instant->reader, variable->bytes, variable->len);
    int is_known = change == CHANGE_FIXED &&
                   (question->is_compared || !may_be_bound(question, variable, after_line));
    is_known |= change == CHANGE_OWN && question->is_compared && !question->has_turns;
    return is_known ? VARIABLE_KNOWN : VARIABLE_MAY_HAVE_CHANGED;
}

static enum variable_state judge_variable(const struct question *question,
                                          const struct variable *variable, uint32_t after_line)
{
    switch (variable->bytes[0]) {
    case RL_VALUE_UNSET:
        return VARIABLE_DELETED;
    case RL_VALUE_CUT:
        return VARIABLE_CUT;
    case RL_VALUE_REDACTED:
        return VARIABLE_REDACTED;
    case RL_VALUE_DROPPED:
        return VARIABLE_DROPPED;
    default:
        return judge_value(question, variable, after_line);
    }
}

static int add_variable(struct variables *out, struct variable variable)
{
    void *items = out->items;
    if (rl_grow(&items, &out->cap, out->count + 1, sizeof *out->items) != 0) {
        return -1;
    }
    out->items = items;
    out->items[out->count++] = variable;
    return 0;
}

static struct variable variable_of(const struct written *written)
{
    return (struct variable){.name = written->name,
                             .scope = written->scope,
                             .bytes = written->bytes,
                             .len = written->len,
                             .thread = written->thread,
                             .seq = written->seq};
}

/* Returns whether the list has this local. */
static int has_local(const struct variables *variables, uint32_t name)
{
    for (size_t i = 0; i < variables->count; i++) {
        if (variables->items[i].name == name && variables->items[i].scope == RL_WRITE_SLOT) {
            return 1;
        }
    }
    return 0;
}

/* Adds the parameters as the call had them, each with its last write where it has one. Those beyond
 * the recorded values had no room. */
static rl_status add_parameters(const struct question *question, struct variables *out)
{
    const struct record *record = question->record;
    struct code_text code = reader_code(question->instant->reader, question->frame->code);
    struct bytes_in in = bytes_in_of(record->call, record->call_len);
    for (uint32_t i = 0; record->call_len != 0 && i < code.args; i++) {
        struct variable variable = {.name = code.names[i],
                                    .scope = RL_WRITE_SLOT,
                                    .state = VARIABLE_CUT,
                                    .is_parameter = 1,
                                    .thread = record->call_thread,
                                    .seq = record->call_seq};
        const uint8_t *begin = in.at;
        if (bytes_left(&in) != 0 && value_skip(&in) == RL_OK) {
            variable.bytes = begin;
            variable.len = (size_t)(in.at - begin);
        } else {
            in.at = in.end; /* damaged bytes have no next value */
        }
        const struct written *written = instant_written(record, RL_WRITE_SLOT, variable.name);
        if (written != NULL) {
            struct variable now = variable_of(written);
            now.is_parameter = 1;
            now.at_call = variable.bytes;
            now.at_call_len = variable.len;
            variable = now;
        }
        if (add_variable(out, variable) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

static rl_status add_written(const struct question *question, struct variables *out)
{
    for (size_t i = 0; i < question->record->written_count; i++) {
        const struct written *written = &question->record->written[i];
        if ((written->scope != RL_WRITE_SLOT || !has_local(out, written->name)) &&
            add_variable(out, variable_of(written)) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

/* Adds the names of which nothing was recorded. */
static rl_status add_rest(const struct instant *instant, const struct instant_frame *frame,
                          struct variables *out)
{
    struct code_text code = reader_code(instant->reader, frame->code);
    for (uint32_t i = 0; i < code.name_count; i++) {
        struct variable variable = {
            .name = code.names[i], .scope = RL_WRITE_SLOT, .state = VARIABLE_NOT_RECORDED};
        if (!has_local(out, code.names[i]) && add_variable(out, variable) != 0) {
            return RL_NOMEM;
        }
    }
    return RL_OK;
}

/* Sets the states of all that was recorded. */
static void judge_variables(struct question *question, struct variables *out)
{
    unsigned containers = 0;
    for (size_t i = 0; i < out->count; i++) {
        const struct variable *variable = &out->items[i];
        containers += variable->bytes == NULL || doubt_takes_turns(variable->bytes, variable->len);
    }
    question->has_turns =
        containers > CONTAINERS_A_LINE && question->instant->last.kind == RL_EVENT_LINE;
    for (size_t i = 0; i < out->count; i++) {
        struct variable *variable = &out->items[i];
        const struct written *written =
            instant_written(question->record, variable->scope, variable->name);
        uint32_t after_line = written != NULL ? written->after_line : 0;
        if (variable->bytes != NULL) {
            variable->state = judge_variable(question, variable, after_line);
        }
    }
}

rl_status instant_variables(struct instant *instant, const struct instant_frame *frame,
                            struct variables *out)
{
    struct question question = {.instant = instant, .frame = frame};
    const struct event_out *last = &instant->last;
    rl_status status = RL_OK;
    *out = (struct variables){0};
    question.record = instant_record(instant, frame->frame);
    if (question.record != NULL) {
        question.is_compared = is_compared(&question);
        question.is_being_compared = last->kind == RL_EVENT_WRITE && last->frame == frame->frame;
        status = question.is_compared ? RL_OK : find_shared(&question);
        status = status == RL_OK ? add_parameters(&question, out) : status;
        status = status == RL_OK ? add_written(&question, out) : status;
        if (status == RL_OK) {
            judge_variables(&question, out);
        }
    }
    status = status == RL_OK ? add_rest(instant, frame, out) : status;
    strmap_fini(&question.shared);
    if (status != RL_OK) {
        variables_fini(out);
    }
    return status;
}

void variables_fini(struct variables *variables)
{
    rl_free(variables->items);
    *variables = (struct variables){0};
}

/* ---- threads and tasks ---- */

static int by_thread(const void *a, const void *b)
{
    const struct instant_thread *x = a, *y = b;
    return x->thread < y->thread ? -1 : x->thread > y->thread;
}

rl_status instant_threads(const struct instant *instant, struct instant_threads *out)
{
    struct instant_thread *items = rl_alloc(instant->lane_count + 1, sizeof *items);
    size_t count = 0;
    if (items == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < instant->lane_count; i++) {
        const struct lane_state *lane = &instant->lanes[i];
        if (lane->kind != RL_EVENT_THREAD_END || lane->thread == instant->last.thread) {
            uint64_t t = reader_time(instant->reader, lane->ticks);
            items[count++] = (struct instant_thread){lane->thread, lane->seq, t, lane->kind};
        }
    }
    if (count != 0) {
        qsort(items, count, sizeof *items, by_thread);
    }
    *out = (struct instant_threads){items, count};
    return RL_OK;
}

static int by_task(const void *a, const void *b)
{
    const struct instant_task *x = a, *y = b;
    return x->task < y->task ? -1 : x->task > y->task;
}

rl_status instant_tasks(const struct instant *instant, struct instant_tasks *out)
{
    struct instant_task *items = rl_alloc(instant->tasks.count + 1, sizeof *items);
    size_t count = 0;
    if (items == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < instant->tasks.capacity; i++) {
        const struct u64map_entry *entry = &instant->tasks.entries[i];
        if (entry->key != 0) {
            items[count++] =
                (struct instant_task){(uint32_t)(entry->key - 1), (uint32_t)entry->value};
        }
    }
    if (count != 0) {
        qsort(items, count, sizeof *items, by_task);
    }
    *out = (struct instant_tasks){items, count};
    return RL_OK;
}
