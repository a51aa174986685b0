/* Why: people, tests and JSON readers want text. The recorder must not make it: repr() runs code of
 * the program, and takes fifty times as long as copying a value.
 *
 *    bytes --value_next()--> struct value --put_value_repr()--> text
 *                                |
 *                                +-- atoms       put_float(), put_string_repr(), ...
 *                                +-- containers  put_items() -> put_inner_repr(), one level deeper
 *                                +-- not whole   put_placeholder(): <cycle>, <cut>, <redacted> ...
 *
 * Invariants: recursion is bounded by RL_VALUE_DEPTH_MAX. Output grows by at most a constant factor
 * of the input. */
#include "value_text.h"

#include <math.h>
#include <relive/rl_filter.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "utf8.h"
#include "value.h"

/* Appends a text of C. */
static void put_str(struct bytes_out *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}

/* Writes the shortest digits that read back as `number`, in the form that repr() chooses:
 *
 *    1e+16   1234.5   0.0001   1e-05      an exponent below -4 and from 16 on
 *
 * With `point_zero`, a whole number gets ".0": 1.0, but 1j in a complex number. */

/* Writes the shortest digits that read back as `number`, as repr() does. With `point_zero`, 1 is
 * written as 1.0. */
static void put_float(struct bytes_out *out, double number, int point_zero)
{
    char text[40];
    if (isnan(number) || isinf(number)) {
        put_str(out, isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
        return;
    }
    int precision = 0;
    do { /* %.{n}e gives one digit and n more */
        (void)snprintf(text, sizeof text, "%.*e", precision, number);
    } while (strtod(text, NULL) != number && precision++ < 16);
    if (precision == 16) { /* Writes an int of any size. The magnitude is divided by 10^9 again and
                            * again; each remainder gives nine digits, the last ones first. The time
                            * is quadratic, so the recorder bounds the size of ints. */
        char shorter[40];
        (void)snprintf(shorter, sizeof shorter, "%.15e", number);
        char *last = strpbrk(shorter, "e") - 1;
        if (*last < '9') {
            (*last)++;
            if (strtod(shorter, NULL) == number) {
                memcpy(text, shorter, sizeof text);
            }
        }
    }
    const char *mark = strchr(text, 'e');
    int exponent = atoi(mark + 1);
    char digits[24];
    int count = 0;
    for (const char *p = text; p < mark; p++) {
        if (*p >= '0' && *p <= '9' && count < 20) {
            digits[count++] = *p;
        }
    }
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    if (signbit(number)) {
        put_str(out, "-");
    }
    if (exponent < -4 || exponent >= 16) {
        bytes_put(out, digits, 1);
        if (count > 1) {
            put_str(out, ".");
            bytes_put(out, digits + 1, (size_t)count - 1);
        }
        (void)snprintf(text, sizeof text, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        put_str(out, text);
        return;
    }
    if (exponent < 0) {
        put_str(out, "0.");
        for (int i = -1; i > exponent; i--) {
            put_str(out, "0");
        }
        bytes_put(out, digits, (size_t)count);
        return;
    }
    for (int i = 0; i <= exponent; i++) {
        bytes_put(out, i < count ? &digits[i] : "0", 1);
    }
    if (count > exponent + 1) {
        put_str(out, ".");
        bytes_put(out, digits + exponent + 1, (size_t)(count - exponent - 1));
    } else if (point_zero) {
        put_str(out, ".0");
    }
}

/* Writes a complex number as repr() does.
 *
 *    1j    (1+2j)    (-0-1j)    (nan+infj)      only a real part of +0 is left out */
static void put_complex(struct bytes_out *out, const uint8_t *at)
{
    double real = value_float(at), imaginary = value_float(at + 8);
    int is_pure = real == 0 && !signbit(real);
    if (!is_pure) {
        put_str(out, "(");
        put_float(out, real, 0);
        if (isnan(imaginary) || !signbit(imaginary)) {
            put_str(out, "+");
        }
    }
    put_float(out, imaginary, 0);
    put_str(out, is_pure ? "j" : "j)");
}

/* Writes an int of any size. The magnitude is divided by 10^9 again and again; each remainder gives
 * nine digits, the last ones first. The time is quadratic, so the recorder bounds the size of ints.
 */
static void put_big_int(struct bytes_out *out, const struct value *value)
{
    size_t limbs = value->size / 4 + 1;
    uint32_t *number = rl_zalloc(limbs, sizeof *number);
    size_t room = limbs * 10 + 10;
    char *text = rl_alloc(room, 1);
    size_t at = room;
    if (number == NULL || text == NULL) {
        out->failed = 1;
        rl_free(number);
        rl_free(text);
        return;
    }
    for (size_t i = 0; i < value->size; i++) {
        number[i / 4] |= (uint32_t)value->bytes[i] << (i % 4 * 8);
    }
    while (limbs != 0 && number[limbs - 1] == 0) {
        limbs--;
    }
    while (limbs != 0) {
        uint64_t rest = 0;
        for (size_t i = limbs; i-- > 0;) {
            rest = rest << 32 | number[i];
            number[i] = (uint32_t)(rest / 1000000000u);
            rest %= 1000000000u;
        }
        while (limbs != 0 && number[limbs - 1] == 0) {
            limbs--;
        }
        for (int i = 0; i < 9 && (limbs != 0 || rest != 0); i++, rest /= 10) {
            text[--at] = (char)('0' + rest % 10);
        }
    }
    if (value->flags) {
        put_str(out, "-");
    }
    bytes_put(out, at < room ? &text[at] : "0", at < room ? room - at : 1);
    rl_free(number);
    rl_free(text);
}

/* ---- text ---- */

/* Appends a character as repr() escapes it. */
static void put_escaped(struct bytes_out *out, uint32_t c)
{
    char text[UTF8_ESCAPE_MAX];
    bytes_put(out, text, utf8_put_escape(text, c));
}

/* Returns the quote that repr() chooses for a text. */
static char quote_for(const uint8_t *text, size_t len)
{
    return memchr(text, '\'', len) != NULL && memchr(text, '"', len) == NULL ? '"' : '\'';
}

/* Writes a str as repr() does. Whether a character from 128 on is printable depends on the tables
 * of CPython. So the recorder has noted the indexes of those that are not, in `odd`. */
static void put_string_repr(struct bytes_out *out, const struct value *value)
{
    char quote = quote_for(value->bytes, value->size);
    struct bytes_in odd = {value->odd, value->odd, 0};
    uint32_t odd_left = value->odd_count;
    odd.end = value->odd != NULL ? value->odd + (size_t)odd_left * VARINT_MAX : NULL;
    uint64_t next_odd = odd_left != 0 ? bytes_varint(&odd) : UINT64_MAX;
    const uint8_t *p = value->bytes;
    size_t left = value->size;
    bytes_put(out, &quote, 1);
    for (uint64_t index = 0; left != 0; index++) {
        uint32_t c = 0xfffd;
        size_t n = utf8_get(p, left, &c);
        n = n != 0 ? n : 1;
        int is_odd = index == next_odd;
        if (is_odd) {
            next_odd = --odd_left != 0 ? bytes_varint(&odd) : UINT64_MAX;
        }
        if (c == '\\' || c == (uint32_t)quote) {
            put_str(out, "\\");
            bytes_put(out, p, 1);
        } else if (c < 0x20 || c == 0x7f || is_odd || (c >= 0xd800 && c < 0xe000)) {
            put_escaped(out, c);
        } else {
            bytes_put(out, p, n);
        }
        p += n;
        left -= n;
    }
    bytes_put(out, &quote, 1);
}

/* Writes bytes as repr() does. */
static void put_bytes_repr(struct bytes_out *out, const struct value *value)
{
    char quote = quote_for(value->bytes, value->size);
    put_str(out, "b");
    bytes_put(out, &quote, 1);
    for (size_t i = 0; i < value->size; i++) {
        uint8_t c = value->bytes[i];
        if (c == '\\' || c == (uint8_t)quote) {
            put_str(out, "\\");
        }
        if (c < 0x20 || c >= 0x7f) {
            put_escaped(out, c);
        } else {
            bytes_put(out, &c, 1);
        }
    }
    bytes_put(out, &quote, 1);
}

/* ---- values inside values ---- */

/* Returns the last part of a type's name, with which the repr() of most types begins:
 * pkg.mod.Outer.Inner -> Inner. */
static struct text short_type_name(struct text name)
{
    for (size_t i = name.len; i-- > 0;) {
        if (name.data[i] == '.') {
            return (struct text){name.data + i + 1, name.len - i - 1};
        }
    }
    return name;
}

/* Writes the name of a type, full or short. */
static void put_type(struct bytes_out *out, const struct strings *strings, uint32_t type,
                     int is_full)
{
    struct text name = strings_get(strings, type);
    name = is_full ? name : short_type_name(name);
    bytes_put(out, name.data, name.len);
}

/* The state of one call of value_text(). `depth` counts the values around the current one. */
struct writer {
    struct bytes_out *out;
    const struct strings *strings;
    struct bytes_in *in;
    unsigned depth;
};

static rl_status put_value_repr(struct writer *w);

/* Writes a value inside another. Input that ends here is damaged. */
static rl_status put_inner_repr(struct writer *w)
{
    if (++w->depth > RL_VALUE_DEPTH_MAX) {
        return RL_DAMAGED;
    }
    rl_status status = put_value_repr(w);
    w->depth--;
    return status == RL_END ? RL_DAMAGED : status;
}

/* Writes the items of a container, and "..." for those that were not captured.
 *
 *    LIST, TUPLE, SET     value, value, ...
 *    DICT                 key: value, ...
 *    OBJECT               name=value, ... */
static rl_status put_items(struct writer *w, const struct value *value)
{
    rl_status status = RL_OK;
    for (uint64_t i = 0; i < value->shown && status == RL_OK; i++) {
        if (i != 0) {
            put_str(w->out, ", ");
        }
        if (value->tag == RL_VALUE_OBJECT) {
            struct text name = strings_get(w->strings, (uint32_t)bytes_varint(w->in));
            bytes_put(w->out, name.data, name.len);
            put_str(w->out, "=");
        }
        status = put_inner_repr(w);
        if (status == RL_OK && value->tag == RL_VALUE_DICT) {
            put_str(w->out, ": ");
            status = put_inner_repr(w);
        }
    }
    if (value->shown < value->len) {
        put_str(w->out, value->shown != 0 ? ", ..." : "...");
    }
    return status;
}

/* Writes a list, tuple, set, frozenset, dict or instance. */
static rl_status put_container(struct writer *w, const struct value *value)
{
    int is_empty = value->len == 0;
    const char *open = "[", *close = "]";
    switch (value->tag) {
    case RL_VALUE_TUPLE:
        open = "(";
        close = value->len == 1 && value->shown == 1 ? ",)" : ")";
        break;
    case RL_VALUE_SET:
        open = is_empty ? "set(" : "{";
        close = is_empty ? ")" : "}";
        break;
    case RL_VALUE_FROZENSET:
        open = is_empty ? "frozenset(" : "frozenset({";
        close = is_empty ? ")" : "})";
        break;
    case RL_VALUE_DICT:
        open = "{";
        close = "}";
        break;
    case RL_VALUE_OBJECT:
        put_type(w->out, w->strings, value->type, 0);
        open = "(";
        close = ")";
        break;
    default:
        break;
    }
    put_str(w->out, open);
    rl_status status = put_items(w, value);
    put_str(w->out, close);
    return status;
}

/* Writes a range or a slice. */
static rl_status put_triple_repr(struct writer *w, const struct value *value)
{
    struct value third;
    struct bytes_in ahead = *w->in;
    put_str(w->out, value->tag == RL_VALUE_RANGE ? "range(" : "slice(");
    rl_status status = put_inner_repr(w);
    put_str(w->out, ", ");
    status = status == RL_OK ? put_inner_repr(w) : status;
    ahead = *w->in;
    if (status == RL_OK && value->tag == RL_VALUE_RANGE && value_next(&ahead, &third) == RL_OK &&
        third.tag == RL_VALUE_INT && third.number == 1) {
        *w->in = ahead; /* repr() leaves out a step of 1 */
    } else if (status == RL_OK) {
        put_str(w->out, ", ");
        status = put_inner_repr(w);
    }
    put_str(w->out, ")");
    return status;
}

/* Writes an exception and its message. Its cause and context are skipped. */
static rl_status put_exception_repr(struct writer *w, const struct value *value)
{
    put_type(w->out, w->strings, value->type, 0);
    put_str(w->out, "(");
    rl_status status = put_inner_repr(w);
    put_str(w->out, ")");
    for (int i = 0; i < 2 && status == RL_OK; i++) {
        status = value_skip(w->in) == RL_OK ? RL_OK : RL_DAMAGED;
    }
    return status;
}

/* Writes what is shown for a value that was not captured whole. */
static rl_status put_placeholder(struct writer *w, const struct value *value)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)value->len);
    switch (value->tag) {
    case RL_VALUE_UNSET:
        put_str(w->out, "<not set>");
        break;
    case RL_VALUE_BIG_INT_CUT:
        put_str(w->out, value->flags ? "<negative int of " : "<int of ");
        put_str(w->out, number);
        put_str(w->out, " bits>");
        break;
    case RL_VALUE_OPAQUE:
        put_str(w->out, "<");
        put_type(w->out, w->strings, value->type, 1);
        put_str(w->out, " object>");
        break;
    case RL_VALUE_DEEP:
        put_str(w->out, "<");
        put_type(w->out, w->strings, value->type, 1);
        if (value->len != 0) {
            put_str(w->out, " of ");
            put_str(w->out, number);
        }
        put_str(w->out, ">");
        break;
    case RL_VALUE_CYCLE:
        put_str(w->out, "<cycle>");
        break;
    case RL_VALUE_REDACTED:
        put_str(w->out, rl_sentinel_text(RL_SENTINEL_REDACTED));
        break;
    case RL_VALUE_DROPPED:
        put_str(w->out, rl_sentinel_text(RL_SENTINEL_DROPPED));
        break;
    default:
        put_str(w->out, "<cut>");
        break;
    }
    return RL_OK;
}

