/* Part of redo.h: the block BEFORE of a part of a recording. Its values are those of frames that
 * were open when the part begins. docs/format.md has the bytes.
 *
 *   numbers, open frames          copied
 *   of each frame: its call       as the values of a call event
 *                  its variables  as those of write events
 *   threads, tasks                copied
 *
 * Invariants:
 *  1. What is damaged here ends the list of frames, so nothing is copied that was not judged.
 *  2. A block has room for what is written: frames beyond it are left out, as `cut` does. */
#include "redo.h"

#include <relive/rl_format.h>

#include "before.h"

enum { VALUES_MOST = 40 << 20 };

/* Copies numbers of a record. Returns the second one, which is the code of a frame. */
static uint64_t copy_numbers(struct bytes_in *in, unsigned count, struct bytes_out *out)
{
    uint64_t second = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = bytes_varint(in);
        second = i == 1 ? number : second;
        bytes_put_varint(out, number);
    }
    return second;
}

/* Takes a length and so many bytes. */
static struct rec take_values(struct bytes_in *in, unsigned kind, uint32_t code)
{
    size_t len = bytes_count(in);
    const uint8_t *bytes = bytes_take(in, len);
    in->bad |= len > UINT32_MAX;
    return (struct rec){
        .kind = (uint8_t)kind, .id = code, .data = bytes, .data_len = in->bad ? 0 : (uint32_t)len};
}

static void put_values(const void *data, size_t len, struct bytes_out *out)
{
    bytes_put_varint(out, len);
    bytes_put(out, data, len);
}

static rl_status redo_variables(struct redo *redo, struct bytes_in *in, uint32_t code,
                                struct bytes_out *out)
{
    enum { AFTER_SCOPE = 3 }; /* line before it; thread and number of its event */
    size_t count = bytes_count(in);
    rl_status status = RL_OK;
    bytes_put_varint(out, count);
    for (size_t i = 0; i < count && status == RL_OK && !in->bad; i++) {
        uint32_t name = bytes_varint32(in);
        uint64_t scope = bytes_varint(in);
        bytes_put_varint(out, name);
        bytes_put_varint(out, scope);
        (void)copy_numbers(in, AFTER_SCOPE, out);
        struct rec rec = take_values(in, RL_EVENT_WRITE, code);
        if (!in->bad) {
            status = redo_variable(redo, name, (unsigned)scope, &rec);
            put_values(rec.data, rec.data_len, out);
        }
    }
    return status;
}

static rl_status redo_frame(struct redo *redo, struct bytes_in *in, struct bytes_out *out)
{
    enum { BEFORE_VALUES = 7, PLACE = 2 }; /* frame to flags; thread and number of its call */
    uint32_t code = (uint32_t)copy_numbers(in, BEFORE_VALUES, out);
    struct rec rec = take_values(in, RL_EVENT_CALL, code);
    rl_status status = in->bad ? RL_OK : redo_event(redo, &rec);
    put_values(rec.data, rec.data_len, out);
    (void)copy_numbers(in, PLACE, out);
    return status == RL_OK ? redo_variables(redo, in, code, out) : status;
}

rl_status redo_before(struct redo *redo, const struct before *before, struct bytes_out *out)
{
    struct bytes_in in = before->values;
    struct bytes_out frames = {0};
    size_t count = bytes_count(&in), kept = 0, len = 0;
    rl_status status = RL_OK;
    for (size_t i = 0; i < count && status == RL_OK && !in.bad; i++) {
        status = redo_frame(redo, &in, &frames);
        if (!in.bad && frames.len <= VALUES_MOST) {
            len = frames.len;
            kept++;
        }
        frames.len = len;
    }
    bytes_put(out, before->bytes.data, (size_t)(before->values.at - before->bytes.data));
    bytes_put_varint(out, kept);
    bytes_put(out, frames.data, frames.len);
    if (!in.bad) {
        bytes_put(out, in.at, bytes_left(&in));
    } else {
        const uint8_t none[] = {0, 0}; /* no threads, no tasks */
        bytes_put(out, none, sizeof none);
    }
    status = out->failed || frames.failed ? RL_NOMEM : status;
    bytes_out_fini(&frames);
    return status;
}
