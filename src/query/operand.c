/* Why: an expression is evaluated for each call of a function. Walking the recorded bytes costs
 * some ns; building objects would cost more than reading the event.
 *
 * Invariants: bytes are untrusted. value_next() bounds every count, `steps` bounds the work, and
 * the depth of nesting is bounded by RL_VALUE_DEPTH_MAX in value_skip(). */
#include "operand.h"

#include <math.h>
#include <string.h>

#include "utf8.h"
#include "value.h"

enum { STEP_BYTES = 32 }; /* skipping so many bytes costs as much as a step */

const char *operand_reason_text(unsigned reason)
{
#define OPERAND_REASON_TEXT(name, text) text,
    static const char *const texts[] = {OPERAND_REASONS(OPERAND_REASON_TEXT)};
#undef OPERAND_REASON_TEXT
    return texts[reason < OPERAND_REASON_COUNT ? reason : 0];
}

struct operand operand_big_integer(const uint8_t *magnitude, size_t size, int is_negative)
{
    while (size != 0 && magnitude[size - 1] == 0) {
        size--;
    }
    uint64_t low = 0;
    for (size_t i = 0; i < size && i < 8; i++) {
        low |= (uint64_t)magnitude[i] << (8 * i);
    }
    if (size <= 8 && low <= (uint64_t)INT64_MAX + (is_negative != 0)) {
        return operand_integer(is_negative ? (int64_t)-low : (int64_t)low);
    }
    return (struct operand){
        .kind = OPERAND_BIG_INT, .is_negative = is_negative != 0, .bytes = magnitude, .size = size};
}

/* ---- recorded values ---- */

/* Returns the kind of a value that is too deep to be walked. Of a built-in container, which the
 * name of the type says, the length is known. */
static enum operand_kind kind_of_deep(struct text type)
{
    static const struct {
        const char *name;
        enum operand_kind kind;
    } kinds[] = {{"list", OPERAND_LIST},
                 {"tuple", OPERAND_TUPLE},
                 {"dict", OPERAND_DICT},
                 {"set", OPERAND_SET},
                 {"frozenset", OPERAND_SET}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (type.len == strlen(kinds[i].name) && memcmp(type.data, kinds[i].name, type.len) == 0) {
            return kinds[i].kind;
        }
    }
    return OPERAND_OBJECT;
}

/* Fills the fields that the tag alone decides. */
static void take_kind(struct operand *one, const struct value *value,
                      const struct operand_scope *scope)
{
    static const uint8_t kinds[] = {
        [RL_VALUE_NONE] = OPERAND_NONE,       [RL_VALUE_FALSE] = OPERAND_BOOL,
        [RL_VALUE_TRUE] = OPERAND_BOOL,       [RL_VALUE_INT] = OPERAND_INT,
        [RL_VALUE_FLOAT] = OPERAND_FLOAT,     [RL_VALUE_COMPLEX] = OPERAND_COMPLEX,
        [RL_VALUE_STR] = OPERAND_STR,         [RL_VALUE_STR_CUT] = OPERAND_STR,
        [RL_VALUE_STR_ODD] = OPERAND_STR,     [RL_VALUE_BYTES] = OPERAND_BYTES,
        [RL_VALUE_BYTES_CUT] = OPERAND_BYTES, [RL_VALUE_LIST] = OPERAND_LIST,
        [RL_VALUE_TUPLE] = OPERAND_TUPLE,     [RL_VALUE_SET] = OPERAND_SET,
        [RL_VALUE_FROZENSET] = OPERAND_SET,   [RL_VALUE_DICT] = OPERAND_DICT,
    };
    one->kind = value->tag < sizeof kinds ? kinds[value->tag] : 0;
    one->kind = one->kind != 0 ? one->kind : OPERAND_OBJECT;
    switch (value->tag) {
    case RL_VALUE_TRUE:
    case RL_VALUE_FALSE:
        one->integer = value->tag == RL_VALUE_TRUE;
        break;
    case RL_VALUE_FLOAT:
        one->number = value_float(value->bytes);
        break;
    case RL_VALUE_COMPLEX:
        one->number = value_float(value->bytes);
        one->imaginary = value_float(value->bytes + 8);
        break;
    case RL_VALUE_DEEP:
        one->kind = (uint8_t)kind_of_deep(strings_get(scope->strings, value->type));
        break;
    case RL_VALUE_BIG_INT:
        *one = operand_big_integer(value->bytes, value->size, (int)value->flags);
        break;
    case RL_VALUE_BIG_INT_CUT:
        *one = operand_unknown(OPERAND_CUT);
        one->truth = TRUTH_YES;
        break;
    case RL_VALUE_CUT:
        *one = operand_unknown(OPERAND_CUT);
        break;
    case RL_VALUE_REDACTED:
        *one = operand_unknown(OPERAND_REDACTED);
        break;
    case RL_VALUE_DROPPED:
        *one = operand_unknown(OPERAND_DROPPED);
        break;
    case RL_VALUE_UNSET:
    case RL_VALUE_CYCLE:
        *one = operand_unknown(OPERAND_NOT_RECORDED);
        break;
    default:
        break;
    }
}

