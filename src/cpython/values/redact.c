/* Part of capture.h. Why: some secrets are recognised too late. A secret that one text of an event
 * reveals must also leave the texts that were captured before it. And most numbers are captured
 * without any question to the filter.
 *
 *    bytes of the event  --value_next()-->  copy_redacted()  -->  new bytes, then copied back
 *
 * Invariant: the copy is never larger than the room for it; what would be is cut or replaced. */
#include <string.h>

#include "capture.h"
#include "capture_parts.h"
#include "policy.h"

#include "rec.h"
#include "value.h"
#include "value_text.h"

struct copying {
    struct capture *c;
    struct bytes_in in;
    struct bytes_out number; /* a number as text */
    uint8_t *p, *end;        /* in `out` */
    int looks_at_numbers;
    uint8_t out[RL_VALUE_BYTES_MAX + 16];
};

/* Returns whether a value is a text, which may contain secrets. */
static int is_text_tag(unsigned tag)
{
    return tag == RL_VALUE_STR || tag == RL_VALUE_STR_CUT || tag == RL_VALUE_STR_ODD ||
           tag == RL_VALUE_BYTES || tag == RL_VALUE_BYTES_CUT || tag == RL_VALUE_TEXT;
}

/* Returns the type of a number, or NULL for other values. */
static PyTypeObject *number_type(unsigned tag)
{
    switch (tag) {
    case RL_VALUE_INT:
    case RL_VALUE_BIG_INT:
        return &PyLong_Type;
    case RL_VALUE_FLOAT:
        return &PyFloat_Type;
    case RL_VALUE_COMPLEX:
        return &PyComplex_Type;
    default:
        return NULL;
    }
}

/* Returns whether the number that began at `from` must not be written. */
static int is_secret_number(struct copying *copying, const uint8_t *from)
{
    struct bytes_in in = bytes_in_of(from, (size_t)(copying->in.at - from));
    bytes_out_reset(&copying->number);
    return value_text(&copying->number, NULL, &in) != RL_OK || copying->number.failed ||
           policy_number(copying->c->policy, (const char *)copying->number.data,
                         copying->number.len);
}

/* Writes what replaces a value: REDACTED with its type, or CUT where there is no room. */
static void put_redacted(struct copying *copying, uint32_t type)
{
    uint8_t bytes[1 + VARINT_MAX] = {RL_VALUE_REDACTED};
    size_t n = (size_t)(put_varint(bytes + 1, type) - bytes);
    if (n + bytes_left(&copying->in) > (size_t)(copying->end - copying->p)) {
        bytes[0] = RL_VALUE_CUT; /* what follows must fit too */
        n = 1;
    }
    memcpy(copying->p, bytes, n);
    copying->p += n;
}

/* Writes what replaces a whole text. */
static void put_redacted_text(struct copying *copying, const struct value *value)
{
    struct capture *c = copying->c;
    int is_bytes = value->tag == RL_VALUE_BYTES || value->tag == RL_VALUE_BYTES_CUT;
    uint32_t type = value->type != 0
                        ? value->type
                        : capture_type_id(c->lane, is_bytes ? &PyBytes_Type : &PyUnicode_Type);
    put_redacted(copying, type);
}

/* Writes a text without the secrets in it. Where there is no room, or its bytes are counted
 * elsewhere too, the whole text is replaced. */
static void put_without(struct copying *copying, const struct value *value,
                        const struct secret_part *parts, size_t count)
{
    const char *mark = rl_sentinel_text(RL_SENTINEL_REDACTED);
    size_t n = value->size + count * strlen(mark) + 2 * VARINT_MAX;
    size_t room = (size_t)(copying->end - copying->p);
    int is_whole = count == 1 && parts[0].begin == 0 && parts[0].end == value->size;
    int is_plain = value->type == 0 && value->tag != RL_VALUE_STR_ODD;
    if (is_whole || !is_plain || n > CAPTURE_CLEAN_BYTES || n + bytes_left(&copying->in) > room) {
        put_redacted_text(copying, value);
        return;
    }
    uint8_t clean[CAPTURE_CLEAN_BYTES];
    int is_cut = value->tag == RL_VALUE_STR_CUT || value->tag == RL_VALUE_BYTES_CUT;
    n = secret_replace((const char *)value->bytes, value->size, parts, count, mark, (char *)clean,
                       sizeof clean);
    *copying->p++ = (uint8_t)value->tag;
    if (is_cut) {
        copying->p = put_varint(copying->p, value->len + n);
    }
    copying->p = put_varint(copying->p, n);
    memcpy(copying->p, clean, n);
    copying->p += n;
}

/* Copies one value with all values inside it. */
static rl_status copy_redacted(struct copying *copying, unsigned depth)
{
    const uint8_t *from = copying->in.at;
    struct value value;
    rl_status status = value_next(&copying->in, &value);
    if (status != RL_OK || depth > RL_VALUE_DEPTH_MAX) {
        return RL_DAMAGED;
    }
    struct secret_part parts[SECRET_PARTS];
    size_t count = is_text_tag(value.tag) && value.bytes != NULL
                       ? capture_known(copying->c, value.bytes, value.size, parts)
                       : 0;
    if (count != 0) {
        put_without(copying, &value, parts, count);
        return RL_OK;
    }
    PyTypeObject *number = copying->looks_at_numbers ? number_type(value.tag) : NULL;
    if (number != NULL && is_secret_number(copying, from)) {
        policy_stats.secrets++;
        put_redacted(copying, capture_type_id(copying->c->lane, number));
        return RL_OK;
    }
    size_t n = (size_t)(copying->in.at - from);
    memcpy(copying->p, from, n);
    copying->p += n;
    for (uint64_t k = value_children(&value); k > 0 && status == RL_OK; k--) {
        if (value.tag == RL_VALUE_OBJECT) {
            copying->p = put_varint(copying->p, bytes_varint(&copying->in));
        }
        status = copy_redacted(copying, depth + 1);
    }
    return status;
}

/* Copies all values and puts the copy in the place of the originals. */
static void copy_all_redacted(struct copying *copying)
{
    struct capture *c = copying->c;
    while (bytes_left(&copying->in) != 0) {
        if (copy_redacted(copying, 0) != RL_OK) {
            c->p = c->values; /* cannot happen; if it does, no value is written */
            *c->p++ = RL_VALUE_CUT;
            return;
        }
    }
    size_t n = (size_t)(copying->p - copying->out);
    memcpy(c->values, copying->out, n);
    c->p = c->values + n;
}

void capture_review(struct capture *c)
{
    struct copying copying = {.c = c, .p = copying.out};
    copying.end = copying.out + RL_VALUE_BYTES_MAX - (c->values - c->bytes);
    copying.looks_at_numbers = c->policy != NULL && policy_looks_at_values(c->policy);
    for (unsigned i = 0; i < c->secret_count; i++) {
        c->known[i].text = c->secrets[i].text;
        c->known[i].len = c->secrets[i].len;
    }
    c->known_count = c->secret_count;
    copying.in = bytes_in_of(c->values, (size_t)(c->p - c->values));
    copy_all_redacted(&copying);
    bytes_out_fini(&copying.number);
    c->is_reviewed = 0;
    c->secret_count = c->known_count = 0;
}
