/* Why: a secret that was recognised in one text of an event is taken out of all of them, also of
 * those that were captured before it was met. The values are copied over, text by text. */
#include <string.h>

#include "capture_parts.h"
#include "value.h"

struct copying {
    struct capture *c;
    struct bytes_in in;
    uint8_t *p; /* in `out` */
    uint8_t out[RL_VALUE_BYTES_MAX + 16];
};

static int contains(const uint8_t *text, size_t len, const char *part, size_t part_len)
{
    for (size_t i = 0; i + part_len <= len; i++) {
        if (text[i] == (uint8_t)part[0] && memcmp(text + i, part, part_len) == 0) {
            return 1;
        }
    }
    return 0;
}

static int holds_secret(const struct capture *c, const struct value *value)
{
    for (unsigned i = 0; value->bytes != NULL && i < c->secret_count; i++) {
        if (contains(value->bytes, value->size, c->secrets[i].text, c->secrets[i].len)) {
            return 1;
        }
    }
    return 0;
}

static int is_text(unsigned tag)
{
    return tag == RL_VALUE_STR || tag == RL_VALUE_STR_CUT || tag == RL_VALUE_STR_ODD ||
           tag == RL_VALUE_BYTES || tag == RL_VALUE_BYTES_CUT || tag == RL_VALUE_TEXT;
}

static rl_status copy(struct copying *copying, unsigned depth)
{
    struct capture *c = copying->c;
    const uint8_t *from = copying->in.at;
    struct value value;
    rl_status status = value_next(&copying->in, &value);
    if (status != RL_OK || depth > RL_VALUE_DEPTH_MAX) {
        return RL_DAMAGED;
    }
    if (is_text(value.tag) && holds_secret(c, &value)) {
        int is_bytes = value.tag == RL_VALUE_BYTES || value.tag == RL_VALUE_BYTES_CUT;
        uint32_t type = value.type != 0
                            ? value.type
                            : capture_type_id(c->lane, is_bytes ? &PyBytes_Type : &PyUnicode_Type);
        *copying->p++ = RL_VALUE_REDACTED;
        copying->p = put_varint(copying->p, type);
        return RL_OK;
    }
    size_t n = (size_t)(copying->in.at - from);
    memcpy(copying->p, from, n);
    copying->p += n;
    for (uint64_t k = value_children(&value); k > 0 && status == RL_OK; k--) {
        if (value.tag == RL_VALUE_OBJECT) {
            copying->p = put_varint(copying->p, bytes_varint(&copying->in));
        }
        status = copy(copying, depth + 1);
    }
    return status;
}

void capture_spread(struct capture *c)
{
    struct copying copying = {.c = c, .p = copying.out};
    copying.in = bytes_in_of(c->values, (size_t)(c->p - c->values));
    while (bytes_left(&copying.in) != 0) {
        if (copy(&copying, 0) != RL_OK) {
            c->p = c->values; /* cannot be: then nothing is let through */
            *c->p++ = RL_VALUE_CUT;
            c->secret_count = 0;
            return;
        }
    }
    size_t n = (size_t)(copying.p - copying.out);
    memcpy(c->values, copying.out, n);
    c->p = c->values + n;
    c->secret_count = 0;
}
