/* Why: see shown_again.h. */
#include "shown_again.h"

#include <string.h>

#include "alloc.h"
#include "value.h"

void shown_again_fini(struct shown_again *shown)
{
    for (unsigned i = 0; shown->of != NULL && i < RL_REMEMBERED; i++) {
        bytes_out_fini(&shown->of[i].own);
    }
    rl_free(shown->of);
    bytes_out_fini(&shown->out);
}

void shown_again_begin(struct shown_again *shown)
{
    for (unsigned i = 0; shown->of != NULL && i < RL_REMEMBERED; i++) {
        shown->of[i].size = 0;
    }
}

/* Returns whether values can have numbers: only of some events, and most of these have none. */
static int may_have_numbers(const struct rec *rec)
{
    return (rec->kind == RL_EVENT_CALL || rec->kind == RL_EVENT_RETURN ||
            rec->kind == RL_EVENT_YIELD || rec->kind == RL_EVENT_RESUME) &&
           rec->data_len != 0 &&
           (memchr(rec->data, RL_VALUE_REMEMBERED, rec->data_len) != NULL ||
            memchr(rec->data, RL_VALUE_AGAIN, rec->data_len) != NULL ||
            memchr(rec->data, RL_VALUE_CHANGED, rec->data_len) != NULL);
}

static inline void put_between(struct shown_again *shown, const uint8_t *from, const uint8_t *to)
{
    bytes_put(&shown->out, from, (size_t)(to - from));
}

/* Skips the name of a field, and up to its name those of `count` fields before it. */
static int skip_fields(struct bytes_in *in, uint64_t count)
{
    for (; count > 0; count--) {
        (void)bytes_varint(in);
        if (value_skip_inside(in) != RL_OK) {
            return -1;
        }
    }
    (void)bytes_varint(in);
    return 0;
}

/* Appends an object that has a number, with new values in some of its fields, and keeps it so. The
 * fields are in their order. Returns 1, or -1 for damage. */
static int put_changed(struct shown_again *shown, struct bytes_in *in, struct showing *showing)
{
    struct bytes_in old = bytes_in_of(showing->at, showing->size);
    struct value object;
    const uint8_t *done = showing->at;
    size_t from = shown->out.len;
    uint64_t next = 0; /* field */
    if (showing->size == 0 || value_next(&old, &object) != RL_OK || object.tag != RL_VALUE_OBJECT) {
        return -1;
    }
    for (size_t count = bytes_count(in); count > 0; count--) {
        uint64_t field = bytes_varint(in);
        if (in->bad || field < next || field >= object.shown ||
            skip_fields(&old, field - next) != 0) {
            return -1;
        }
        put_between(shown, done, old.at);
        const uint8_t *value = in->at;
        if (value_skip_inside(in) != RL_OK || value_skip_inside(&old) != RL_OK) {
            return -1;
        }
        put_between(shown, value, in->at);
        done = old.at;
        next = field + 1;
    }
    put_between(shown, done, old.end);
    if (in->bad || shown->out.failed) {
        return -1;
    }
    bytes_out_reset(&showing->own);
    bytes_put(&showing->own, shown->out.data + from, shown->out.len - from);
    showing->at = showing->own.data;
    showing->size = showing->own.len;
    shown->out.failed |= showing->own.failed;
    return 1;
}

/* Appends the next value. Returns 1 where it had a number, 0 where it had none, -1 for damage. */
static int put_value(struct shown_again *shown, struct bytes_in *in)
{
    unsigned tag = *in->at;
    struct showing *showing = NULL;
    if (tag == RL_VALUE_REMEMBERED || tag == RL_VALUE_AGAIN || tag == RL_VALUE_CHANGED) {
        in->at++;
        uint64_t number = bytes_varint(in);
        if (in->bad || number >= RL_REMEMBERED) {
            return -1;
        }
        showing = &shown->of[number];
    }
    if (tag == RL_VALUE_AGAIN) {
        bytes_put(&shown->out, showing->at, showing->size);
        return showing->size != 0 ? 1 : -1;
    }
    if (tag == RL_VALUE_CHANGED) {
        return put_changed(shown, in, showing);
    }
    const uint8_t *from = in->at;
    if (value_skip(in) != RL_OK) {
        return -1;
    }
    bytes_put(&shown->out, from, (size_t)(in->at - from));
    if (showing != NULL) {
        showing->at = from;
        showing->size = (size_t)(in->at - from);
    }
    return showing != NULL;
}

rl_status shown_again_put(struct shown_again *shown, struct rec *rec)
{
    struct bytes_in in = bytes_in_of(rec->data, rec->data_len);
    int found = 0, has_numbers = 0;
    if (!may_have_numbers(rec)) {
        return RL_OK;
    }
    if (shown->of == NULL && (shown->of = rl_zalloc(RL_REMEMBERED, sizeof *shown->of)) == NULL) {
        return RL_NOMEM;
    }
    bytes_out_reset(&shown->out);
    while (found >= 0 && bytes_left(&in) != 0) {
        found = put_value(shown, &in);
        has_numbers |= found;
        found = shown->out.len <= RL_VALUE_BYTES_MAX ? found : -1;
    }
    if (shown->out.failed) {
        return RL_NOMEM;
    }
    if (found < 0) {
        shown_again_begin(shown);
    } else if (has_numbers) {
        rec->data = shown->out.data;
        rec->data_len = (uint32_t)shown->out.len;
    }
    return RL_OK;
}
