/* Conditions that need no Python: comparisons of names with constants, joined by and, or and not.
 * A program of a few steps over a stack; it says yes, no, or that it cannot tell, and then the
 * condition is evaluated by the interpreter instead.
 *
 *   LOAD name   CONST k   COMPARE op   NOT   JUMP_IF_FALSE to   JUMP_IF_TRUE to
 *
 * A jump keeps its operand where it jumps and drops it where it does not, as `and` and `or` do. */
#ifndef CONDITION_H
#define CONDITION_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

enum condition_type {
    CONDITION_OTHER, /* nothing can be told of it */
    CONDITION_NONE,
    CONDITION_BOOL,
    CONDITION_INT,
    CONDITION_FLOAT,
    CONDITION_TEXT
};

struct condition_value {
    enum condition_type type;
    int width; /* of a text: bytes a character */
    union {
        int64_t integer; /* a bool too */
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
/* IS and IS_NOT: of None, True and False only. */
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
    uint16_t operand; /* number of a name, of a constant, of a comparison, or of a row */
};

struct condition {
    struct condition_row *rows; /* owned */
    size_t row_count;
    struct condition_value *constants; /* owned, their texts too */
    size_t constant_count;
    size_t name_count;
};

enum condition_answer { CONDITION_NO, CONDITION_YES, CONDITION_UNKNOWN };

/* Copies rows and constants. Refused unless each path of it ends with one value on the stack. */
RL_CHECKED rl_status condition_init(struct condition *condition, const struct condition_row *rows,
                                    size_t row_count, const struct condition_value *constants,
                                    size_t constant_count, size_t name_count, struct rl_err *err);
void condition_fini(struct condition *condition);
/* `load` gives the value of a name. */
enum condition_answer condition_ask(const struct condition *condition,
                                    void (*load)(void *context, size_t name,
                                                 struct condition_value *value),
                                    void *context);

#endif
