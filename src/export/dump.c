/* Why: tests, oracles and other tools compare recordings as text. One writer keeps that text
 * canonical.
 *
 *    dump_event()
 *      +-- put_function_event()   events of a function: frame, parent, func, file, line
 *      |     +-- put_captured()   args, exc, value or write, from the captured bytes
 *      +-- put_other_event()      threads, tasks, output, gc, sessions, marks, losses ...
 *
 * Invariants: every event gives one complete line, also with damaged values. Where a function above
 * writes a new field, fields_of[] must get it too. */
#include "dump.h"

#include <stdio.h>
#include <string.h>

#include "after_exception.h"
#include "value.h"
#include "value_json.h"

/* Writes a frame as T<thread>#<ordinal>, or null. */
static void put_frame_name(struct json_out *json, const char *key, uint64_t frame)
{
    json_key(json, key);
    if (frame == 0) {
        json_null(json);
        return;
    }
    char text[48];
    (void)snprintf(text, sizeof text, "T%llu#%llu",
                   (unsigned long long)(frame >> RL_FRAME_ORDINAL_BITS),
                   (unsigned long long)(frame & RL_FRAME_ORDINAL_MASK));
    json_text(json, text);
}

/* Writes a key and its text. */
static void put_text_key(struct json_out *json, const char *key, struct text text)
{
    json_key(json, key);
    json_string(json, text.data, text.len);
}

/* Returns whether events of this kind carry an exception. */
static int comes_with_exception(unsigned kind)
{
    return kind == RL_EVENT_THROW || kind == RL_EVENT_UNWIND || kind == RL_EVENT_RAISE ||
           kind == RL_EVENT_HANDLED;
}

/* Writes "func", "file" and "line": the line of the event where it has one, else the function's
 * first. */
static void put_function(struct json_out *json, const struct reader *reader,
                         const struct event_out *event)
{
    struct code_text code = reader_code(reader, event->id);
    struct bytes_out name = {0};
    bytes_put(&name, code.module.data, code.module.len);
    bytes_put(&name, ":", 1);
    bytes_put(&name, code.qualname.data, code.qualname.len);
    json_key(json, "func");
    json_string(json, name.data != NULL ? (const char *)name.data : "?",
                name.data != NULL ? name.len : 1);
    json->out.failed |= name.failed;
    bytes_out_fini(&name);
    put_text_key(json, "file", code.file);
    json_key(json, "line");
    int is_here = kind_has_line(event->kind) || (comes_with_exception(event->kind) && event->line);
    json_u64(json, is_here ? event->line : code.line);
}

/* Writes the name of a variable as a key. */
static void put_name_key(struct json_out *json, const struct reader *reader, uint32_t name)
{
    struct text text = reader_string(reader, name);
    json_string(json, text.data, text.len);
    bytes_put(&json->out, ":", 1);
    json->needs_comma = 0;
}

/* Writes an object like that of any other value where the bytes are no value. */
static void put_damaged(struct json_out *json)
{
    json_open(json, '{');
    json_key(json, "t");
    json_text(json, "?");
    json_key(json, "r");
    json_text(json, "<damaged>");
    json_key(json, "cut");
    json_bool(json, 1);
    json_key(json, "redacted");
    json_bool(json, 0);
    json_close(json, '}');
}

rl_status dump_value(struct json_out *json, const struct reader *reader, struct bytes_in *in)
{
    rl_status status = value_json(json, reader, in);
    if (status != RL_OK) {
        put_damaged(json);
    }
    return status;
}

rl_status dump_arguments(struct json_out *json, const struct reader *reader,
                         const struct event_out *event)
{
    struct code_text code = reader_code(reader, event->id);
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    rl_status status = RL_OK;
    json_open(json, '{');
    for (uint32_t i = 0; i < code.args && bytes_left(&in) != 0 && status == RL_OK; i++) {
        if (*in.at == RL_VALUE_DROPPED) {
            (void)bytes_varint(&in);
            continue;
        }
        put_name_key(json, reader, code.names[i]);
        status = dump_value(json, reader, &in);
    }
    json_close(json, '}');
    return status;
}

