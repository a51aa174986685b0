/* Why: see shown_again.h. */
#include "shown_again.h"

#include <string.h>

#include "alloc.h"
#include "value.h"

void shown_again_fini(struct shown_again *shown)
{
    rl_free(shown->of);
    bytes_out_fini(&shown->out);
}

void shown_again_begin(struct shown_again *shown)
{
    if (shown->of != NULL) {
        memset(shown->of, 0, RL_REMEMBERED * sizeof *shown->of);
    }
}

/* Returns whether values can have numbers: only of some events, and most of these have none. */
static int may_have_numbers(const struct rec *rec)
{
    return (rec->kind == RL_EVENT_CALL || rec->kind == RL_EVENT_RETURN ||
            rec->kind == RL_EVENT_YIELD || rec->kind == RL_EVENT_RESUME) &&
           rec->data_len != 0 &&
           (memchr(rec->data, RL_VALUE_REMEMBERED, rec->data_len) != NULL ||
            memchr(rec->data, RL_VALUE_AGAIN, rec->data_len) != NULL);
}

/* Appends the next value. Returns 1 where it had a number, 0 where it had none, -1 for damage. */
static int put_value(struct shown_again *shown, struct bytes_in *in)
{
    unsigned tag = *in->at;
    struct showing *showing = NULL;
    if (tag == RL_VALUE_REMEMBERED || tag == RL_VALUE_AGAIN) {
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
    const uint8_t *from = in->at;
    if (value_skip(in) != RL_OK) {
        return -1;
    }
    bytes_put(&shown->out, from, (size_t)(in->at - from));
    if (showing != NULL) {
        *showing = (struct showing){from, (size_t)(in->at - from)};
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
