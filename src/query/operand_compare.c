/* Part of operand.h: comparison, `in`, items and attributes.
 *
 *    known and unequal   one difference that is known decides, whatever else is not known
 *    known and equal     only where all of both is known
 *    UNKNOWN             a part is cut, redacted or dropped, or an object compares by itself
 *
 * Invariant: recursion goes into values, which nest at most RL_VALUE_DEPTH_MAX deep, or into
 * tuples of the expression, which where.h bounds. */
#define _GNU_SOURCE /* memmem() */
#include "operand.h"

#include <math.h>
#include <string.h>

#include "utf8.h"
#include "value.h"

static struct operand truth_operand(enum truth truth, enum operand_reason reason)
{
    return truth == TRUTH_MAYBE ? operand_unknown(reason) : operand_bool(truth == TRUTH_YES);
}

/* ---- equality ---- */

/* What is known of equality, with the reason where nothing is. */
struct equality {
    enum truth truth;
    enum operand_reason reason;
};

static struct equality equality_of(int is_equal)
{
    return (struct equality){is_equal ? TRUTH_YES : TRUTH_NO, OPERAND_NOT_COMPUTED};
}

static struct equality no_equality(enum operand_reason reason)
{
    return (struct equality){TRUTH_MAYBE, reason};
}

static struct equality equal(const struct operand *left, const struct operand *right,
                             struct operand_scope *scope, int is_item);

/* Returns whether a name ends with `text`, after a dot or colon or as a whole. */
static int name_ends_with(const struct operand *name, const uint8_t *text, size_t size)
{
    if (size > name->size || size == 0 ||
        memcmp(name->bytes + name->size - size, text, size) != 0) {
        return 0;
    }
    const uint8_t *before = name->bytes + name->size - size;
    return before == name->bytes || before[-1] == '.' || before[-1] == ':';
}

static struct equality equal_numbers(const struct operand *left, const struct operand *right,
                                     int is_item)
{
    int is_nan = isnan(left->number) || isnan(right->number);
    if (is_item && is_nan && left->kind == right->kind) {
        return no_equality(OPERAND_NOT_COMPUTED); /* the same object is equal to itself there */
    }
    if (left->kind == OPERAND_COMPLEX || right->kind == OPERAND_COMPLEX) {
        struct operand reals[2] = {*left, *right};
        for (int i = 0; i < 2; i++) {
            reals[i].kind = reals[i].kind == OPERAND_COMPLEX ? OPERAND_FLOAT : reals[i].kind;
        }
        return equality_of(left->imaginary == right->imaginary &&
                           operand_order_numbers(&reals[0], &reals[1]) == 0);
    }
    return equality_of(operand_order_numbers(left, right) == 0);
}

/* Compares item by item; one that differs decides. */
static struct equality equal_sequences(const struct operand *left, const struct operand *right,
                                       struct operand_scope *scope)
{
    struct operand_items a = operand_items(left), b = operand_items(right);
    struct equality result = equality_of(1);
    struct operand x, y;
    if (left->len != right->len) {
        return equality_of(0);
    }
    while (operand_next(&a, scope, &x) && operand_next(&b, scope, &y)) {
        struct equality one = equal(&x, &y, scope, 1);
        if (one.truth == TRUTH_NO) {
            return one;
        }
        result = result.truth == TRUTH_YES ? one : result;
    }
    return result;
}

/* Looks for an item, or for a key of a dict, whose value then goes to *value. */
static struct equality find_item(const struct operand *container, const struct operand *item,
                                 struct operand_scope *scope, struct operand *value)
{
    struct operand_items items = operand_items(container);
    struct equality result = equality_of(0);
    struct operand one, its = {0};
    while (operand_next(&items, scope, &one)) {
        if (container->kind == OPERAND_DICT && !operand_next(&items, scope, &its)) {
            break;
        }
        struct equality found = equal(&one, item, scope, 1);
        if (found.truth == TRUTH_YES) {
            *value = its;
            return found;
        }
        result = found.truth == TRUTH_MAYBE ? found : result;
    }
    if (result.truth == TRUTH_NO && container->is_cut) {
        return no_equality(OPERAND_CUT);
    }
    return result;
}

