/* Why: an expression must be safe to run on any recording, and say what it does not know. Python's
 * eval() on made-up objects would be neither.
 *
 * `and`, `or` and chains of comparisons stop where Python stops. What is not known does not stop
 * them: a later operand may decide all the same.
 *
 *    unknown or True     its truth is True          unknown and 1/0    unknown: Python may stop
 *    unknown and False   its truth is False         1/0 and unknown    raises
 *
 * Invariant: recursion follows the nodes, whose depth where_new() has bounded. */
#include "where.h"

#include <string.h>

#include "value.h"
#include "where_parts.h"

struct evaluation {
    struct where *where;
    const struct where_row *row;
    struct operand_scope scope;
};

static struct operand evaluate(struct evaluation *e, uint32_t number);

static const struct node *node_of(const struct evaluation *e, uint32_t number)
{
    return &e->where->nodes[number];
}

/* Returns an operand of which only the truth is known. */
static struct operand only_truth(enum truth truth, const struct operand *first_unknown)
{
    struct operand one = operand_unknown((enum operand_reason)first_unknown->reason);
    one.truth = (uint8_t)truth;
    return one;
}

/* Returns an operand as unknown: an object's truth is its own. */
static struct operand as_unknown(const struct operand *one)
{
    return one->kind == OPERAND_UNKNOWN ? *one : operand_unknown(OPERAND_NOT_COMPUTED);
}

/* Evaluates `and` and `or`: `stops` is the truth at which Python takes the operand as the answer.
 */
static struct operand evaluate_words(struct evaluation *e, const struct node *node)
{
    enum truth stops = node->op == NODE_OR ? TRUTH_YES : TRUTH_NO;
    struct operand unknown = {0}, one = {0};
    int is_pending = 0; /* an operand before had no known truth */
    for (uint32_t i = node->first; i != NO_NODE; i = node_of(e, i)->next) {
        one = evaluate(e, i);
        if (one.kind == OPERAND_RAISES) {
            return is_pending ? only_truth(TRUTH_MAYBE, &unknown) : one;
        }
        enum truth truth = operand_truth(&one);
        if (truth == stops) {
            return is_pending ? only_truth(stops, &unknown) : one;
        }
        int is_last = node_of(e, i)->next == NO_NODE;
        if (truth == TRUTH_MAYBE && !is_pending && !is_last) {
            unknown = as_unknown(&one);
            is_pending = 1;
        }
    }
    return is_pending ? only_truth(TRUTH_MAYBE, &unknown) : one;
}

static struct operand evaluate_not(struct evaluation *e, const struct node *node)
{
    struct operand one = evaluate(e, node->first);
    if (one.kind == OPERAND_RAISES) {
        return one;
    }
    enum truth truth = operand_truth(&one);
    return truth == TRUTH_MAYBE ? as_unknown(&one) : operand_bool(truth == TRUTH_NO);
}

/* Returns whether one is the None, True or False that the other is. */
static struct operand compare_identity(const struct operand *one, const struct operand *singleton)
{
    if (one->kind == OPERAND_RAISES || one->kind == OPERAND_UNKNOWN) {
        struct operand same = *one;
        same.truth = TRUTH_MAYBE;
        return same;
    }
    return operand_bool(one->kind == singleton->kind && one->integer == singleton->integer);
}

static struct operand negate_truth(struct operand one)
{
    if (one.kind == OPERAND_BOOL) {
        one.integer = !one.integer;
    }
    return one;
}

static struct operand compare(struct evaluation *e, enum where_link link,
                              const struct operand *left, const struct operand *right)
{
    switch (link) {
    case WHERE_EQUAL:
        return operand_equals(left, right, &e->scope);
    case WHERE_NOT_EQUAL:
        return negate_truth(operand_equals(left, right, &e->scope));
    case WHERE_IN:
        return operand_contains(right, left, &e->scope);
    case WHERE_NOT_IN:
        return negate_truth(operand_contains(right, left, &e->scope));
    case WHERE_IS:
        return compare_identity(left, right);
    case WHERE_IS_NOT:
        return negate_truth(compare_identity(left, right));
    default:
        return operand_orders((enum operand_order)link, left, right, &e->scope);
    }
}

/* Evaluates a < b < c: each operand once, and none behind a comparison that is false. */
static struct operand evaluate_comparison(struct evaluation *e, const struct node *node)
{
    struct operand left = evaluate(e, node->first), unknown = {0}, result = {0};
    int is_pending = 0;
    for (uint32_t i = node_of(e, node->first)->next; i != NO_NODE; i = node_of(e, i)->next) {
        if (left.kind == OPERAND_RAISES) {
            return is_pending ? only_truth(TRUTH_MAYBE, &unknown) : left;
        }
        struct operand right = evaluate(e, i);
        result = compare(e, (enum where_link)node_of(e, i)->link, &left, &right);
        if (result.kind == OPERAND_RAISES) {
            return is_pending ? only_truth(TRUTH_MAYBE, &unknown) : result;
        }
        if (result.kind == OPERAND_BOOL && !result.integer) {
            return result;
        }
        if (result.kind == OPERAND_UNKNOWN && !is_pending) {
            unknown = result;
            is_pending = 1;
        }
        left = right;
    }
    return is_pending ? only_truth(TRUTH_MAYBE, &unknown) : result;
}

