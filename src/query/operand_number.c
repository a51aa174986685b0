/* Part of operand.h: numbers. Ints are computed in 64 bits and floats in IEEE 754, as Python does;
 * what does not fit is UNKNOWN. Comparisons are exact for ints of any length.
 *
 *    int     / int     a float, where both are exact as floats
 *    // and %          round down, as Python does, for ints and for floats
 *    bool              counts as 0 or 1 */
#include "operand.h"

#include <math.h>
#include <string.h>

static const int64_t exact_max = INT64_C(1) << 53; /* a float holds each int up to this exactly */

static int is_whole(const struct operand *one)
{
    return one->kind == OPERAND_BOOL || one->kind == OPERAND_INT;
}

/* ---- comparison ---- */

static int order_doubles(double left, double right)
{
    return isnan(left) || isnan(right) ? 2 : left < right ? -1 : left > right;
}

static int order_int_and_double(int64_t left, double right)
{
    if (isnan(right)) {
        return 2;
    }
    if (right >= 0x1p63 || right < -0x1p63) {
        return right > 0 ? -1 : 1;
    }
    int64_t whole = (int64_t)right;
    if (left != whole) {
        return left < whole ? -1 : 1;
    }
    double rest = right - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

static int order_magnitudes(const uint8_t *left, size_t left_size, const uint8_t *right,
                            size_t right_size)
{
    if (left_size != right_size) {
        return left_size < right_size ? -1 : 1;
    }
    for (size_t i = left_size; i-- > 0;) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Compares an int beyond 64 bits with a finite float, by the bytes of the float's magnitude. */
static int order_big_and_double(const struct operand *big, double right)
{
    uint8_t bytes[136] = {0};
    int exponent, sign = big->is_negative ? -1 : 1;
    if (isnan(right)) {
        return 2;
    }
    if (isinf(right) || (right < 0) != (big->is_negative != 0) || fabs(right) < 0x1p62) {
        return isinf(right) ? (right > 0 ? -1 : 1) : sign;
    }
    double part = frexp(fabs(right), &exponent);
    uint64_t bits = (uint64_t)ldexp(part, 53);
    size_t shift = (size_t)(exponent - 53);
    for (unsigned i = 0; i < 53; i++) {
        if (bits >> i & 1) {
            bytes[(shift + i) / 8] |= (uint8_t)(1u << (shift + i) % 8);
        }
    }
    size_t size = sizeof bytes;
    while (size != 0 && bytes[size - 1] == 0) {
        size--;
    }
    return sign * order_magnitudes(big->bytes, big->size, bytes, size);
}

int operand_order_numbers(const struct operand *left, const struct operand *right)
{
    if (left->kind == OPERAND_BIG_INT && right->kind == OPERAND_BIG_INT) {
        if (left->is_negative != right->is_negative) {
            return left->is_negative ? -1 : 1;
        }
        int order = order_magnitudes(left->bytes, left->size, right->bytes, right->size);
        return left->is_negative ? -order : order;
    }
    if (left->kind == OPERAND_BIG_INT) {
        return is_whole(right) ? (left->is_negative ? -1 : 1)
                               : order_big_and_double(left, right->number);
    }
    if (right->kind == OPERAND_BIG_INT ||
        (right->kind != OPERAND_FLOAT && left->kind == OPERAND_FLOAT)) {
        int order = operand_order_numbers(right, left);
        return order == 2 ? 2 : -order;
    }
    if (right->kind == OPERAND_FLOAT) {
        return is_whole(left) ? order_int_and_double(left->integer, right->number)
                              : order_doubles(left->number, right->number);
    }
    return left->integer < right->integer ? -1 : left->integer > right->integer;
}

/* ---- arithmetic ---- */

static struct operand compute_ints(enum operand_arithmetic how, int64_t left, int64_t right)
{
    int64_t result = 0;
    int is_beyond = 0;
    switch (how) {
    case OPERAND_ADD:
        is_beyond = __builtin_add_overflow(left, right, &result);
        break;
    case OPERAND_SUBTRACT:
        is_beyond = __builtin_sub_overflow(left, right, &result);
        break;
    case OPERAND_MULTIPLY:
        is_beyond = __builtin_mul_overflow(left, right, &result);
        break;
    case OPERAND_DIVIDE:
        is_beyond =
            left > exact_max || left < -exact_max || right > exact_max || right < -exact_max;
        return is_beyond ? operand_unknown(OPERAND_NOT_COMPUTED)
                         : operand_float((double)left / (double)right);
    case OPERAND_FLOOR_DIVIDE:
    case OPERAND_REMAINDER:
        if (right == -1) { /* INT64_MIN / -1 traps */
            is_beyond = how == OPERAND_FLOOR_DIVIDE && __builtin_sub_overflow(0, left, &result);
            break;
        }
        result = left % right;
        int is_off = result != 0 && (result < 0) != (right < 0);
        result = how == OPERAND_REMAINDER ? result + (is_off ? right : 0) : left / right - is_off;
        break;
    }
    return is_beyond ? operand_unknown(OPERAND_NOT_COMPUTED) : operand_integer(result);
}

/* Divides as float_divmod() of CPython: the remainder has the sign of the divisor. */
static struct operand divide_floats(enum operand_arithmetic how, double left, double right)
{
    double rest = fmod(left, right), quotient = (left - rest) / right;
    if (rest != 0) {
        if ((right < 0) != (rest < 0)) {
            rest += right;
            quotient -= 1;
        }
    } else {
        rest = copysign(0, right);
    }
    if (how == OPERAND_REMAINDER) {
        return operand_float(rest);
    }
    if (quotient == 0) {
        return operand_float(copysign(0, left / right));
    }
    double whole = floor(quotient);
    return operand_float(quotient - whole > 0.5 ? whole + 1 : whole);
}

static struct operand compute_floats(enum operand_arithmetic how, double left, double right)
{
    switch (how) {
    case OPERAND_ADD:
        return operand_float(left + right);
    case OPERAND_SUBTRACT:
        return operand_float(left - right);
    case OPERAND_MULTIPLY:
        return operand_float(left * right);
    case OPERAND_DIVIDE:
        return operand_float(left / right);
    default:
        return divide_floats(how, left, right);
    }
}

static int is_zero(const struct operand *one)
{
    return operand_truth(one) == TRUTH_NO;
}

static struct operand compute_numbers(enum operand_arithmetic how, const struct operand *left,
                                      const struct operand *right)
{
    int is_complex = left->kind == OPERAND_COMPLEX || right->kind == OPERAND_COMPLEX;
    if (is_complex && how >= OPERAND_FLOOR_DIVIDE) {
        return operand_raises(OPERAND_TYPE_ERROR);
    }
    if (how >= OPERAND_DIVIDE && is_zero(right)) {
        return operand_raises(OPERAND_ZERO_DIVISION);
    }
    if (is_complex || left->kind == OPERAND_BIG_INT || right->kind == OPERAND_BIG_INT) {
        return operand_unknown(OPERAND_NOT_COMPUTED);
    }
    if (is_whole(left) && is_whole(right)) {
        return compute_ints(how, left->integer, right->integer);
    }
    return compute_floats(how, is_whole(left) ? (double)left->integer : left->number,
                          is_whole(right) ? (double)right->integer : right->number);
}

static int is_sequence(const struct operand *one)
{
    return one->kind == OPERAND_STR || one->kind == OPERAND_BYTES || one->kind == OPERAND_LIST ||
           one->kind == OPERAND_TUPLE || one->kind == OPERAND_NAME;
}

struct operand operand_compute(enum operand_arithmetic how, const struct operand *left,
                               const struct operand *right)
{
    const struct operand *both[] = {left, right};
    for (int i = 0; i < 2; i++) {
        if (both[i]->kind == OPERAND_RAISES) {
            return *both[i];
        }
    }
    for (int i = 0; i < 2; i++) {
        if (both[i]->kind == OPERAND_UNKNOWN) {
            return operand_unknown((enum operand_reason)both[i]->reason);
        }
    }
    if (operand_is_number(left) && operand_is_number(right)) {
        return compute_numbers(how, left, right);
    }
    /* Python has an answer for these, which this does not compute. */
    int is_of_texts =
        (how == OPERAND_ADD && is_sequence(left) && is_sequence(right)) ||
        (how == OPERAND_MULTIPLY && (is_sequence(left) || is_sequence(right))) ||
        (how == OPERAND_REMAINDER && is_sequence(left)) ||
        (how == OPERAND_SUBTRACT && left->kind == OPERAND_SET && right->kind == OPERAND_SET);
    int is_object = left->kind == OPERAND_OBJECT || right->kind == OPERAND_OBJECT ||
                    left->is_subclass || right->is_subclass;
    return is_of_texts || is_object ? operand_unknown(OPERAND_NOT_COMPUTED)
                                    : operand_raises(OPERAND_TYPE_ERROR);
}

struct operand operand_negate(const struct operand *one)
{
    struct operand zero = operand_integer(0), result = *one;
    switch (one->kind) {
    case OPERAND_RAISES:
        return *one;
    case OPERAND_UNKNOWN:
        result.truth = TRUTH_MAYBE;
        return result;
    case OPERAND_BOOL:
    case OPERAND_INT:
        return operand_compute(OPERAND_SUBTRACT, &zero, one);
    case OPERAND_FLOAT:
        return operand_float(-one->number);
    case OPERAND_BIG_INT:
        return operand_big_integer(one->bytes, one->size, !one->is_negative);
    case OPERAND_COMPLEX:
    case OPERAND_OBJECT:
        return operand_unknown(OPERAND_NOT_COMPUTED);
    default:
        return operand_raises(OPERAND_TYPE_ERROR);
    }
}