/* Compares sets, or dicts: each item of one must be in the other. */
static struct equality equal_unordered(const struct operand *left, const struct operand *right,
                                       struct operand_scope *scope)
{
    struct operand_items items = operand_items(left);
    struct equality result = equality_of(1);
    struct operand one, mine = {0}, other = {0};
    if (left->len != right->len) {
        return equality_of(0);
    }
    while (operand_next(&items, scope, &one)) {
        if (left->kind == OPERAND_DICT && !operand_next(&items, scope, &mine)) {
            break;
        }
        struct equality found = find_item(right, &one, scope, &other);
        if (found.truth == TRUTH_YES && left->kind == OPERAND_DICT) {
            found = equal(&mine, &other, scope, 1);
        }
        if (found.truth == TRUTH_NO) {
            return found;
        }
        result = result.truth == TRUTH_YES ? found : result;
    }
    return result;
}

/* Returns whether two kinds of values are never equal. */
static int are_unlike(const struct operand *left, const struct operand *right)
{
    int are_numbers = operand_is_number(left) && operand_is_number(right);
    return left->kind != right->kind && !are_numbers;
}

static struct equality equal_alike(const struct operand *left, const struct operand *right,
                                   struct operand_scope *scope, int is_item)
{
    if (operand_is_number(left)) {
        return equal_numbers(left, right, is_item);
    }
    switch (left->kind) {
    case OPERAND_NONE:
        return equality_of(1);
    case OPERAND_LIST:
    case OPERAND_TUPLE:
        return equal_sequences(left, right, scope);
    case OPERAND_SET:
    case OPERAND_DICT:
        return equal_unordered(left, right, scope);
    default:
        return equality_of(left->size == right->size &&
                           (left->size == 0 || memcmp(left->bytes, right->bytes, left->size) == 0));
    }
}

/* `is_item`: inside a container, where Python takes an object as equal to itself. */
static struct equality equal(const struct operand *left, const struct operand *right,
                             struct operand_scope *scope, int is_item)
{
    const struct operand *both[] = {left, right};
    for (int i = 0; i < 2; i++) {
        const struct operand *one = both[i], *other = both[!i];
        if (one->kind == OPERAND_UNKNOWN || one->kind == OPERAND_RAISES) {
            return no_equality((enum operand_reason)one->reason);
        }
        if (one->kind == OPERAND_OBJECT || (one->is_subclass && operand_is_container(one))) {
            return no_equality(OPERAND_NOT_COMPUTED);
        }
        if (one->is_cut) {
            return no_equality(OPERAND_CUT);
        }
        if (one->kind == OPERAND_NAME && other->kind == OPERAND_STR && !other->is_cut) {
            return equality_of(name_ends_with(one, other->bytes, other->size));
        }
    }
    if (scope->steps == 0) {
        return no_equality(OPERAND_NOT_COMPUTED);
    }
    scope->steps--;
    return are_unlike(left, right) ? equality_of(0) : equal_alike(left, right, scope, is_item);
}

/* Returns the operand that decides before a comparison begins: one that raises or is not known. */
static const struct operand *find_missing(const struct operand *left, const struct operand *right)
{
    const struct operand *both[] = {left, right};
    for (int i = 0; i < 2; i++) {
        if (both[i]->kind == OPERAND_RAISES) {
            return both[i];
        }
    }
    return left->kind == OPERAND_UNKNOWN ? left : right->kind == OPERAND_UNKNOWN ? right : NULL;
}

static struct operand give_missing(const struct operand *missing)
{
    struct operand same = *missing;
    same.truth = TRUTH_MAYBE;
    return same;
}