/* Skips the values inside one whose node has been read. */
static int skip_inside(struct bytes_in *in, const struct value *value)
{
    for (uint64_t n = value_children(value); n > 0; n--) {
        if (value->tag == RL_VALUE_OBJECT) {
            (void)bytes_varint(in);
        }
        if (value_skip(in) != RL_OK) {
            return -1;
        }
    }
    return in->bad ? -1 : 0;
}

struct operand operand_take(struct bytes_in *in, struct operand_scope *scope)
{
    struct operand one = {.integer = 0};
    struct value value;
    const uint8_t *begin = in->at;
    if (scope->steps == 0 || value_next(in, &value) != RL_OK) {
        in->at = in->end;
        return operand_unknown(scope->steps == 0 ? OPERAND_NOT_COMPUTED : OPERAND_NOT_RECORDED);
    }
    one.integer = value.number;
    one.bytes = value.bytes;
    one.size = value.size;
    one.len = value.len;
    one.shown = value.shown;
    one.is_cut = value_is_cut(&value) != 0;
    take_kind(&one, &value, scope);
    one.inside = *in;
    if (value.tag == RL_VALUE_WRAPPED) {
        one = operand_take(in, scope);
        one.is_subclass = 1;
    } else if (skip_inside(in, &value) != 0) {
        in->at = in->end;
        return operand_unknown(OPERAND_NOT_RECORDED);
    }
    one.tag = (uint8_t)value.tag;
    one.type = value.type;
    one.begin = begin;
    one.end = in->at;
    size_t cost = 1 + (size_t)(one.end - one.begin) / STEP_BYTES;
    scope->steps -= cost < scope->steps ? (uint32_t)cost : scope->steps;
    return one;
}

struct operand_items operand_items(const struct operand *container)
{
    int is_object = container->kind == OPERAND_OBJECT;
    uint64_t count = container->kind == OPERAND_DICT ? 2 * container->shown : container->shown;
    return (struct operand_items){.in = container->inside,
                                  .made = container->items,
                                  .left =
                                      is_object && container->tag != RL_VALUE_OBJECT ? 0 : count,
                                  .is_object = is_object};
}

int operand_next(struct operand_items *items, struct operand_scope *scope, struct operand *out)
{
    if (items->left == 0) {
        return 0;
    }
    items->left--;
    if (items->made != NULL) {
        *out = *items->made++;
        return 1;
    }
    if (items->is_object) {
        items->field = (uint32_t)bytes_varint(&items->in);
    }
    *out = operand_take(&items->in, scope);
    return 1;
}

/* ---- facts ---- */