/* Evaluates the items of a tuple or list into their own places, where the result borrows them. */
static struct operand evaluate_items(struct evaluation *e, const struct node *node)
{
    struct operand *items = e->where->made + node->number, unknown = {0};
    size_t n = 0;
    int may_raise = 0; /* Python computes an item that is not computed here */
    for (uint32_t i = node->first; i != NO_NODE; i = node_of(e, i)->next) {
        items[n] = evaluate(e, i);
        if (items[n].kind == OPERAND_RAISES) {
            return items[n];
        }
        if (items[n].kind == OPERAND_UNKNOWN && items[n].reason == OPERAND_NOT_COMPUTED) {
            unknown = items[n];
            may_raise = 1;
        }
        n++;
    }
    if (may_raise) {
        return only_truth(TRUTH_MAYBE, &unknown);
    }
    return (struct operand){.kind = node->op == NODE_LIST ? OPERAND_LIST : OPERAND_TUPLE,
                            .len = n,
                            .shown = n,
                            .items = items};
}

/* Searches a text, or the text by which an object is shown. */
static struct operand evaluate_match(struct evaluation *e, const struct node *node)
{
    struct operand one = evaluate(e, node->first);
    if (one.kind == OPERAND_UNKNOWN || one.kind == OPERAND_RAISES) {
        return one.kind == OPERAND_RAISES ? one : only_truth(TRUTH_MAYBE, &one);
    }
    int is_text = one.kind == OPERAND_STR || one.kind == OPERAND_NAME || one.tag == RL_VALUE_TEXT;
    if (!is_text) {
        return one.kind == OPERAND_OBJECT ? operand_unknown(OPERAND_NOT_COMPUTED)
                                          : operand_raises(OPERAND_TYPE_ERROR);
    }
    if (one.is_cut) {
        return operand_unknown(OPERAND_CUT);
    }
    int found =
        pattern_search(node->pattern, one.bytes != NULL ? (const char *)one.bytes : "", one.size);
    return found < 0 ? operand_unknown(OPERAND_NOT_COMPUTED) : operand_bool(found);
}

static struct operand evaluate_plus(const struct operand *one)
{
    struct operand zero = operand_integer(0), negative;
    if (one->kind == OPERAND_BIG_INT || one->kind == OPERAND_FLOAT) {
        return *one; /* 0 + -0.0 would be 0.0 */
    }
    negative = operand_negate(one);
    return negative.kind == OPERAND_INT ? operand_compute(OPERAND_ADD, &zero, one) : negative;
}

static struct operand evaluate(struct evaluation *e, uint32_t number)
{
    const struct node *node = node_of(e, number);
    struct operand left, right;
    switch (node->op) {
    case NODE_CONSTANT:
        return e->where->constants[node->number];
    case NODE_NAME:
        return e->row->load(e->row->self, node->number, &e->scope);
    case NODE_TUPLE:
    case NODE_LIST:
        return evaluate_items(e, node);
    case NODE_OR:
    case NODE_AND:
        return evaluate_words(e, node);
    case NODE_NOT:
        return evaluate_not(e, node);
    case NODE_COMPARE:
        return evaluate_comparison(e, node);
    case NODE_MATCH:
        return evaluate_match(e, node);
    default:
        break;
    }
    left = evaluate(e, node->first);
    if (left.kind == OPERAND_RAISES) {
        return left;
    }
    switch (node->op) {
    case NODE_NEGATE:
        return operand_negate(&left);
    case NODE_PLUS:
        return evaluate_plus(&left);
    case NODE_ATTRIBUTE:
        return operand_attribute(&left, node->name.data, node->name.len, &e->scope);
    case NODE_LEN:
        return operand_len(&left);
    case NODE_TYPE:
        return operand_type(&left, e->row->strings);
    case NODE_ITEM:
        right = evaluate(e, node_of(e, node->first)->next);
        return operand_item(&left, &right, &e->scope);
    default:
        right = evaluate(e, node_of(e, node->first)->next);
        return operand_compute((enum operand_arithmetic)node->detail, &left, &right);
    }
}

struct operand where_run(struct where *where, const struct where_row *row)
{
    struct evaluation e = {where, row, {row->strings, OPERAND_STEPS}};
    return evaluate(&e, where->root);
}

enum where_answer where_answer(const struct operand *result)
{
    static const enum where_answer answers[] = {
        [TRUTH_NO] = WHERE_NO, [TRUTH_YES] = WHERE_YES, [TRUTH_MAYBE] = WHERE_UNKNOWN};
    return result->kind == OPERAND_RAISES ? WHERE_RAISES : answers[operand_truth(result)];
}