struct operand operand_equals(const struct operand *left, const struct operand *right,
                              struct operand_scope *scope)
{
    const struct operand *missing = find_missing(left, right);
    if (missing != NULL) {
        return give_missing(missing);
    }
    struct equality found = equal(left, right, scope, 0);
    return truth_operand(found.truth, found.reason);
}

/* ---- order ---- */

static struct operand order_result(enum operand_order how, int order)
{
    switch (how) {
    case OPERAND_LESS:
        return operand_bool(order < 0);
    case OPERAND_LESS_EQUAL:
        return operand_bool(order <= 0);
    case OPERAND_GREATER:
        return operand_bool(order > 0);
    default:
        return operand_bool(order >= 0);
    }
}

static int order_bytes(const struct operand *left, const struct operand *right)
{
    size_t least = left->size < right->size ? left->size : right->size;
    int order = least != 0 ? memcmp(left->bytes, right->bytes, least) : 0;
    return order != 0 ? order : left->size < right->size ? -1 : left->size > right->size;
}

/* The first items that differ decide, or the lengths. */
static struct operand order_sequences(enum operand_order how, const struct operand *left,
                                      const struct operand *right, struct operand_scope *scope)
{
    struct operand_items a = operand_items(left), b = operand_items(right);
    struct operand x, y;
    while (operand_next(&a, scope, &x) && operand_next(&b, scope, &y)) {
        struct equality one = equal(&x, &y, scope, 1);
        if (one.truth == TRUTH_MAYBE) {
            return operand_unknown(one.reason);
        }
        if (one.truth == TRUTH_NO) {
            return operand_orders(how, &x, &y, scope);
        }
    }
    return order_result(how, left->len < right->len ? -1 : left->len > right->len);
}

struct operand operand_orders(enum operand_order how, const struct operand *left,
                              const struct operand *right, struct operand_scope *scope)
{
    const struct operand *missing = find_missing(left, right);
    if (missing != NULL) {
        return give_missing(missing);
    }
    if (operand_is_number(left) && operand_is_number(right)) {
        if (left->kind == OPERAND_COMPLEX || right->kind == OPERAND_COMPLEX) {
            return operand_raises(OPERAND_TYPE_ERROR);
        }
        int order = operand_order_numbers(left, right);
        return order == 2 ? operand_bool(0) : order_result(how, order);
    }
    int is_subclass = left->is_subclass || right->is_subclass;
    if (left->kind == OPERAND_OBJECT || right->kind == OPERAND_OBJECT ||
        left->kind == OPERAND_NAME || right->kind == OPERAND_NAME ||
        (is_subclass && (operand_is_container(left) || left->kind != right->kind))) {
        return operand_unknown(OPERAND_NOT_COMPUTED);
    }
    if (left->kind != right->kind || left->kind == OPERAND_NONE || left->kind == OPERAND_DICT) {
        return operand_raises(OPERAND_TYPE_ERROR);
    }
    if (left->is_cut || right->is_cut) {
        return operand_unknown(OPERAND_CUT);
    }
    if (left->kind == OPERAND_SET || scope->steps == 0) {
        return operand_unknown(OPERAND_NOT_COMPUTED);
    }
    scope->steps--;
    return left->kind == OPERAND_STR || left->kind == OPERAND_BYTES
               ? order_result(how, order_bytes(left, right))
               : order_sequences(how, left, right, scope);
}

/* ---- items ---- */