/* Writes the next value. Returns RL_END at the end of the input, which is an error for all but the
 * outermost value. */
static rl_status put_value_repr(struct writer *w)
{
    struct value value;
    char number[32];
    rl_status status = value_next(w->in, &value);
    if (status != RL_OK) {
        return status;
    }
    switch (value.tag) {
    case RL_VALUE_NONE:
        put_str(w->out, "None");
        return RL_OK;
    case RL_VALUE_FALSE:
    case RL_VALUE_TRUE:
        put_str(w->out, value.tag == RL_VALUE_TRUE ? "True" : "False");
        return RL_OK;
    case RL_VALUE_ELLIPSIS:
        put_str(w->out, "Ellipsis");
        return RL_OK;
    case RL_VALUE_NOT_IMPLEMENTED:
        put_str(w->out, "NotImplemented");
        return RL_OK;
    case RL_VALUE_INT:
        (void)snprintf(number, sizeof number, "%lld", (long long)value.number);
        put_str(w->out, number);
        return RL_OK;
    case RL_VALUE_BIG_INT:
        put_big_int(w->out, &value);
        return RL_OK;
    case RL_VALUE_FLOAT:
        put_float(w->out, value_float(value.bytes), 1);
        return RL_OK;
    case RL_VALUE_COMPLEX:
        put_complex(w->out, value.bytes);
        return RL_OK;
    case RL_VALUE_STR:
    case RL_VALUE_STR_CUT:
    case RL_VALUE_STR_ODD:
        put_string_repr(w->out, &value);
        put_str(w->out, value_is_cut(&value) ? "..." : "");
        return RL_OK;
    case RL_VALUE_BYTES:
    case RL_VALUE_BYTES_CUT:
        put_bytes_repr(w->out, &value);
        put_str(w->out, value_is_cut(&value) ? "..." : "");
        return RL_OK;
    case RL_VALUE_LIST:
    case RL_VALUE_TUPLE:
    case RL_VALUE_SET:
    case RL_VALUE_FROZENSET:
    case RL_VALUE_DICT:
    case RL_VALUE_OBJECT:
        return put_container(w, &value);
    case RL_VALUE_RANGE:
    case RL_VALUE_SLICE:
        return put_triple_repr(w, &value);
    case RL_VALUE_TEXT:
        bytes_put(w->out, value.bytes, value.size);
        put_str(w->out, value.flags & RL_TEXT_IS_CUT ? "..." : "");
        return RL_OK;
    case RL_VALUE_LABEL:
        put_type(w->out, w->strings, value.label, 1);
        return RL_OK;
    case RL_VALUE_WRAPPED:
        put_type(w->out, w->strings, value.type, 0);
        put_str(w->out, "(");
        status = put_inner_repr(w);
        put_str(w->out, ")");
        return status;
    case RL_VALUE_EXCEPTION:
        return put_exception_repr(w, &value);
    default:
        return put_placeholder(w, &value);
    }
}

rl_status value_text(struct bytes_out *out, const struct strings *strings, struct bytes_in *in)
{
    struct writer w = {out, strings, in, 0};
    return put_value_repr(&w);
}