/* Writes "name", "scope" and "value" of a write. The number of a name is an index into the names of
 * the code for a local variable, else a string id. A change inside a container comes first, as
 * "item" or "attr". */
static rl_status put_write_event(struct json_out *json, const struct reader *reader,
                                 const struct event_out *event, struct bytes_in *in)
{
    static const char *const scopes[] = {"local", "namespace", "global"};
    rl_status status = RL_OK;
    uint64_t word = bytes_varint(in);
    if ((word & 3) == RL_WRITE_ITEM) {
        json_key(json, word >> 3 == RL_ITEM_ATTRIBUTE ? "attr" : "item");
        status = dump_value(json, reader, in);
        word = bytes_varint(in);
    }
    struct code_text code = reader_code(reader, event->id);
    uint32_t name = in->bad ? 0 : (uint32_t)(word >> 3);
    if (!in->bad && (word & 3) == RL_WRITE_SLOT) {
        name = name < code.name_count ? code.names[name] : 0;
    }
    put_text_key(json, "name", reader_string(reader, name));
    json_key(json, "scope");
    json_text(json, scopes[(word & 3) < 3 ? word & 3 : 0]);
    if (word & RL_WRITE_WATCHED) {
        json_key(json, "watched");
        json_text(json, "first and last 16");
    }
    json_key(json, "before_line");
    if (event->line != 0) {
        json_u64(json, event->line);
    } else {
        json_null(json);
    }
    json_key(json, "value");
    rl_status of_value = dump_value(json, reader, in);
    return status == RL_OK ? of_value : status;
}

/* Writes "exc": an exception, or null where the bytes are none. */
static rl_status put_exc_key(struct json_out *json, const struct reader *reader,
                             struct bytes_in *in)
{
    struct bytes_in ahead = *in;
    struct value value;
    rl_status status = value_next(&ahead, &value);
    if (status == RL_OK && !after_exception_may_follow(value.tag)) {
        status = RL_DAMAGED;
    }
    json_key(json, "exc");
    if (status == RL_OK) {
        status = value_exception_json(json, reader, in);
    }
    if (status != RL_OK) {
        json_null(json);
    }
    return status;
}

/* Writes "callers" with the line where each one is, "outermost", "handler" and "handler_line", as
 * far as the event contains them. */
static void put_after_exception(struct json_out *json, const struct event_out *event)
{
    static const char *const handlers[] = {"except", "with", "finally", "return", "break"};
    uint64_t frame;
    uint32_t line;
    struct after_exception after =
        after_exception_of(event->kind, event->frame, event->values, event->values_len);
    if (after.is_outermost) {
        json_key(json, "outermost");
        json_bool(json, 1);
    }
    if (after.is_again) {
        json_key(json, "again");
        json_bool(json, 1);
    }
    if (after.is_earlier) {
        json_key(json, "raised_before");
        json_bool(json, 1);
    }
    if (bytes_left(&after.callers) != 0) {
        json_key(json, "callers");
        json_open(json, '[');
        while (after_exception_caller(&after, &frame, &line)) {
            json_open(json, '{');
            put_frame_name(json, "frame", frame);
            json_key(json, "line");
            json_u64(json, line);
            json_close(json, '}');
        }
        json_close(json, ']');
    }
    if (after.handler != RL_HANDLER_EXCEPT) {
        json_key(json, "handler");
        json_text(json, handlers[after.handler]);
        json_key(json, "handler_line");
        json_u64(json, after.handler_line);
    }
}

/* Writes what was captured with an event.
 *
 *    CALL                     one value for each parameter
 *    THROW ... HANDLED        an exception, then what after_exception.h describes
 *    WRITE                    a head with scope and name, then a value
 *    other events             one value */
static rl_status put_captured(struct json_out *json, const struct reader *reader,
                              const struct event_out *event)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    rl_status status = RL_OK;
    switch (event->kind) {
    case RL_EVENT_CALL:
        json_key(json, "args");
        return dump_arguments(json, reader, event);
    case RL_EVENT_THROW:
    case RL_EVENT_UNWIND:
    case RL_EVENT_RAISE:
    case RL_EVENT_HANDLED:
        if (*in.at != RL_VALUE_UNSET) {
            status = put_exc_key(json, reader, &in);
        }
        if (status == RL_OK) {
            put_after_exception(json, event);
        }
        return status;
    case RL_EVENT_WRITE:
        return put_write_event(json, reader, event, &in);
    default:
        json_key(json, "value");
        return dump_value(json, reader, &in);
    }
}