enum truth operand_truth(const struct operand *one)
{
    switch (one->kind) {
    case OPERAND_UNKNOWN:
        return (enum truth)one->truth;
    case OPERAND_NONE:
        return TRUTH_NO;
    case OPERAND_BOOL:
    case OPERAND_INT:
        return one->integer != 0 ? TRUTH_YES : TRUTH_NO;
    case OPERAND_FLOAT:
    case OPERAND_COMPLEX:
        return one->number != 0 || one->imaginary != 0 ? TRUTH_YES : TRUTH_NO;
    case OPERAND_BIG_INT:
    case OPERAND_NAME:
        return TRUTH_YES;
    case OPERAND_STR:
    case OPERAND_BYTES:
    case OPERAND_LIST:
    case OPERAND_TUPLE:
    case OPERAND_SET:
    case OPERAND_DICT:
        return one->len != 0 ? TRUTH_YES : TRUTH_NO;
    default:
        return TRUTH_MAYBE;
    }
}

struct operand operand_len(const struct operand *one)
{
    if (one->kind == OPERAND_UNKNOWN || one->kind == OPERAND_RAISES) {
        struct operand same = *one;
        same.truth = TRUTH_MAYBE;
        return same;
    }
    if (one->kind == OPERAND_STR || one->kind == OPERAND_BYTES || operand_is_container(one)) {
        return operand_integer((int64_t)(one->len & INT64_MAX));
    }
    if (one->kind == OPERAND_NONE || operand_is_number(one)) {
        return operand_raises(OPERAND_TYPE_ERROR);
    }
    return operand_unknown(OPERAND_NOT_COMPUTED);
}

struct operand operand_type(const struct operand *one, const struct strings *strings)
{
    static const char *const names[] = {
        [OPERAND_NONE] = "NoneType", [OPERAND_BOOL] = "bool",   [OPERAND_INT] = "int",
        [OPERAND_BIG_INT] = "int",   [OPERAND_FLOAT] = "float", [OPERAND_COMPLEX] = "complex",
        [OPERAND_STR] = "str",       [OPERAND_BYTES] = "bytes", [OPERAND_NAME] = "str",
        [OPERAND_LIST] = "list",     [OPERAND_TUPLE] = "tuple", [OPERAND_SET] = "set",
        [OPERAND_DICT] = "dict",     [OPERAND_OBJECT] = NULL,
    };
    const char *name = names[one->kind];
    if (one->type != 0) {
        return strings_has(strings, one->type) ? operand_name(strings_get(strings, one->type))
                                               : operand_unknown(OPERAND_NOT_RECORDED);
    }
    switch (one->tag) {
    case RL_VALUE_BIG_INT_CUT:
        name = "int";
        break;
    case RL_VALUE_FROZENSET:
        name = "frozenset";
        break;
    case RL_VALUE_RANGE:
        name = "range";
        break;
    case RL_VALUE_SLICE:
        name = "slice";
        break;
    case RL_VALUE_ELLIPSIS:
        name = "ellipsis";
        break;
    case RL_VALUE_NOT_IMPLEMENTED:
        name = "NotImplementedType";
        break;
    default:
        break;
    }
    if (name == NULL) {
        struct operand same = *one;
        same.truth = TRUTH_MAYBE;
        return one->kind == OPERAND_OBJECT ? operand_unknown(OPERAND_NOT_RECORDED) : same;
    }
    return operand_name((struct text){name, strlen(name)});
}

/* ---- the recorded form ---- */

static int has_identity(unsigned tag)
{
    return (tag >= RL_VALUE_LIST && tag <= RL_VALUE_DICT) ||
           (tag >= RL_VALUE_OBJECT && tag <= RL_VALUE_DEEP) || tag == RL_VALUE_EXCEPTION ||
           tag == RL_VALUE_LABEL;
}

