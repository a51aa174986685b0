/* Why: tests, tools and other languages read values as JSON: as text always, and as a JSON value
 * where JSON can represent it exactly.
 *
 *    put_value_json(): scan_value()      is anything cut, redacted, or beyond JSON?
 *                      value_text()      "r", as repr() would show it
 *                      put_plain_json()  "v", only if the value is complete and plain
 *                      put_attributes()  "attrs" of an instance
 *
 * Invariants: recursion is bounded by RL_VALUE_DEPTH_MAX, and scan_value() goes first. So the
 * functions after it may trust the bytes. */
#include "value_json.h"

#include <math.h>
#include <string.h>

#include "value.h"
#include "value_text.h"

/* Returns the name of a value's type, also for those that the recording does not name. */
static struct text value_type_name(const struct reader *reader, const struct value *value)
{
    static const char *const names[] = {
        [RL_VALUE_UNSET] = "",
        [RL_VALUE_NONE] = "NoneType",
        [RL_VALUE_FALSE] = "bool",
        [RL_VALUE_TRUE] = "bool",
        [RL_VALUE_ELLIPSIS] = "ellipsis",
        [RL_VALUE_NOT_IMPLEMENTED] = "NotImplementedType",
        [RL_VALUE_INT] = "int",
        [RL_VALUE_BIG_INT] = "int",
        [RL_VALUE_BIG_INT_CUT] = "int",
        [RL_VALUE_FLOAT] = "float",
        [RL_VALUE_COMPLEX] = "complex",
        [RL_VALUE_STR] = "str",
        [RL_VALUE_STR_CUT] = "str",
        [RL_VALUE_STR_ODD] = "str",
        [RL_VALUE_BYTES] = "bytes",
        [RL_VALUE_BYTES_CUT] = "bytes",
        [RL_VALUE_LIST] = "list",
        [RL_VALUE_TUPLE] = "tuple",
        [RL_VALUE_SET] = "set",
        [RL_VALUE_FROZENSET] = "frozenset",
        [RL_VALUE_DICT] = "dict",
        [RL_VALUE_RANGE] = "range",
        [RL_VALUE_SLICE] = "slice",
    };
    if (value->type != 0) {
        return reader_string(reader, value->type);
    }
    const char *name = value->tag < sizeof names / sizeof *names && names[value->tag] != NULL
                           ? names[value->tag]
                           : "?";
    return (struct text){name, strlen(name)};
}

/* What a value and all values inside it have in common. One fact of an inner value is a fact of the
 * outer one, so a list with a redacted item is redacted. */
struct facts {
    int is_cut, is_redacted;
    int is_plain; /* None, bool, int, finite float, str, lists of these, dicts with str keys */
};

/* Skips a value and collects its facts. */
static rl_status scan_value(struct bytes_in *in, struct facts *facts, unsigned depth, int is_key)
{
    struct value value;
    rl_status status = value_next(in, &value);
    if (status != RL_OK || depth > RL_VALUE_DEPTH_MAX) {
        return status == RL_OK || (status == RL_END && depth != 0) ? RL_DAMAGED : status;
    }
    facts->is_cut |= value_is_cut(&value);
    facts->is_redacted |= value.tag == RL_VALUE_REDACTED;
    switch (value.tag) {
    case RL_VALUE_NONE:
    case RL_VALUE_FALSE:
    case RL_VALUE_TRUE:
    case RL_VALUE_INT:
    case RL_VALUE_BIG_INT:
    case RL_VALUE_LIST:
    case RL_VALUE_DICT:
        facts->is_plain &= !is_key;
        break;
    case RL_VALUE_STR:
    case RL_VALUE_STR_ODD:
        break;
    case RL_VALUE_FLOAT:
        facts->is_plain &= !is_key && isfinite(value_float(value.bytes));
        break;
    default:
        facts->is_plain = 0;
        break;
    }
    uint64_t n = value_children(&value);
    for (uint64_t i = 0; i < n && status == RL_OK; i++) {
        if (value.tag == RL_VALUE_OBJECT) {
            (void)bytes_varint(in);
        }
        status = scan_value(in, facts, depth + 1, value.tag == RL_VALUE_DICT && i % 2 == 0);
    }
    return status;
}

