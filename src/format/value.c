/* Why: every verb, `check` and callbacks decode values; one decoder knows the tags.
 *
 * Invariants: a count is compared with the bytes left before anything loops over it. Nesting is
 * bounded by RL_VALUE_DEPTH_MAX, so the recursion of value_skip() is too. */
#include "value.h"

#include "utf8.h"

/* Reads the six bytes of an identity. */
static uint64_t take_identity(struct bytes_in *in)
{
    const uint8_t *p = bytes_take(in, RL_IDENTITY_BYTES);
    return p != NULL ? (uint64_t)get32(p) | (uint64_t)get16(p + 4) << 32 : 0;
}

/* Reads a length and as many bytes, which stay in the input. */
static void take_bytes(struct bytes_in *in, struct value *value)
{
    uint64_t n = bytes_varint(in);
    value->bytes = n <= bytes_left(in) ? bytes_take(in, (size_t)n) : NULL;
    value->size = (size_t)n;
    in->bad |= value->bytes == NULL;
}

/* Reads how many items the object has, and how many follow: each takes a byte at least. */
static void take_counts(struct bytes_in *in, struct value *value)
{
    value->len = bytes_varint(in);
    value->shown = bytes_varint(in);
    in->bad |= value->shown > value->len || value->shown > bytes_left(in);
}

/* Reads the indexes of characters that repr() escapes; they stay in the input. */
static void take_odd(struct bytes_in *in, struct value *value)
{
    uint64_t count = bytes_varint(in);
    value->odd = in->at;
    in->bad |= count > bytes_left(in);
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        (void)bytes_varint(in);
    }
    value->odd_count = (uint32_t)count;
}

/* Decodes what follows the tag. A tag of a newer format sets `bad`: its length is not known. */
static void take_rest(struct bytes_in *in, struct value *value)
{
    switch (value->tag) {
    case RL_VALUE_INT:
        value->number = unzigzag(bytes_varint(in));
        break;
    case RL_VALUE_BIG_INT:
    case RL_VALUE_BIG_INT_CUT:
        value->flags = (uint32_t)bytes_varint(in) & 1;
        if (value->tag == RL_VALUE_BIG_INT) {
            take_bytes(in, value);
        } else {
            value->len = bytes_varint(in);
        }
        break;
    case RL_VALUE_FLOAT:
    case RL_VALUE_COMPLEX:
        value->size = value->tag == RL_VALUE_FLOAT ? 8 : 16;
        value->bytes = bytes_take(in, value->size);
        break;
    case RL_VALUE_STR_CUT:
    case RL_VALUE_BYTES_CUT:
    case RL_VALUE_STR_ODD:
        value->len = bytes_varint(in);
        take_bytes(in, value);
        if (value->tag == RL_VALUE_STR_ODD) {
            take_odd(in, value);
        }
        break;
    case RL_VALUE_STR:
        take_bytes(in, value);
        value->len = in->bad ? 0 : utf8_count(value->bytes, value->size);
        break;
    case RL_VALUE_BYTES:
        take_bytes(in, value);
        value->len = value->size;
        break;
    case RL_VALUE_LIST:
    case RL_VALUE_TUPLE:
    case RL_VALUE_SET:
    case RL_VALUE_FROZENSET:
    case RL_VALUE_DICT:
        value->identity = take_identity(in);
        take_counts(in, value);
        break;
    case RL_VALUE_OBJECT:
        value->identity = take_identity(in);
        value->type = (uint32_t)bytes_varint(in);
        take_counts(in, value);
        break;
    case RL_VALUE_OPAQUE:
    case RL_VALUE_WRAPPED:
        value->identity = take_identity(in);
        value->type = (uint32_t)bytes_varint(in);
        break;
    case RL_VALUE_TEXT:
        value->identity = take_identity(in);
        value->type = (uint32_t)bytes_varint(in);
        value->flags = (uint32_t)bytes_varint(in);
        take_bytes(in, value);
        break;
    case RL_VALUE_LABEL:
        value->identity = take_identity(in);
        value->type = (uint32_t)bytes_varint(in);
        value->label = (uint32_t)bytes_varint(in);
        break;
    case RL_VALUE_CYCLE:
        value->identity = take_identity(in);
        break;
    case RL_VALUE_DEEP:
        value->identity = take_identity(in);
        value->type = (uint32_t)bytes_varint(in);
        value->len = bytes_varint(in);
        break;
    case RL_VALUE_EXCEPTION:
        value->identity = take_identity(in);
        value->type = (uint32_t)bytes_varint(in);
        value->flags = (uint32_t)bytes_varint(in);
        break;
    case RL_VALUE_REDACTED:
        value->type = (uint32_t)bytes_varint(in);
        break;
    case RL_VALUE_DROPPED:
    case RL_VALUE_UNSET:
    case RL_VALUE_NONE:
    case RL_VALUE_FALSE:
    case RL_VALUE_TRUE:
    case RL_VALUE_ELLIPSIS:
    case RL_VALUE_NOT_IMPLEMENTED:
    case RL_VALUE_RANGE:
    case RL_VALUE_SLICE:
    case RL_VALUE_CUT:
        break;
    default:
        in->bad = 1;
        break;
    }
}

