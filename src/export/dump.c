/* Why: tests, oracles and other tools compare recordings as text; one writer keeps it canonical. */
#include "dump.h"

#include <stdio.h>

static void put_frame(struct json_out *json, const char *key, uint64_t frame)
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

static void put_text(struct json_out *json, const char *key, struct text text)
{
    json_key(json, key);
    json_string(json, text.data, text.len);
}

static void put_function(struct json_out *json, const struct reader *reader, uint32_t id)
{
    struct code_text code = reader_code(reader, id);
    struct bytes_out name = {0};
    bytes_put(&name, code.module.data, code.module.len);
    bytes_put(&name, ":", 1);
    bytes_put(&name, code.qualname.data, code.qualname.len);
    json_key(json, "func");
    json_string(json, name.data != NULL ? (const char *)name.data : "?",
                name.data != NULL ? name.len : 1);
    json->out.failed |= name.failed;
    bytes_out_fini(&name);
    put_text(json, "file", code.file);
    json_key(json, "line");
    json_u64(json, code.line);
}

static int is_of_function(unsigned kind)
{
    return kind <= RL_EVENT_C_RAISE || kind == RL_EVENT_RUNNING || kind == RL_EVENT_CLOSED;
}

void dump_event(struct json_out *json, const struct reader *reader, const struct event_out *event)
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
    if (is_of_function(event->kind)) {
        put_frame(json, "frame", event->frame);
        put_frame(json, "parent", event->parent);
        put_function(json, reader, event->id);
        if (!event->parent_is_known) {
            json_key(json, "parent_unknown");
            json_bool(json, 1);
        }
    }
    if (event->kind == RL_EVENT_RUNNING) {
        json_key(json, "already_running");
        json_bool(json, 1);
    } else if (event->kind == RL_EVENT_CLOSED) {
        json_key(json, "unseen");
        json_bool(json, 1);
    } else if (event->kind == RL_EVENT_UNWIND && event->exc != 0) {
        put_text(json, "exc_type", reader_string(reader, event->exc));
        json_key(json, "exc_line");
        json_u64(json, event->line);
    } else if (event->kind == RL_EVENT_THREAD_START) {
        json_key(json, "native_id");
        json_u64(json, event->frame);
    } else if (event->kind == RL_EVENT_LOSS) {
        json_key(json, "reason");
        json_text(json, loss_name(event->id));
        json_key(json, "count");
        json_u64(json, event->frame);
    }
    json_close(json, '}');
    json_newline(json);
}

static void schema_line(struct json_out *json, unsigned number, const char *name,
                        const char *meaning)
{
    json_open(json, '{');
    json_key(json, "kind");
    json_text(json, name);
    json_key(json, "meaning");
    json_text(json, meaning);
    json_key(json, "fields");
    json_open(json, '[');
    static const char *const always[] = {"seq", "thread", "t", "pid", "kind"};
    static const char *const function[] = {"frame", "parent", "func", "file", "line"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
        json_text(json, always[i]);
    }
    for (size_t i = 0; is_of_function(number) && i < sizeof function / sizeof *function; i++) {
        json_text(json, function[i]);
    }
    switch (number) {
    case RL_EVENT_RUNNING:
        json_text(json, "already_running");
        break;
    case RL_EVENT_CLOSED:
        json_text(json, "unseen");
        break;
    case RL_EVENT_UNWIND:
        json_text(json, "exc_type?");
        json_text(json, "exc_line?");
        break;
    case RL_EVENT_THREAD_START:
        json_text(json, "native_id");
        break;
    case RL_EVENT_LOSS:
        json_text(json, "reason");
        json_text(json, "count");
        break;
    default:
        break;
    }
    json_close(json, ']');
    json_close(json, '}');
    json_newline(json);
}

void dump_schema(struct json_out *json)
{
#define LINE(name, number, text, meaning) schema_line(json, number, text, meaning);
    RL_EVENT_TABLE(LINE)
#undef LINE
}
