/* Why: verbs, the Python interface and other programs read calls in one form, which C writes: an
 * answer may have a million rows. */
#include "call_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "value_json.h"

static void put_number_or_null(struct json_out *json, const char *key, int is_known,
                               uint64_t number)
{
    json_key(json, key);
    if (is_known) {
        json_u64(json, number);
    } else {
        json_null(json);
    }
}

/* Writes "module:qualname", or null. */
static void put_function_name(struct json_out *json, const char *key, const struct reader *reader,
                              uint32_t code)
{
    struct bytes_out name = {0};
    json_key(json, key);
    if (code == 0) {
        json_null(json);
        return;
    }
    struct code_text text = reader_code(reader, code);
    bytes_put(&name, text.module.data, text.module.len);
    bytes_put(&name, ":", 1);
    bytes_put(&name, text.qualname.data, text.qualname.len);
    json_string(json, name.data != NULL ? (const char *)name.data : "", name.len);
    json->out.failed |= name.failed;
    bytes_out_fini(&name);
}

/* Writes where the call is: "call" and "position", which every verb takes. */
static void put_place(struct json_out *json, const struct call_words *words,
                      const struct call_found *call)
{
    char text[64];
    struct bytes_out handle = {0};
    int n = snprintf(text, sizeof text, "#%" PRIu64, call->number);
    bytes_put(&handle, words->prefix, strlen(words->prefix));
    bytes_put(&handle, words->name, strlen(words->name));
    bytes_put(&handle, text, (size_t)n);
    json_key(json, "call");
    json_string(json, handle.data != NULL ? (const char *)handle.data : "", handle.len);
    json->out.failed |= handle.failed;
    bytes_out_reset(&handle);
    n = snprintf(text, sizeof text, "T%" PRIu32 "@%" PRIu64, call->start.out.thread,
                 call->start.out.seq);
    bytes_put(&handle, words->prefix, strlen(words->prefix));
    bytes_put(&handle, text, (size_t)n);
    json_key(json, "position");
    json_string(json, handle.data != NULL ? (const char *)handle.data : "", handle.len);
    json->out.failed |= handle.failed;
    bytes_out_fini(&handle);
}

/* Writes "args": null where they were not recorded. */
static rl_status put_call_arguments(struct json_out *json, const struct reader *reader,
                                    const struct event_out *start)
{
    struct code_text code = reader_code(reader, start->id);
    json_key(json, "args");
    if (start->values_len == 0 && (code.args != 0 || start->kind != RL_EVENT_CALL)) {
        json_null(json);
        return RL_OK;
    }
    return dump_arguments(json, reader, start);
}

static const char *end_word(const struct call_words *words, const struct call_found *call)
{
    if (!call->has_end) {
        return words->has_gaps ? "lost" : "open";
    }
    return call->end.out.kind == RL_EVENT_RETURN   ? "return"
           : call->end.out.kind == RL_EVENT_UNWIND ? "raise"
                                                   : "unseen";
}

/* Writes "value", "exc_type" and "exc". */
static rl_status put_end(struct json_out *json, const struct reader *reader,
                         const struct call_found *call)
{
    const struct event_out *end = &call->end.out;
    struct bytes_in in = bytes_in_of(end->values, call->has_end ? end->values_len : 0);
    int has_values = bytes_left(&in) != 0, is_raise = call->has_end && end->kind == RL_EVENT_UNWIND;
    rl_status status = RL_OK;
    json_key(json, "value");
    if (has_values && end->kind == RL_EVENT_RETURN) {
        status = dump_value(json, reader, &in);
    } else {
        json_null(json);
    }
    json_key(json, "exc_type");
    if (is_raise && end->exc != 0) {
        struct text type = reader_string(reader, end->exc);
        json_string(json, type.data, type.len);
    } else {
        json_null(json);
    }
    json_key(json, "exc");
    if (!is_raise || !has_values || *in.at == RL_VALUE_UNSET) {
        json_null(json);
        return status;
    }
    rl_status exception = value_exception_json(json, reader, &in);
    if (exception != RL_OK) {
        json_null(json);
    }
    return exception;
}

void call_json(struct json_out *json, struct reader *reader, const struct call_words *words,
               const struct call_found *call)
{
    const struct event_out *start = &call->start.out;
    struct code_text code = reader_code(reader, start->id);
    int is_timed = start->kind == RL_EVENT_CALL &&
                   (call->has_end ? call->end.out.kind != RL_EVENT_CLOSED : !words->has_gaps);
    uint64_t until = call->has_end ? call->end.out.t : words->until;
    json_open(json, '{');
    put_place(json, words, call);
    json_key(json, "pid");
    json_u64(json, reader->header.pid);
    json_key(json, "n");
    json_u64(json, call->number);
    json_key(json, "thread");
    json_u64(json, start->thread);
    put_number_or_null(json, "task", start->task != 0, start->task);
    json_key(json, "t");
    json_u64(json, start->t);
    put_function_name(json, "func", reader, start->id);
    json_key(json, "file");
    json_string(json, code.file.data, code.file.len);
    json_key(json, "line");
    json_u64(json, code.line);
    put_function_name(json, "caller", reader, call->caller);
    put_number_or_null(json, "caller_line", call->caller_line != 0, call->caller_line);
    rl_status arguments = put_call_arguments(json, reader, start);
    json_key(json, "end");
    json_text(json, end_word(words, call));
    rl_status end = put_end(json, reader, call);
    put_number_or_null(json, "total_ns", is_timed, until > start->t ? until - start->t : 0);
    put_number_or_null(json, "self_ns", is_timed, call->self);
    json_key(json, "already_running");
    json_bool(json, start->kind == RL_EVENT_RUNNING);
    json_close(json, '}');
    json_newline(json);
    if (arguments != RL_OK) {
        reader_value_problem(reader, start->thread, start->seq);
    }
    if (end != RL_OK) {
        reader_value_problem(reader, call->end.out.thread, call->end.out.seq);
    }
}