/* Appends text that is JSON already. */
static void put_raw_json(struct json_out *json, const struct bytes_out *text)
{
    if (json->needs_comma) {
        bytes_put(&json->out, ",", 1);
    }
    json->needs_comma = 1;
    bytes_put(&json->out, text->data, text->len);
}

/* Writes a value that scan_value() found to be plain. Numbers are written as repr() has them, which
 * JSON accepts. */
static rl_status put_plain_json(struct json_out *json, const struct reader *reader,
                                struct bytes_in *in, struct bytes_out *scratch)
{
    struct value value;
    struct bytes_in before = *in;
    rl_status status = value_next(in, &value);
    switch (value.tag) {
    case RL_VALUE_NONE:
        json_null(json);
        break;
    case RL_VALUE_FALSE:
    case RL_VALUE_TRUE:
        json_bool(json, value.tag == RL_VALUE_TRUE);
        break;
    case RL_VALUE_STR:
    case RL_VALUE_STR_ODD:
        json_string(json, value.bytes, value.size);
        break;
    case RL_VALUE_LIST:
        json_open(json, '[');
        for (uint64_t i = 0; i < value.shown && status == RL_OK; i++) {
            status = put_plain_json(json, reader, in, scratch);
        }
        json_close(json, ']');
        break;
    case RL_VALUE_DICT:
        json_open(json, '{');
        for (uint64_t i = 0; i < value.shown && status == RL_OK; i++) {
            status = put_plain_json(json, reader, in, scratch);
            bytes_put(&json->out, ":", 1);
            json->needs_comma = 0;
            status = status == RL_OK ? put_plain_json(json, reader, in, scratch) : status;
        }
        json_close(json, '}');
        break;
    default:
        bytes_out_reset(scratch);
        *in = before;
        status = value_text(scratch, &reader->strings, in);
        put_raw_json(json, scratch);
        break;
    }
    return status;
}

/* Writes {"name": text, ...}: the attributes that were captured of an instance. */
static rl_status put_attributes(struct json_out *json, const struct reader *reader,
                                struct bytes_in *in, struct bytes_out *scratch)
{
    struct value value;
    rl_status status = value_next(in, &value);
    json_open(json, '{');
    for (uint64_t i = 0; i < value.shown && status == RL_OK; i++) {
        struct text name = reader_string(reader, (uint32_t)bytes_varint(in));
        bytes_out_reset(scratch);
        status = value_text(scratch, &reader->strings, in);
        json_string(json, name.data, name.len);
        bytes_put(&json->out, ":", 1);
        json->needs_comma = 0;
        json_string(json, scratch->data != NULL ? (const char *)scratch->data : "", scratch->len);
    }
    json_close(json, '}');
    return status;
}

