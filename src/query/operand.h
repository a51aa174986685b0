/* What a where-expression computes with: a recorded value, or one that the expression made.
 *
 *    recorded bytes --operand_take()--> struct operand --operand_equal(), operand_add() ...-->
 * operand
 *
 * Every operation gives what Python gives for the values that were recorded. Where the recording
 * does not say enough for that, it gives UNKNOWN; where Python would raise, it gives RAISES. Both
 * have a reason, which is counted.
 *
 *    kind          fields
 *    UNKNOWN       reason; truth, where that is known all the same
 *    RAISES        reason
 *    BOOL, INT     integer
 *    BIG_INT       bytes: magnitude, low byte first, no zero at its end; is_negative
 *    FLOAT         number; COMPLEX: number and imaginary
 *    STR, BYTES    bytes, size, len; is_cut
 *    NAME          bytes, size: of a type or function, equal to its last parts, too
 *    LIST ... DICT len, shown, is_cut; its items: operand_items()
 *    OBJECT        everything else: what it does in a comparison is not known
 *
 * An instance of a subclass of a built-in type counts as the built-in value that it holds. No
 * objects are built, nothing is copied: bytes are borrowed from the event and the expression.
 *
 * Threads: one at a time per scope. */
#ifndef OPERAND_H
#define OPERAND_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "string_table.h"

enum operand_kind {
    OPERAND_UNKNOWN,
    OPERAND_RAISES,
    OPERAND_NONE,
    OPERAND_BOOL,
    OPERAND_INT,
    OPERAND_BIG_INT,
    OPERAND_FLOAT,
    OPERAND_COMPLEX,
    OPERAND_STR,
    OPERAND_BYTES,
    OPERAND_NAME,
    OPERAND_LIST,
    OPERAND_TUPLE,
    OPERAND_SET,
    OPERAND_DICT,
    OPERAND_OBJECT
};

/* X(name, text): why something is not known, then what Python would raise. */
#define OPERAND_REASONS(X)                                                                         \
    X(NOT_RECORDED, "not recorded")                                                                \
    X(REDACTED, "redacted")                                                                        \
    X(CUT, "cut")                                                                                  \
    X(DROPPED, "dropped")                                                                          \
    X(OPEN, "still open")                                                                          \
    X(NOT_COMPUTED, "not computed")                                                                \
    X(TYPE_ERROR, "TypeError")                                                                     \
    X(VALUE_ERROR, "ValueError")                                                                   \
    X(ZERO_DIVISION, "ZeroDivisionError")                                                          \
    X(KEY_ERROR, "KeyError")                                                                       \
    X(INDEX_ERROR, "IndexError")                                                                   \
    X(ATTRIBUTE_ERROR, "AttributeError")                                                           \
    X(NO_RESULT, "no result")

enum operand_reason {
#define OPERAND_REASON_ENUM(name, text) OPERAND_##name,
    OPERAND_REASONS(OPERAND_REASON_ENUM)
#undef OPERAND_REASON_ENUM
        OPERAND_REASON_COUNT
};

/* Returns the text of a reason, static. */
const char *operand_reason_text(unsigned reason);
/* Returns whether a reason is that of UNKNOWN; the others are those of RAISES. */
static inline int operand_reason_is_unknown(unsigned reason)
{
    return reason < OPERAND_TYPE_ERROR;
}

/* False, true, not known; MAYBE alone may also mean that Python would raise. */
enum truth { TRUTH_NO, TRUTH_YES, TRUTH_MAYBE };

struct operand {
    uint8_t kind;   /* enum operand_kind */
    uint8_t truth;  /* enum truth, of UNKNOWN */
    uint8_t reason; /* enum operand_reason, of UNKNOWN and RAISES */
    uint8_t tag;    /* enum rl_value_tag of a recorded value; 0 = the expression made it */
    uint8_t is_cut, is_negative, is_subclass;
    uint32_t type; /* string id of its type; 0 = the kind says it */
    int64_t integer;
    double number, imaginary;
    const uint8_t *bytes;
    size_t size;
    uint64_t len, shown;
    struct bytes_in inside;      /* recorded items, fields or pairs */
    const struct operand *items; /* of a tuple or list that the expression made */
    const uint8_t *begin, *end;  /* the recorded value itself */
};

