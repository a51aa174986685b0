/* Part of origin_steps.h: what happened to an object, whoever held it.
 *
 *    shown as   Order(state='new')   Order(state='paid')   Order(state='paid')   <- place
 *               `before`             `event`
 *
 * An object that is opened nowhere, or cut where the path goes, shows nothing and is passed over.
 */
#include "origin_steps.h"

#include <string.h>

#include "alloc.h"
#include "holds.h"
#include "operand.h"
#include "origin_back.h"
#include "value.h"
#include "where.h"
#include "write_head.h"

/* The value that x is. */
struct subject {
    struct text value;
};

static struct operand load_subject(void *self, uint32_t name, struct operand_scope *scope)
{
    const struct subject *subject = self;
    struct bytes_in in = bytes_in_of(subject->value.data, subject->value.len);
    (void)name;
    return subject->value.data != NULL ? operand_take(&in, scope)
                                       : operand_unknown(OPERAND_NOT_RECORDED);
}

struct operand origin_evaluate(const struct reader *reader, struct where *path, struct text value)
{
    struct subject subject = {value};
    struct where_row row = {&subject, load_subject, &reader->strings};
    return where_run(path, &row);
}

/* A search for the change of one path. */
struct change {
    const struct origin_from *from;
    uint64_t identity;
    uint8_t pattern[RL_IDENTITY_BYTES];
    struct where *path;
    struct bytes_out present; /* bytes of the value that is looked for */
    int has_present;
    struct origin_changed *out;
};

/* Returns whether the bytes of an event have the identity at all. */
static int has_identity(const struct change *change, const struct event_out *event)
{
    const uint8_t *at = event->values;
    const uint8_t *end = at + event->values_len;
    while (end - at >= RL_IDENTITY_BYTES) {
        at = memchr(at, change->pattern[0], (size_t)(end - at) - RL_IDENTITY_BYTES + 1);
        if (at == NULL) {
            return 0;
        }
        if (memcmp(at, change->pattern, RL_IDENTITY_BYTES) == 0) {
            return 1;
        }
        at++;
    }
    return 0;
}

/* Finds the object among the values of an event themselves. */
static struct text find_object(const struct change *change, const struct event_out *event)
{
    struct text none = {NULL, 0};
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    struct write_head head;
    if (!has_identity(change, event)) {
        return none;
    }
    if (event->kind == RL_EVENT_WRITE) {
        if (!write_head_read(change->from->reader, event, &head)) {
            return none;
        }
        in = bytes_in_of(head.value, head.value_len);
    }
    while (bytes_left(&in) != 0) {
        const uint8_t *begin = in.at;
        struct bytes_in one = in;
        struct value value;
        if (value_next(&one, &value) != RL_OK || value_skip(&in) != RL_OK) {
            return none;
        }
        if (value.identity == change->identity) {
            return (struct text){(const char *)begin, (size_t)(in.at - begin)};
        }
        if (!kind_begins(event->kind)) {
            return none;
        }
    }
    return none;
}

/* Returns whether an event shows the object as it is made: at the begin of its __init__, or without
 * any attribute. Before that, its address was another object's. */
static int is_birth(const struct change *change, const struct event_out *event, struct text object)
{
    static const char init[] = ".__init__";
    struct bytes_in in = bytes_in_of(object.data, object.len);
    struct value value;
    if (kind_begins(event->kind)) {
        struct text name = reader_code(change->from->reader, event->id).qualname;
        size_t len = sizeof init - 1;
        return name.len > len && memcmp(name.data + name.len - len, init, len) == 0 &&
               (const uint8_t *)object.data == event->values;
    }
    return value_next(&in, &value) == RL_OK && value.tag == RL_VALUE_OBJECT && value.len == 0;
}

/* Takes an event that shows the object. Returns whether the search ends. */
static int take_showing(struct change *change, const struct event_out *event, struct text object,
                        rl_status *status)
{
    struct operand shown = origin_evaluate(change->from->reader, change->path, object);
    if (is_birth(change, event, object)) {
        shown = operand_raises(OPERAND_ATTRIBUTE_ERROR);
    }
    if (shown.kind == OPERAND_UNKNOWN) {
        return 0;
    }
    size_t len = shown.kind == OPERAND_RAISES ? 0 : (size_t)(shown.end - shown.begin);
    if (!change->has_present) {
        change->has_present = 1;
        bytes_put(&change->present, shown.begin, len);
        *status = change->present.failed ? RL_NOMEM : RL_OK;
    }
    int is_same = len != 0 && len == change->present.len &&
                  memcmp(shown.begin, change->present.data, len) == 0;
    if (!is_same) {
        if (*status == RL_OK && kept_event_take(&change->out->before, event) != 0) {
            *status = RL_NOMEM;
        }
        return 1;
    }
    kept_event_fini(&change->out->event);
    change->out->line = (struct event_out){0};
    if (*status == RL_OK && kept_event_take(&change->out->event, event) != 0) {
        *status = RL_NOMEM;
    }
    return *status != RL_OK;
}

rl_status origin_changed(const struct origin_from *from, uint64_t identity, struct where *path,
                         struct origin_changed *out)
{
    struct change change = {.from = from, .identity = identity, .path = path, .out = out};
    struct back *back = NULL;
    struct event_out event;
    uint64_t left = from->most != 0 ? from->most : UINT64_MAX;
    *out = (struct origin_changed){0};
    for (unsigned i = 0; i < RL_IDENTITY_BYTES; i++) {
        change.pattern[i] = (uint8_t)(identity >> (8 * i));
    }
    _Static_assert(RL_IDENTITY_BYTES == HOLDS_BYTES, "chunks are searched for an identity");
    rl_status status = back_open(from->reader, from->thread, from->seq, 0, &back);
    status = status == RL_OK ? back_limit(back, ORIGIN_FAR * from->most, from->since_t) : status;
    while (status == RL_OK && (status = back_prev(back, &event)) == RL_OK) {
        const struct event_out *found = &out->event.out;
        int wants_line = out->line.kind == 0 && found->kind == RL_EVENT_WRITE;
        back_want(back, NULL, wants_line ? NULL : change.pattern);
        if (event.kind == RL_EVENT_LINE) {
            if (out->line.kind == 0 && found->kind == RL_EVENT_WRITE &&
                event.frame == found->frame) {
                out->line = event;
            }
            continue;
        }
        if (event.values_len < RL_IDENTITY_BYTES ||
            !(kind_begins(event.kind) || event.kind == RL_EVENT_RETURN ||
              event.kind == RL_EVENT_YIELD || event.kind == RL_EVENT_WRITE)) {
            continue;
        }
        struct text object = find_object(&change, &event);
        if (object.data != NULL && left-- == 0) {
            break;
        }
        if (object.data != NULL && take_showing(&change, &event, object, &status)) {
            break;
        }
    }
    bytes_out_fini(&change.present);
    back_close(back);
    if (status == RL_NOMEM) {
        origin_changed_fini(out);
        return RL_NOMEM;
    }
    return RL_OK;
}

void origin_changed_fini(struct origin_changed *changed)
{
    kept_event_fini(&changed->event);
    kept_event_fini(&changed->before);
}
