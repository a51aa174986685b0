/* Where-expressions: `ret < 0 and len(items) > 3`, compiled once and run for each call.
 *
 *    text --where_new()--> struct where --where_run()--> struct operand --where_answer()--> yes, no
 *                               |   ^                                                      ...
 *              where_names() <--'   '-- the caller's load() gives the value of a name
 *
 * Grammar; what binds tighter is further down, as in Python:
 *
 *    a or b        a and b        not a
 *    a < b == c    < <= > >= == !=, in, not in; is and is not with None, True, False
 *    a + b         a - b
 *    a * b         / // %
 *    -a            +a
 *    a.name        a[b]
 *    len(a)        type(a)        re(a, "pattern")
 *    1  0x1f  1.5  2ms  "text"  b"bytes"  r"\d"  None  True  False  (a, b)  [a, b]  name
 *
 * A time such as 2ms is a number of nanoseconds. re() searches, by the syntax of filters and within
 * their limits (pattern.h).
 *
 * Invariants: an expression has no loops and calls nothing of the program. Its text, its nodes and
 * their depth are bounded, and so is the work of one run (OPERAND_STEPS).
 *
 * Threads: one at a time per expression, because its patterns and tuples keep what they found. */
#ifndef WHERE_H
#define WHERE_H

#include <relive/rl_status.h>

#include "operand.h"

#define WHERE_BYTES_MAX 16384 /* of a text */
#define WHERE_NODES_MAX 1024
#define WHERE_DEPTH_MAX 64

struct where;

/* Why a text is no expression. */
struct where_error {
    size_t place; /* bytes before the place */
    char text[240];
};

/* Compiles a text. RL_USAGE, RL_LIMIT or RL_NOMEM fill the error. */
RL_CHECKED rl_status where_new(const char *text, size_t len, struct where **out,
                               struct where_error *error);
void where_free(struct where *where);

/* A name in the expression. `is_of_call`: written call.name, so a parameter is not meant. */
struct where_name {
    struct text text; /* borrowed from the expression */
    size_t place;     /* bytes before its first use */
    int is_of_call;
};

/* Returns whether a name may mean what is known of a call or event itself, where no parameter has
 * it. One letter alone never does: too many programs have a variable n or t. */
static inline int where_may_be_own(const struct where_name *name)
{
    return name->is_of_call || name->text.len > 1;
}

const struct where_name *where_names(const struct where *where, size_t *count);

/* Gives the values of names. */
struct where_row {
    void *self;
    struct operand (*load)(void *self, uint32_t name, struct operand_scope *scope);
    const struct strings *strings;
};

/* Evaluates for one row. What the result borrows is valid until the next run. */
struct operand where_run(struct where *where, const struct where_row *row);

enum where_answer { WHERE_NO, WHERE_YES, WHERE_UNKNOWN, WHERE_RAISES };
enum where_answer where_answer(const struct operand *result);

#endif