/* What operations need beside their operands. */
struct operand_scope {
    const struct strings *strings; /* names of types and attributes */
    uint32_t steps;                /* nodes that may still be visited; then all is UNKNOWN */
};
enum { OPERAND_STEPS = 200000 }; /* of one evaluation */

static inline struct operand operand_unknown(enum operand_reason reason)
{
    return (struct operand){
        .kind = OPERAND_UNKNOWN, .truth = TRUTH_MAYBE, .reason = (uint8_t)reason};
}

static inline struct operand operand_raises(enum operand_reason reason)
{
    return (struct operand){
        .kind = OPERAND_RAISES, .truth = TRUTH_MAYBE, .reason = (uint8_t)reason};
}

static inline struct operand operand_integer(int64_t integer)
{
    return (struct operand){.kind = OPERAND_INT, .integer = integer};
}

static inline struct operand operand_float(double number)
{
    return (struct operand){.kind = OPERAND_FLOAT, .number = number};
}

static inline struct operand operand_bool(int is_true)
{
    return (struct operand){.kind = OPERAND_BOOL, .integer = is_true != 0};
}

static inline struct operand operand_name(struct text text)
{
    return (struct operand){
        .kind = OPERAND_NAME, .bytes = (const uint8_t *)text.data, .size = text.len};
}

static inline int operand_is_number(const struct operand *one)
{
    return one->kind >= OPERAND_BOOL && one->kind <= OPERAND_COMPLEX;
}

static inline int operand_is_container(const struct operand *one)
{
    return one->kind >= OPERAND_LIST && one->kind <= OPERAND_DICT;
}

/* Returns an int of any length as the shortest kind that holds it. */
struct operand operand_big_integer(const uint8_t *magnitude, size_t size, int is_negative);

/* Takes one recorded value; damaged bytes give UNKNOWN and end the input. */
struct operand operand_take(struct bytes_in *in, struct operand_scope *scope);

/* The items of a container, the keys and values of a dict in turn, or the values of an object. */
struct operand_items {
    struct bytes_in in;
    const struct operand *made;
    uint64_t left;
    uint32_t field; /* string id of the name that the last value of an object has */
    int is_object;
};
struct operand_items operand_items(const struct operand *container);
/* Gives the next one; 0 at the end. */
int operand_next(struct operand_items *items, struct operand_scope *scope, struct operand *out);

enum truth operand_truth(const struct operand *one);
struct operand operand_len(const struct operand *one);
/* Returns the name of its type: "module.qualname", of a built-in one without a module. */
struct operand operand_type(const struct operand *one, const struct strings *strings);

/* Appends the recorded form (value.h) of an operand, without identities: what is shown alike is
 * alike. Returns 0 for UNKNOWN and RAISES, which have none. */
int operand_put(struct bytes_out *out, const struct operand *one);

/* operand_number.c */
enum operand_arithmetic {
    OPERAND_ADD,
    OPERAND_SUBTRACT,
    OPERAND_MULTIPLY,
    OPERAND_DIVIDE,
    OPERAND_FLOOR_DIVIDE,
    OPERAND_REMAINDER
};
struct operand operand_compute(enum operand_arithmetic how, const struct operand *left,
                               const struct operand *right);
struct operand operand_negate(const struct operand *one);
/* Compares two numbers that are not complex: -1, 0, 1, or 2 where one is no number (NaN). */
int operand_order_numbers(const struct operand *left, const struct operand *right);

/* operand_compare.c: each gives a BOOL, UNKNOWN or RAISES. */
enum operand_order { OPERAND_LESS, OPERAND_LESS_EQUAL, OPERAND_GREATER, OPERAND_GREATER_EQUAL };
struct operand operand_equals(const struct operand *left, const struct operand *right,
                              struct operand_scope *scope);
struct operand operand_orders(enum operand_order how, const struct operand *left,
                              const struct operand *right, struct operand_scope *scope);
struct operand operand_contains(const struct operand *container, const struct operand *item,
                                struct operand_scope *scope);
/* container[index] and one.name */
struct operand operand_item(const struct operand *container, const struct operand *index,
                            struct operand_scope *scope);
struct operand operand_attribute(const struct operand *one, const char *name, size_t len,
                                 struct operand_scope *scope);

#endif
