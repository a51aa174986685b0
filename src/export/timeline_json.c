/* Why: each row of a timeline can be given to another verb, so it names its position and its call
 * as those are typed. */
#include "timeline_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "rec.h"

/* Writes "shop:price#3", or null. */
static void put_call(struct json_out *json, const struct reader *reader, const char *prefix,
                     const struct timeline_row *row)
{
    char number[32];
    struct bytes_out handle = {0};
    json_key(json, "call");
    if (row->number == 0) {
        json_null(json);
        return;
    }
    struct code_text code = reader_code(reader, row->event.id);
    int n = snprintf(number, sizeof number, "#%" PRIu64, row->number);
    bytes_put(&handle, prefix, strlen(prefix));
    bytes_put(&handle, code.module.data, code.module.len);
    bytes_put(&handle, ":", 1);
    bytes_put(&handle, code.qualname.data, code.qualname.len);
    bytes_put(&handle, number, (size_t)n);
    json_string(json, handle.data != NULL ? (const char *)handle.data : "", handle.len);
    json->out.failed |= handle.failed;
    bytes_out_fini(&handle);
}

/* Writes "P7:T1@48". */
static void put_position(struct json_out *json, const char *prefix, const struct event_out *event)
{
    char text[96];
    int n =
        snprintf(text, sizeof text, "%sT%" PRIu32 "@%" PRIu64, prefix, event->thread, event->seq);
    json_key(json, "position");
    json_string(json, text, n > 0 && (size_t)n < sizeof text ? (size_t)n : 0);
}

void timeline_json(struct json_out *json, struct reader *reader, const char *prefix,
                   const struct timeline_row *row)
{
    const struct event_out *event = &row->event;
    struct json_out line = {{0}, 0};
    json_open(json, '{');
    put_position(json, prefix, event);
    put_call(json, reader, prefix, row);
    json_key(json, "depth");
    json_u64(json, row->depth);
    json_key(json, "total_ns");
    if (row->has_began && event->kind != RL_EVENT_CLOSED) {
        json_u64(json, event->t - row->began);
    } else {
        json_null(json);
    }
    dump_event(&line, reader, event);
    if (line.out.len > 1) { /* its fields go on in this row */
        bytes_put(&json->out, ",", 1);
        bytes_put(&json->out, line.out.data + 1, line.out.len - 1);
    }
    json->out.failed |= line.out.failed;
    json->needs_comma = 0;
    json_fini(&line);
}