/* Returns whether Python can hash an operand; MAYBE for what has its own way. */
static enum truth is_hashable(const struct operand *one, struct operand_scope *scope)
{
    if (one->kind == OPERAND_LIST || one->kind == OPERAND_DICT ||
        (one->kind == OPERAND_SET && one->tag != RL_VALUE_FROZENSET)) {
        return one->is_subclass ? TRUTH_MAYBE : TRUTH_NO;
    }
    enum truth result = one->kind == OPERAND_OBJECT || one->kind == OPERAND_UNKNOWN ||
                                one->kind == OPERAND_RAISES || one->is_cut
                            ? TRUTH_MAYBE
                            : TRUTH_YES;
    if (one->kind == OPERAND_TUPLE) {
        struct operand_items items = operand_items(one);
        struct operand item;
        while (operand_next(&items, scope, &item)) {
            enum truth its = is_hashable(&item, scope);
            if (its == TRUTH_NO) {
                return TRUTH_NO;
            }
            result = its == TRUTH_YES ? result : its;
        }
    }
    return result;
}

static struct operand find_bytes(const struct operand *container, const struct operand *item)
{
    if (container->is_cut || item->is_cut) {
        return operand_unknown(OPERAND_CUT);
    }
    return operand_bool(item->size == 0 ||
                        (container->size != 0 && memmem(container->bytes, container->size,
                                                        item->bytes, item->size) != NULL));
}

static struct operand find_in_bytes(const struct operand *container, const struct operand *item)
{
    if (item->kind == OPERAND_BYTES) {
        return find_bytes(container, item);
    }
    if (item->kind == OPERAND_BIG_INT ||
        ((item->kind == OPERAND_INT || item->kind == OPERAND_BOOL) &&
         (item->integer < 0 || item->integer > 255))) {
        return operand_raises(OPERAND_VALUE_ERROR);
    }
    if (item->kind != OPERAND_INT && item->kind != OPERAND_BOOL) {
        return operand_raises(OPERAND_TYPE_ERROR);
    }
    uint8_t byte = (uint8_t)item->integer;
    struct operand one = {.kind = OPERAND_BYTES, .bytes = &byte, .size = 1};
    return find_bytes(container, &one);
}

struct operand operand_contains(const struct operand *container, const struct operand *item,
                                struct operand_scope *scope)
{
    const struct operand *missing = find_missing(item, container);
    struct operand value;
    if (missing != NULL) {
        return give_missing(missing);
    }
    if (container->kind == OPERAND_NONE || operand_is_number(container)) {
        return operand_raises(OPERAND_TYPE_ERROR);
    }
    if (container->kind == OPERAND_STR || container->kind == OPERAND_NAME) {
        if (item->kind == OPERAND_OBJECT || item->kind == OPERAND_NAME) {
            return operand_unknown(OPERAND_NOT_COMPUTED);
        }
        return item->kind == OPERAND_STR ? find_bytes(container, item)
                                         : operand_raises(OPERAND_TYPE_ERROR);
    }
    if (container->kind == OPERAND_BYTES && item->kind != OPERAND_OBJECT) {
        return find_in_bytes(container, item);
    }
    if (!operand_is_container(container)) {
        return operand_unknown(OPERAND_NOT_COMPUTED);
    }
    if (container->kind == OPERAND_SET || container->kind == OPERAND_DICT) {
        /* A set looks for a set as for a frozenset. */
        int is_set = container->kind == OPERAND_SET && item->kind == OPERAND_SET;
        enum truth is_key = is_set ? TRUTH_YES : is_hashable(item, scope);
        if (is_key != TRUTH_YES) {
            return is_key == TRUTH_NO ? operand_raises(OPERAND_TYPE_ERROR)
                                      : operand_unknown(OPERAND_NOT_COMPUTED);
        }
    }
    struct equality found = find_item(container, item, scope, &value);
    return truth_operand(found.truth, found.reason);
}

/* Returns the character at an index; the text has more than so many. */
static struct operand take_character(const struct operand *text, uint64_t index)
{
    const uint8_t *at = text->bytes, *end = at + text->size;
    uint32_t point;
    size_t n = 0;
    for (uint64_t i = 0; at < end && (n = utf8_get(at, (size_t)(end - at), &point)) != 0; i++) {
        if (i == index) {
            return (struct operand){.kind = OPERAND_STR, .bytes = at, .size = n, .len = 1};
        }
        at += n;
    }
    return operand_unknown(OPERAND_CUT);
}

