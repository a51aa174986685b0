/* Why: a condition in a hot loop costs 20 ns here, and a microsecond in the interpreter.
 *
 * Invariants: a comparison gives what Python gives for exact int, float, bool, str and None. Every
 * other type, an int beyond 64 bits, and an int that a double cannot hold beside a float give
 * CONDITION_UNKNOWN. Evaluation needs no bounds checks, because is_sound() has proved the depths.
 */
#include "condition.h"

#include <string.h>

#include "alloc.h"
#include "status.h"

enum { DEPTH = 16, ROWS = 256, EXACT = 53 /* bits of an int that a double holds exactly */ };

/* ---- checking ---- */

/* Returns the depth of the stack after a row, or -1 where the row is not valid at that depth. */
static int depth_after(const struct condition *c, size_t at, int depth)
{
    const struct condition_row *row = &c->rows[at];
    switch (row->step) {
    case CONDITION_LOAD:
        return row->operand < c->name_count && depth < DEPTH ? depth + 1 : -1;
    case CONDITION_CONST:
        return row->operand < c->constant_count && depth < DEPTH ? depth + 1 : -1;
    case CONDITION_COMPARE:
        return row->operand <= CONDITION_IS_NOT && depth >= 2 ? depth - 1 : -1;
    case CONDITION_NOT:
        return depth >= 1 ? depth : -1;
    case CONDITION_JUMP_IF_FALSE:
    case CONDITION_JUMP_IF_TRUE:
        return row->operand > at && row->operand <= c->row_count && depth >= 1 ? depth - 1 : -1;
    default:
        return -1;
    }
}

/* Returns whether all paths are valid. One pass sees every path, because jumps only go forward. */
static int is_sound(const struct condition *c)
{
    int8_t depths[ROWS + 1]; /* -1 = not reached */
    memset(depths, -1, sizeof depths);
    depths[0] = 0;
    for (size_t i = 0; i < c->row_count; i++) {
        int after = depths[i] >= 0 ? depth_after(c, i, depths[i]) : -1;
        if (after < 0) {
            return 0;
        }
        if (c->rows[i].step >= CONDITION_JUMP_IF_FALSE) {
            int8_t *there = &depths[c->rows[i].operand];
            if (*there >= 0 && *there != depths[i]) {
                return 0;
            }
            *there = depths[i];
        }
        if (depths[i + 1] >= 0 && depths[i + 1] != after) {
            return 0;
        }
        depths[i + 1] = (int8_t)after;
    }
    return c->row_count != 0 && depths[c->row_count] == 1;
}

/* Replaces a borrowed text by an owned copy. */
static int copy_text(struct condition_value *value)
{
    size_t bytes = value->text.len * (size_t)value->width;
    void *copy = rl_alloc(1, bytes + 1);
    if (copy == NULL) {
        value->type = CONDITION_OTHER;
        return -1;
    }
    memcpy(copy, value->text.data, bytes);
    value->text.data = copy;
    return 0;
}

rl_status condition_init(struct condition *condition, const struct condition_row *rows,
                         size_t row_count, const struct condition_value *constants,
                         size_t constant_count, size_t name_count, struct rl_err *err)
{
    struct condition made = {.row_count = row_count, .name_count = name_count};
    if (row_count > ROWS) {
        return status_set(err, RL_USAGE, "the condition is too long");
    }
    made.rows = rl_alloc(row_count + 1, sizeof *made.rows);
    made.constants = rl_zalloc(constant_count + 1, sizeof *made.constants);
    int failed = made.rows == NULL || made.constants == NULL;
    for (size_t i = 0; !failed && i < constant_count; i++) {
        made.constants[i] = constants[i];
        made.constant_count = i + 1;
        failed = constants[i].type == CONDITION_TEXT && copy_text(&made.constants[i]) != 0;
    }
    if (failed) {
        condition_fini(&made);
        return status_set(err, RL_NOMEM, "no memory for a condition");
    }
    memcpy(made.rows, rows, row_count * sizeof *rows);
    if (!is_sound(&made)) {
        condition_fini(&made);
        return status_set(err, RL_USAGE, "the program of the condition is not valid");
    }
    *condition = made;
    return RL_OK;
}

void condition_fini(struct condition *condition)
{
    for (size_t i = 0; i < condition->constant_count; i++) {
        if (condition->constants[i].type == CONDITION_TEXT) {
            rl_free((void *)condition->constants[i].text.data);
        }
    }
    rl_free(condition->constants);
    rl_free(condition->rows);
    *condition = (struct condition){0};
}

/* ---- evaluation ---- */

static int is_whole(const struct condition_value *value)
{
    return value->type == CONDITION_INT || value->type == CONDITION_BOOL;
}

static enum condition_answer truth_of_value(const struct condition_value *value)
{
    switch (value->type) {
    case CONDITION_NONE:
        return CONDITION_NO;
    case CONDITION_BOOL:
    case CONDITION_INT:
        return value->integer != 0 ? CONDITION_YES : CONDITION_NO;
    case CONDITION_FLOAT:
        return value->number != 0 ? CONDITION_YES : CONDITION_NO;
    case CONDITION_TEXT:
        return value->text.len != 0 ? CONDITION_YES : CONDITION_NO;
    default:
        return CONDITION_UNKNOWN;
    }
}

