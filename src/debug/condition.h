/* Evaluates conditions of breakpoints without Python: comparisons of names with constants, joined
 * by and, or and not. `x > 3 and name == "a"` becomes a program of six rows:
 *
 *   0 LOAD x   1 CONST 3   2 COMPARE >   3 JUMP_IF_FALSE 7   4 LOAD name   5 CONST "a"
 *   6 COMPARE ==            7: the end; the value on the stack is the answer
 *
 * A jump keeps its operand on the stack where it jumps, and drops it where it does not, as `and`
 * and `or` do in Python.
 *
 * Invariants: jumps only go forward. Every path ends with one value on the stack, and the stack
 * never exceeds its bound; condition_init() checks both. An answer is what Python would answer.
 * Where exact types or 64 bits are not enough for that, the answer is CONDITION_UNKNOWN, and the
 * caller lets the interpreter evaluate the condition.
 *
 * Threads: a condition does not change after condition_init(), so any number may evaluate it. */
#ifndef CONDITION_H
#define CONDITION_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

enum condition_type {
    CONDITION_OTHER, /* any other type: comparisons give CONDITION_UNKNOWN */
    CONDITION_NONE,
    CONDITION_BOOL,
    CONDITION_INT,
    CONDITION_FLOAT,
    CONDITION_TEXT
};

struct condition_value {
    enum condition_type type;
    int width; /* of a text: bytes per character */
    union {
        int64_t integer; /* of a bool too: 0 or 1 */
        double number;
        struct {
            const void *data; /* borrowed */
            size_t len;       /* characters */
        } text;
    };
};

enum condition_step {
    CONDITION_LOAD,
    CONDITION_CONST,
    CONDITION_COMPARE,
    CONDITION_NOT,
    CONDITION_JUMP_IF_FALSE,
    CONDITION_JUMP_IF_TRUE
};
/* IS and IS_NOT are known only against None, True and False. */
enum condition_compare {
    CONDITION_LT,
    CONDITION_LE,
    CONDITION_EQ,
    CONDITION_NE,
    CONDITION_GT,
    CONDITION_GE,
    CONDITION_IS,
    CONDITION_IS_NOT
};

struct condition_row {
    uint8_t step;
    uint16_t operand; /* number of a name, a constant, a comparison, or a row to jump to */
};

struct condition {
    struct condition_row *rows; /* owned */
    size_t row_count;
    struct condition_value *constants; /* owned, their texts too */
    size_t constant_count;
    size_t name_count;
};

enum condition_answer { CONDITION_NO, CONDITION_YES, CONDITION_UNKNOWN };

/* Copies rows and constants. Fails with RL_USAGE where the program breaks an invariant. */
RL_CHECKED rl_status condition_init(struct condition *condition, const struct condition_row *rows,
                                    size_t row_count, const struct condition_value *constants,
                                    size_t constant_count, size_t name_count, struct rl_err *err);
void condition_fini(struct condition *condition);
/* Evaluates the condition. `load` fills in the value of a name, in the order of evaluation. It is
 * not called for names on which the answer does not depend. */
enum condition_answer condition_ask(const struct condition *condition,
                                    void (*load)(void *context, size_t name,
                                                 struct condition_value *value),
                                    void *context);

#endif