/* Writes a value; may leave half of it where it fails. */
static rl_status put_value_json(struct json_out *json, const struct reader *reader,
                                struct bytes_in *in)
{
    struct facts facts = {0, 0, 1};
    struct bytes_in ahead = *in, peek = *in;
    struct value value;
    struct bytes_out text = {0};
    rl_status status = scan_value(&ahead, &facts, 0, 0);
    if (status != RL_OK || (status = value_next(&peek, &value)) != RL_OK) {
        return status;
    }
    peek = *in;
    status = value_text(&text, &reader->strings, in);
    json_open(json, '{');
    struct text type = value_type_name(reader, &value);
    json_key(json, "t");
    json_string(json, type.data, type.len);
    json_key(json, "r");
    json_string(json, text.data != NULL ? (const char *)text.data : "", text.len);
    if (value.identity != 0) {
        json_key(json, "id");
        json_u64(json, value.identity);
    }
    if (value_children(&value) != 0 || value.len != 0 ||
        (value.tag >= RL_VALUE_STR && value.tag <= RL_VALUE_DICT)) {
        json_key(json, "len");
        json_u64(json, value.len);
    }
    json_key(json, "cut");
    json_bool(json, facts.is_cut);
    json_key(json, "redacted");
    json_bool(json, facts.is_redacted);
    if (facts.is_plain && !facts.is_cut && status == RL_OK) {
        json_key(json, "v");
        status = put_plain_json(json, reader, &peek, &text);
    } else if (value.tag == RL_VALUE_OBJECT && status == RL_OK) {
        json_key(json, "attrs");
        status = put_attributes(json, reader, &peek, &text);
    }
    json_close(json, '}');
    json->out.failed |= text.failed;
    bytes_out_fini(&text);
    return status;
}

/* Writes a value whole or not at all. */
rl_status value_json(struct json_out *json, const struct reader *reader, struct bytes_in *in)
{
    struct json_mark before = json_mark(json);
    rl_status status = put_value_json(json, reader, in);
    if (status != RL_OK) {
        json_rollback(json, before);
    }
    return status;
}

/* Writes an exception; other values as value_json() does.
 *
 *    EXCEPTION type flags | message | cause | context      cause and context may be exceptions
 * again */
static rl_status put_exception_json(struct json_out *json, const struct reader *reader,
                                    struct bytes_in *in, unsigned depth)
{
    struct value value, message;
    struct bytes_in ahead = *in;
    rl_status status = value_next(&ahead, &value);
    if (status != RL_OK || depth > RL_VALUE_DEPTH_MAX) {
        return status == RL_OK ? RL_DAMAGED : status;
    }
    if (value.tag == RL_VALUE_NONE) {
        json_null(json);
        *in = ahead;
        return RL_OK;
    }
    if (value.tag != RL_VALUE_EXCEPTION) {
        return value_json(json, reader, in);
    }
    *in = ahead;
    json_open(json, '{');
    struct text type = reader_string(reader, value.type);
    json_key(json, "type");
    json_string(json, type.data, type.len);
    json_key(json, "message");
    status = value_next(&ahead, &message);
    if (status == RL_OK && !(value.flags & RL_EXCEPTION_REPR) &&
        (message.tag == RL_VALUE_STR || message.tag == RL_VALUE_STR_ODD ||
         message.tag == RL_VALUE_STR_CUT || message.tag == RL_VALUE_TEXT)) {
        json_string(json, message.bytes, message.size);
        *in = ahead;
    } else if (status == RL_OK) {
        struct bytes_out text = {0};
        status = value_text(&text, &reader->strings, in);
        json_string(json, text.data != NULL ? (const char *)text.data : "", text.len);
        bytes_out_fini(&text);
    }
    json_key(json, "id");
    json_u64(json, value.identity);
    json_key(json, "cause");
    status = status == RL_OK ? put_exception_json(json, reader, in, depth + 1) : status;
    json_key(json, "context");
    status = status == RL_OK ? put_exception_json(json, reader, in, depth + 1) : status;
    if (value.flags & RL_EXCEPTION_FROM) {
        json_key(json, "suppress_context");
        json_bool(json, 1);
    }
    if (value.flags & RL_EXCEPTION_AGAIN) {
        json_key(json, "again");
        json_bool(json, 1);
    }
    json_close(json, '}');
    return status == RL_END ? RL_DAMAGED : status;
}

/* Writes an exception whole or not at all. */
rl_status value_exception_json(struct json_out *json, const struct reader *reader,
                               struct bytes_in *in)
{
    struct json_mark before = json_mark(json);
    rl_status status = put_exception_json(json, reader, in, 0);
    if (status != RL_OK) {
        json_rollback(json, before);
    }
    return status;
}