rl_status value_next(struct bytes_in *in, struct value *value)
{
    memset(value, 0, sizeof *value);
    if (bytes_left(in) == 0 || in->bad) {
        return in->bad ? RL_DAMAGED : RL_END;
    }
    uint8_t tag = *in->at++;
    if (tag >= RL_VALUE_SMALL) {
        value->tag = RL_VALUE_INT;
        value->number = (int64_t)tag - RL_VALUE_SMALL_ZERO;
        return RL_OK;
    }
    value->tag = tag;
    take_rest(in, value);
    return in->bad ? RL_DAMAGED : RL_OK;
}

uint64_t value_children(const struct value *value)
{
    switch (value->tag) {
    case RL_VALUE_LIST:
    case RL_VALUE_TUPLE:
    case RL_VALUE_SET:
    case RL_VALUE_FROZENSET:
    case RL_VALUE_OBJECT:
        return value->shown;
    case RL_VALUE_DICT:
        return 2 * value->shown;
    case RL_VALUE_RANGE:
    case RL_VALUE_SLICE:
    case RL_VALUE_EXCEPTION:
        return 3;
    case RL_VALUE_WRAPPED:
        return 1;
    default:
        return 0;
    }
}

/* Skips a value and what is inside. A value that ends early is damage, not an end. */
static rl_status skip_nested(struct bytes_in *in, unsigned depth)
{
    struct value value;
    rl_status status = value_next(in, &value);
    if (status == RL_OK && depth > RL_VALUE_DEPTH_MAX) {
        status = RL_DAMAGED;
    }
    for (uint64_t n = value_children(&value); status == RL_OK && n > 0; n--) {
        if (value.tag == RL_VALUE_OBJECT) {
            (void)bytes_varint(in);
        }
        status = skip_nested(in, depth + 1) == RL_OK ? RL_OK : RL_DAMAGED;
    }
    return status;
}

rl_status value_skip(struct bytes_in *in)
{
    return skip_nested(in, 0);
}

rl_status value_skip_inside(struct bytes_in *in)
{
    return skip_nested(in, 1);
}

int value_is_cut(const struct value *value)
{
    switch (value->tag) {
    case RL_VALUE_BIG_INT_CUT:
    case RL_VALUE_STR_CUT:
    case RL_VALUE_BYTES_CUT:
    case RL_VALUE_DEEP:
    case RL_VALUE_CUT:
        return 1;
    case RL_VALUE_STR_ODD:
        return value->len > utf8_count(value->bytes, value->size);
    case RL_VALUE_TEXT:
        return (value->flags & RL_TEXT_IS_CUT) != 0;
    case RL_VALUE_LIST:
    case RL_VALUE_TUPLE:
    case RL_VALUE_SET:
    case RL_VALUE_FROZENSET:
    case RL_VALUE_DICT:
    case RL_VALUE_OBJECT:
        return value->shown < value->len;
    default:
        return 0;
    }
}