/* Returns whether events of this kind belong to a frame of a function. */
static int is_of_function(unsigned kind)
{
    return kind <= RL_EVENT_C_RAISE || kind == RL_EVENT_RUNNING || kind == RL_EVENT_CLOSED;
}

/* Returns whether the values contained all that was read. */
static rl_status check_values_end(const struct bytes_in *in)
{
    return in->bad ? RL_DAMAGED : RL_OK;
}

/* Writes a garbage collection. */
static rl_status put_gc_pause(struct json_out *json, const struct event_out *event)
{
    static const char *const keys[] = {"generation", "collected", "uncollectable", "duration"};
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    put_frame_name(json, "frame", event->frame);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_key(json, keys[i]);
        json_u64(json, bytes_varint(&in));
    }
    return check_values_end(&in);
}

/* Writes what a task was created from; unknown facts are left out.
 *
 *    coroutine value or UNSET | parent task | frame that created it | line there */
static rl_status put_task(struct json_out *json, const struct reader *reader,
                          const struct event_out *event)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    if (event->values[0] == RL_VALUE_UNSET) {
        (void)bytes_varint(&in);
    } else {
        json_key(json, "coroutine");
        rl_status status = dump_value(json, reader, &in);
        if (status != RL_OK) {
            return status;
        }
    }
    if (bytes_left(&in) == 0) {
        return RL_OK;
    }
    uint64_t parent = bytes_varint(&in), frame = bytes_varint(&in);
    if (parent != 0) {
        json_key(json, "parent_task");
        json_u64(json, parent);
    }
    if (frame != 0) {
        put_frame_name(json, "made_in", frame);
        json_key(json, "made_line");
        json_u64(json, bytes_varint(&in));
    }
    return check_values_end(&in);
}

/* Writes what filters left out and redacted, as counts for each kind of value. */
static rl_status put_filter_stats(struct json_out *json, const struct event_out *event)
{
    static const char *const kinds[] = {"argument", "local", "global", "return", "attribute"};
    static const char *const first[] = {"scopes_skipped", "undecided", "secrets"};
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    uint64_t counts[2][5] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        json_key(json, first[i]);
        json_u64(json, bytes_varint(&in));
    }
    for (size_t i = 0; i < 5; i++) {
        counts[0][i] = bytes_varint(&in);
        counts[1][i] = bytes_varint(&in);
    }
    for (size_t k = 0; k < 2; k++) {
        json_key(json, k == 0 ? "value_redactions" : "value_drops");
        json_open(json, '{');
        for (size_t i = 0; i < 5; i++) {
            json_key(json, kinds[i]);
            json_u64(json, counts[k][i]);
        }
        json_close(json, '}');
    }
    return check_values_end(&in);
}

/* Writes a step that --budget took: code went from one level down to another. Without code, only
 * the overhead is reported. */
static rl_status put_budget(struct json_out *json, const struct reader *reader,
                            const struct event_out *event)
{
    static const char *const levels[] = {"counted", "calls", "values", "lines"};
    static const char *const keys[] = {"from", "to"};
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    put_frame_name(json, "frame", event->frame);
    if (event->id != 0) {
        put_function(json, reader, event);
    }
    for (size_t i = 0; i < 2; i++) {
        uint64_t level = bytes_varint(&in);
        if (event->id != 0) {
            json_key(json, keys[i]);
            json_text(json, levels[level < 4 ? level : 0]);
        }
    }
    json_key(json, "overhead_permille");
    json_u64(json, bytes_varint(&in));
    if (event->id != 0) {
        json_key(json, "saving_permille");
        json_u64(json, bytes_varint(&in));
    }
    return check_values_end(&in);
}

/* Writes what the program noted.
 *
 *    LOG, SESSION_START ... MARK       one dict: name -> value, written as "fields" */
