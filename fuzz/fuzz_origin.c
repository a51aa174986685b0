/* Any bytes as a recording, and every step to the origin of a value, asked at some of its events.
 * Memory is bounded by the size of the input, and time by the most events of a search. */
#include <stdint.h>
#include <stdlib.h>

#include "operand.h"
#include "origin_back.h"
#include "origin_steps.h"
#include "recording.h"
#include "value.h"
#include "where.h"
#include "write_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS = 2000, MOST = 200, ASKED = 4 };

/* Asks since when the object of a value has its first parts. */
static void ask_changes(const struct origin_from *from, struct text value)
{
    static const char *const paths[] = {"x.held", "x[0]", "x[\"a\"].b"};
    struct bytes_in in = bytes_in_of(value.data, value.len);
    struct value one;
    if (value.data == NULL || value_next(&in, &one) != RL_OK || one.identity == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct where *where = NULL;
        struct where_error error;
        struct origin_changed changed;
        size_t len = i == 2 ? 8 : i == 1 ? 4 : 6;
        if (where_new(paths[i], len, &where, &error) == RL_OK &&
            origin_changed(from, one.identity, where, &changed) == RL_OK) {
            if (changed.event.out.kind != 0 && changed.event.out.t < from->since_t) {
                abort();
            }
            origin_changed_fini(&changed);
        }
        where_free(where);
    }
}

/* Asks what bound a name, in its frame and in any frame of its function. */
static void ask_bound(const struct origin_from *from, const struct event_out *event, uint32_t name)
{
    struct u64map codes = {0}, lines = {0};
    for (uint32_t i = 0; i < 4; i++) {
        (void)u64map_put(&lines, event->line + i, i == 3 ? event->line + 5 : i + 1);
    }
    (void)u64map_put(&codes, (uint64_t)event->id + 1, 1);
    for (int is_any = 0; is_any < 2; is_any++) {
        const struct origin_name wanted = {reader_string(from->reader, name),
                                           is_any ? 0 : event->frame, &codes, &lines, is_any};
        struct origin_bound bound;
        if (origin_bound(from, &wanted, &bound) == RL_OK) {
            ask_changes(from, origin_value(from->reader, &bound.event.out, wanted.text));
            origin_bound_fini(&bound);
        }
    }
    u64map_fini(&codes);
    u64map_fini(&lines);
}

static void ask_event(struct reader *reader, const struct event_out *event)
{
    const struct origin_from from = {reader, event->thread, event->seq, MOST, event->t / 2};
    struct code_text code = reader_code(reader, event->id);
    struct write_head head;
    struct origin_caller caller;
    struct origin_calls calls;
    struct event_out found;
    (void)!origin_caller(&from, &caller);
    (void)!origin_nearest(&from, &found);
    (void)!origin_end(&from, event->frame, &found);
    if (origin_calls(&from, event->frame, event->line, event->line + 2, 9, &calls) == RL_OK) {
        if (calls.count > 9) {
            abort();
        }
        origin_calls_fini(&calls);
    }
    if (event->kind == RL_EVENT_WRITE && write_head_read(reader, event, &head)) {
        ask_bound(&from, event, head.name);
    }
    for (uint32_t i = 0; kind_begins(event->kind) && i < code.args && i < 2; i++) {
        ask_bound(&from, event, code.names[i]);
    }
}

static void ask(struct reader *reader)
{
    struct cursor *cursor = NULL;
    struct event_out event;
    uint64_t step = reader->events / ASKED + 1;
    if (cursor_open(reader, &cursor) == RL_OK) {
        for (uint64_t i = 0; i < EVENTS && cursor_next(cursor, &event) == RL_OK; i++) {
            if (i % step == step / 2) {
                ask_event(reader, &event);
            }
        }
    }
    cursor_close(cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_recording(data, size, ask);
}