static enum condition_answer yes_if(int is_so)
{
    return is_so ? CONDITION_YES : CONDITION_NO;
}

#define ORDER(a, b)                                                                                \
    switch (how) {                                                                                 \
    case CONDITION_LT:                                                                             \
        return yes_if((a) < (b));                                                                  \
    case CONDITION_LE:                                                                             \
        return yes_if((a) <= (b));                                                                 \
    case CONDITION_EQ:                                                                             \
        return yes_if((a) == (b));                                                                 \
    case CONDITION_NE:                                                                             \
        return yes_if((a) != (b));                                                                 \
    case CONDITION_GT:                                                                             \
        return yes_if((a) > (b));                                                                  \
    case CONDITION_GE:                                                                             \
        return yes_if((a) >= (b));                                                                 \
    default:                                                                                       \
        return CONDITION_UNKNOWN;                                                                  \
    }

static enum condition_answer order_whole(int64_t a, int64_t b, unsigned how)
{
    ORDER(a, b)
}

static enum condition_answer order_numbers(double a, double b, unsigned how)
{
    ORDER(a, b)
}
#undef ORDER

static int fits_double(const struct condition_value *value)
{
    int64_t most = INT64_C(1) << EXACT;
    return !is_whole(value) || (value->integer <= most && value->integer >= -most);
}

static double as_double(const struct condition_value *value)
{
    return is_whole(value) ? (double)value->integer : value->number;
}

/* Compares two texts for equality. Order needs the interpreter. */
static enum condition_answer compare_texts(const struct condition_value *a,
                                           const struct condition_value *b, unsigned how)
{
    if (how != CONDITION_EQ && how != CONDITION_NE) {
        return CONDITION_UNKNOWN;
    }
    /* Equal texts have the same width: CPython stores a text in the least that holds it. */
    int is_equal = a->text.len == b->text.len && a->width == b->width &&
                   memcmp(a->text.data, b->text.data, a->text.len * (size_t)a->width) == 0;
    return yes_if(is_equal == (how == CONDITION_EQ));
}

/* Compares two values of any type. */
static enum condition_answer compare_values(const struct condition_value *a,
                                            const struct condition_value *b, unsigned how)
{
    if (a->type == CONDITION_OTHER || b->type == CONDITION_OTHER) {
        return CONDITION_UNKNOWN;
    }
    if (how == CONDITION_IS || how == CONDITION_IS_NOT) {
        int is_known = b->type == CONDITION_NONE || b->type == CONDITION_BOOL;
        int is_same = a->type == b->type && (a->type != CONDITION_BOOL || a->integer == b->integer);
        return is_known ? yes_if(is_same == (how == CONDITION_IS)) : CONDITION_UNKNOWN;
    }
    if (is_whole(a) && is_whole(b)) {
        return order_whole(a->integer, b->integer, how);
    }
    int a_counts = is_whole(a) || a->type == CONDITION_FLOAT;
    int b_counts = is_whole(b) || b->type == CONDITION_FLOAT;
    if (a_counts && b_counts) {
        return fits_double(a) && fits_double(b) ? order_numbers(as_double(a), as_double(b), how)
                                                : CONDITION_UNKNOWN;
    }
    if (a->type == CONDITION_TEXT && b->type == CONDITION_TEXT) {
        return compare_texts(a, b, how);
    }
    if (how == CONDITION_EQ || how == CONDITION_NE) {
        return yes_if((a->type == CONDITION_NONE && b->type == CONDITION_NONE) ==
                      (how == CONDITION_EQ));
    }
    return CONDITION_UNKNOWN; /* Python raises TypeError */
}

static struct condition_value make_boolean(enum condition_answer answer)
{
    return (struct condition_value){.type = answer == CONDITION_UNKNOWN ? CONDITION_OTHER
                                                                        : CONDITION_BOOL,
                                    .integer = answer == CONDITION_YES};
}

enum condition_answer condition_ask(const struct condition *condition,
                                    void (*load)(void *context, size_t name,
                                                 struct condition_value *value),
                                    void *context)
{
    struct condition_value stack[DEPTH], *top = stack; /* the first free place */
    for (size_t i = 0; i < condition->row_count; i++) {
        const struct condition_row row = condition->rows[i];
        enum condition_answer answer;
        switch (row.step) {
        case CONDITION_LOAD:
            top->type = CONDITION_OTHER;
            load(context, row.operand, top++);
            break;
        case CONDITION_CONST:
            *top++ = condition->constants[row.operand];
            break;
        case CONDITION_COMPARE:
            answer = compare_values(&top[-2], &top[-1], row.operand);
            *--top = (struct condition_value){0};
            top[-1] = make_boolean(answer);
            break;
        case CONDITION_NOT:
            answer = truth_of_value(&top[-1]);
            top[-1] =
                make_boolean(answer == CONDITION_UNKNOWN ? answer : yes_if(answer == CONDITION_NO));
            break;
        default:
            answer = truth_of_value(&top[-1]);
            if (answer == CONDITION_UNKNOWN) {
                return CONDITION_UNKNOWN;
            }
            if (answer == (row.step == CONDITION_JUMP_IF_TRUE ? CONDITION_YES : CONDITION_NO)) {
                i = row.operand - 1u;
            } else {
                top--;
            }
            break;
        }
    }
    return truth_of_value(&top[-1]);
}