static struct operand take_item(const struct operand *container, uint64_t index,
                                struct operand_scope *scope)
{
    struct operand_items items = operand_items(container);
    struct operand item = operand_unknown(OPERAND_CUT);
    if (index >= container->shown && container->items == NULL) {
        return item;
    }
    for (uint64_t i = 0; i <= index; i++) {
        if (!operand_next(&items, scope, &item)) {
            return operand_unknown(OPERAND_CUT);
        }
    }
    return item;
}

static struct operand index_sequence(const struct operand *container, const struct operand *index,
                                     struct operand_scope *scope)
{
    if (index->kind == OPERAND_OBJECT) {
        return operand_unknown(OPERAND_NOT_COMPUTED);
    }
    if (index->kind == OPERAND_BIG_INT) {
        return operand_raises(OPERAND_INDEX_ERROR);
    }
    if (index->kind != OPERAND_INT && index->kind != OPERAND_BOOL) {
        return operand_raises(OPERAND_TYPE_ERROR);
    }
    int64_t len = (int64_t)(container->len & INT64_MAX), at = index->integer;
    if (at >= len || at < -len) {
        return operand_raises(OPERAND_INDEX_ERROR);
    }
    uint64_t place = (uint64_t)(at < 0 ? at + len : at);
    if (container->kind == OPERAND_STR) {
        return take_character(container, place);
    }
    if (container->kind == OPERAND_BYTES) {
        return place < container->size ? operand_integer(container->bytes[place])
                                       : operand_unknown(OPERAND_CUT);
    }
    return take_item(container, place, scope);
}

struct operand operand_item(const struct operand *container, const struct operand *index,
                            struct operand_scope *scope)
{
    const struct operand *missing = find_missing(container, index);
    struct operand value = {0};
    if (missing != NULL) {
        return give_missing(missing);
    }
    switch (container->kind) {
    case OPERAND_STR:
    case OPERAND_BYTES:
    case OPERAND_LIST:
    case OPERAND_TUPLE:
        return index_sequence(container, index, scope);
    case OPERAND_DICT:
        break;
    case OPERAND_OBJECT:
    case OPERAND_NAME:
        return operand_unknown(OPERAND_NOT_COMPUTED);
    default:
        return operand_raises(OPERAND_TYPE_ERROR);
    }
    enum truth is_key = is_hashable(index, scope);
    if (is_key != TRUTH_YES) {
        return is_key == TRUTH_NO ? operand_raises(OPERAND_TYPE_ERROR)
                                  : operand_unknown(OPERAND_NOT_COMPUTED);
    }
    struct equality found = find_item(container, index, scope, &value);
    if (found.truth == TRUTH_YES) {
        return value;
    }
    if (found.truth == TRUTH_MAYBE) {
        return operand_unknown(found.reason);
    }
    return container->is_subclass ? operand_unknown(OPERAND_NOT_COMPUTED) /* as a Counter has */
                                  : operand_raises(OPERAND_KEY_ERROR);
}

struct operand operand_attribute(const struct operand *one, const char *name, size_t len,
                                 struct operand_scope *scope)
{
    struct operand_items items = operand_items(one);
    struct operand value;
    if (one->kind == OPERAND_UNKNOWN || one->kind == OPERAND_RAISES) {
        return give_missing(one);
    }
    if (one->kind == OPERAND_NONE) {
        return operand_raises(OPERAND_ATTRIBUTE_ERROR);
    }
    while (one->kind == OPERAND_OBJECT && operand_next(&items, scope, &value)) {
        struct text field = strings_get(scope->strings, items.field);
        if (field.len == len && memcmp(field.data, name, len) == 0) {
            return value;
        }
    }
    return operand_unknown(one->is_cut ? OPERAND_CUT : OPERAND_NOT_RECORDED);
}