/* Copies a recorded value, and clears each identity in the copy. */
static void put_recorded(struct bytes_out *out, const struct operand *one)
{
    size_t size = (size_t)(one->end - one->begin);
    bytes_put(out, one->begin, size);
    if (out->failed) {
        return;
    }
    uint8_t *copy = out->data + out->len - size;
    struct bytes_in in = bytes_in_of(copy, size);
    struct value value;
    uint64_t fields[RL_VALUE_DEPTH_MAX + 2] = {0}; /* of each open object, those that are left */
    uint64_t left[RL_VALUE_DEPTH_MAX + 2] = {1};
    for (size_t depth = 1; depth != 0;) {
        if (left[depth - 1] == 0) {
            depth--;
            continue;
        }
        left[depth - 1]--;
        if (fields[depth - 1] != 0) {
            (void)bytes_varint(&in);
        }
        uint8_t *at = copy + (in.at - copy);
        if (value_next(&in, &value) != RL_OK || depth > RL_VALUE_DEPTH_MAX) {
            return;
        }
        if (has_identity(value.tag)) {
            memset(at + 1, 0, RL_IDENTITY_BYTES);
        }
        left[depth] = value_children(&value);
        fields[depth] = value.tag == RL_VALUE_OBJECT;
        depth++;
    }
}

/* Appends an identity of zeros, and the length of a container whose items follow. */
static void put_container_head(struct bytes_out *out, unsigned tag, uint64_t len)
{
    uint8_t head[1 + RL_IDENTITY_BYTES] = {(uint8_t)tag};
    bytes_put(out, head, sizeof head);
    bytes_put_varint(out, len);
    bytes_put_varint(out, len);
}

static void put_tagged_bytes(struct bytes_out *out, unsigned tag, const struct operand *one)
{
    uint8_t head = (uint8_t)tag;
    bytes_put(out, &head, 1);
    if (tag == RL_VALUE_BIG_INT) {
        bytes_put_varint(out, one->is_negative);
    }
    bytes_put_varint(out, one->size);
    bytes_put(out, one->bytes, one->size);
}

static void put_integer(struct bytes_out *out, int64_t number)
{
    uint8_t head =
        number >= RL_VALUE_SMALL - RL_VALUE_SMALL_ZERO && number <= 255 - RL_VALUE_SMALL_ZERO
            ? (uint8_t)(number + RL_VALUE_SMALL_ZERO)
            : RL_VALUE_INT;
    bytes_put(out, &head, 1);
    if (head == RL_VALUE_INT) {
        bytes_put_varint(out, zigzag(number));
    }
}

int operand_put(struct bytes_out *out, const struct operand *one)
{
    uint8_t tag = RL_VALUE_NONE;
    if (one->kind == OPERAND_UNKNOWN || one->kind == OPERAND_RAISES) {
        return 0;
    }
    if (one->begin != NULL) {
        put_recorded(out, one);
        return 1;
    }
    switch (one->kind) {
    case OPERAND_BOOL:
        tag = one->integer ? RL_VALUE_TRUE : RL_VALUE_FALSE;
        bytes_put(out, &tag, 1);
        break;
    case OPERAND_INT:
        put_integer(out, one->integer);
        break;
    case OPERAND_FLOAT: {
        uint8_t bytes[9] = {RL_VALUE_FLOAT};
        uint64_t bits;
        memcpy(&bits, &one->number, sizeof bits);
        put64(bytes + 1, bits);
        bytes_put(out, bytes, sizeof bytes);
        break;
    }
    case OPERAND_BIG_INT:
        put_tagged_bytes(out, RL_VALUE_BIG_INT, one);
        break;
    case OPERAND_STR:
    case OPERAND_NAME:
        put_tagged_bytes(out, RL_VALUE_STR, one);
        break;
    case OPERAND_BYTES:
        put_tagged_bytes(out, RL_VALUE_BYTES, one);
        break;
    case OPERAND_LIST:
    case OPERAND_TUPLE:
        put_container_head(out, one->kind == OPERAND_LIST ? RL_VALUE_LIST : RL_VALUE_TUPLE,
                           one->len);
        for (uint64_t i = 0; i < one->len; i++) {
            if (!operand_put(out, &one->items[i])) {
                tag = RL_VALUE_CUT;
                bytes_put(out, &tag, 1);
            }
        }
        break;
    default:
        bytes_put(out, &tag, 1);
        break;
    }
    return 1;
}