static rl_status put_note(struct json_out *json, const struct reader *reader,
                          const struct event_out *event)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    struct value fields, name;
    put_frame_name(json, "frame", event->frame);
    json_key(json, "session");
    json_u64(json, event->id);
    json_key(json, "fields");
    json_open(json, '{');
    rl_status status = event->values_len != 0 ? value_next(&in, &fields) : RL_END;
    if (status == RL_OK && fields.tag != RL_VALUE_DICT) {
        status = RL_DAMAGED;
    }
    for (uint64_t i = 0; status == RL_OK && i < fields.shown; i++) {
        status = value_next(&in, &name);
        if (status == RL_OK && name.bytes == NULL) {
            status = RL_DAMAGED;
        }
        if (status == RL_OK) {
            json_string(json, (const char *)name.bytes, name.size);
            bytes_put(&json->out, ":", 1);
            json->needs_comma = 0;
            status = dump_value(json, reader, &in);
        }
    }
    json_close(json, '}');
    return event->values_len != 0 ? status : RL_OK; /* a note may have no fields */
}

/* Returns whether events of this kind are notes of the program. */
static int is_note(unsigned kind)
{
    return kind >= RL_EVENT_LOG && kind <= RL_EVENT_MARK;
}

/* Writes what an event without a function has beside the common fields. */
static rl_status put_other_event(struct json_out *json, const struct reader *reader,
                                 const struct event_out *event)
{
    switch (event->kind) {
    case RL_EVENT_THREAD_START:
        json_key(json, "native_id");
        json_u64(json, event->frame);
        if (event->id != 0) {
            put_text_key(json, "name", reader_string(reader, event->id));
        }
        return RL_OK;
    case RL_EVENT_TASK_START:
        put_text_key(json, "name", reader_string(reader, event->id));
        return event->values_len != 0 ? put_task(json, reader, event) : RL_OK;
    case RL_EVENT_OUTPUT:
        put_frame_name(json, "frame", event->frame);
        json_key(json, "stream");
        json_text(json, event->id == 2 ? "stderr" : "stdout");
        json_key(json, "text");
        json_string(json, event->values, event->values_len);
        return RL_OK;
    case RL_EVENT_GC:
        return put_gc_pause(json, event);
    case RL_EVENT_BUDGET:
        return put_budget(json, reader, event);
    case RL_EVENT_FILTER:
        return put_filter_stats(json, event);
    case RL_EVENT_LOSS:
        json_key(json, "reason");
        json_text(json, loss_name(event->id));
        json_key(json, "count");
        json_u64(json, event->frame);
        return RL_OK;
    default:
        return is_note(event->kind) ? put_note(json, reader, event) : RL_OK;
    }
}

/* Writes "exc_type" and "exc_line"; unknown ones are left out. */
static void put_raised(struct json_out *json, const struct reader *reader,
                       const struct event_out *event)
{
    if (event->exc != 0) {
        put_text_key(json, "exc_type", reader_string(reader, event->exc));
    }
    if (event->line != 0) {
        json_key(json, "exc_line");
        json_u64(json, event->line);
    }
}

/* Writes what an event of a function has beside the common fields. */
static rl_status put_function_event(struct json_out *json, const struct reader *reader,
                                    const struct event_out *event)
{
    put_frame_name(json, "frame", event->frame);
    put_frame_name(json, "parent", event->parent);
    put_function(json, reader, event);
    if (!event->parent_is_known) {
        json_key(json, "parent_unknown");
        json_bool(json, 1);
    }
    if (event->kind == RL_EVENT_RUNNING) {
        json_key(json, "already_running");
        json_bool(json, 1);
    } else if (event->kind == RL_EVENT_CLOSED) {
        json_key(json, "unseen");
        json_bool(json, 1);
    } else if (comes_with_exception(event->kind)) {
        put_raised(json, reader, event);
    }
    int has_values = event->values_len != 0 || event->kind == RL_EVENT_WRITE;
    return has_values ? put_captured(json, reader, event) : RL_OK;
}

void dump_event(struct json_out *json, struct reader *reader, const struct event_out *event)
{
    json_open(json, '{');
    json_key(json, "seq");
    json_u64(json, event->seq);
    json_key(json, "thread");
    json_u64(json, event->thread);
    json_key(json, "t");
    json_u64(json, event->t);
    json_key(json, "pid");
    json_u64(json, reader->header.pid);
    json_key(json, "kind");
    json_text(json, kind_name(event->kind));
    if (event->task != 0) {
        json_key(json, "task");
        json_u64(json, event->task);
    }
    if (event->session != 0 && !is_note(event->kind)) {
        json_key(json, "session");
        json_u64(json, event->session);
    }
    rl_status status = is_of_function(event->kind) ? put_function_event(json, reader, event)
                                                   : put_other_event(json, reader, event);
    json_close(json, '}');
    json_newline(json);
    if (status != RL_OK) {
        reader_value_problem(reader, event->thread, event->seq);
    }
}

/* What an event of a kind has beside the common fields; "?" = not always. */
static const char *const fields_of[RL_EVENT_KINDS] = {
    [RL_EVENT_RUNNING] = "already_running",
    [RL_EVENT_CLOSED] = "unseen",
    [RL_EVENT_UNWIND] = "exc_type? exc_line? exc? outermost? callers?",
    [RL_EVENT_THROW] = "exc_type? exc_line? exc?",
    [RL_EVENT_RAISE] = "exc_type? exc_line? exc? again? callers?",
    [RL_EVENT_HANDLED] = "exc_type? exc_line? exc? handler? handler_line?",
    [RL_EVENT_CALL] = "args?",
    [RL_EVENT_RETURN] = "value?",
    [RL_EVENT_YIELD] = "value?",
    [RL_EVENT_RESUME] = "value?",
    [RL_EVENT_WRITE] = "item? attr? name scope before_line value",
    [RL_EVENT_THREAD_START] = "native_id name?",
    [RL_EVENT_TASK_START] = "task name coroutine? parent_task? made_in? made_line?",
    [RL_EVENT_TASK_SWITCH] = "task",
    [RL_EVENT_TASK_END] = "task",
    [RL_EVENT_OUTPUT] = "frame stream text",
    [RL_EVENT_GC] = "frame generation collected uncollectable duration",
    [RL_EVENT_FILTER] = "scopes_skipped undecided secrets value_redactions value_drops",
    [RL_EVENT_BUDGET] = "frame func? file? line? from? to? overhead_permille saving_permille?",
    [RL_EVENT_LOG] = "frame session fields",
    [RL_EVENT_SESSION_START] = "frame session fields",
    [RL_EVENT_SESSION_END] = "frame session fields",
    [RL_EVENT_HTTP_REQUEST] = "frame session fields",
    [RL_EVENT_HTTP_RESPONSE] = "frame session fields",
    [RL_EVENT_MARK] = "frame session fields",
    [RL_EVENT_LOSS] = "reason count",
};

/* Writes words that are separated by blanks as strings. */
static void put_field_names(struct json_out *json, const char *words)
{
    while (*words != 0) {
        size_t n = strcspn(words, " ");
        json_string(json, words, n);
        words += n + (words[n] == ' ');
    }
}

/* Writes one line of the schema. */
static void put_schema_line(struct json_out *json, unsigned number, const char *name,
                            const char *meaning)
{
    json_open(json, '{');
    json_key(json, "kind");
    json_text(json, name);
    json_key(json, "meaning");
    json_text(json, meaning);
    json_key(json, "fields");
    json_open(json, '[');
    put_field_names(json, "seq thread t pid kind");
    if (is_of_function(number)) {
        put_field_names(json, "frame parent func file line");
    }
    if (fields_of[number] != NULL) {
        put_field_names(json, fields_of[number]);
    }
    json_close(json, ']');
    json_close(json, '}');
    json_newline(json);
}

/* One line for each kind, from RL_EVENT_TABLE and fields_of[]. */
void dump_schema(struct json_out *json)
{
#define LINE(name, number, text, meaning) put_schema_line(json, number, text, meaning);
    RL_EVENT_TABLE(LINE)
#undef LINE
}
