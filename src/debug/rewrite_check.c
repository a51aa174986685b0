/* Part of rewrite.h. Why: rewritten code runs only if this file proves that it is the old code with
 * probes. It is independent of rewrite.c: both codes are read from their bytes again.
 *
 *    before:   A          B          C
 *              |own       |own       |own
 *    after:    A   [p q]  B          C   | tail: J     [p q] J
 *                   |probe of B                  |        |
 *                   +---- q jumps to J           +-> B    +-> C, whose probe is only in the tail
 *
 * Proved, in this order:
 * 1. match_instructions(): all instructions of `before` follow each other, with or without a probe.
 * 2. match_tail(): behind them there are only jumps back, one for each probe, which the probe
 * reaches.
 * 3. map_handlers(), rewrite_flow(): handlers and stack depths of both codes.
 * 4. check_instruction(): jumps, lines, handlers and depths are those of `before`. A jump may lead
 * to the probe of its target. */
#include "rewrite.h"

#include <string.h>

#include "alloc.h"
#include "status.h"

enum { PROBE = 2 };

struct check {
    const struct listing *before, *after;
    const struct rewrite_rules *rules;
    uint32_t first_constant;
    int32_t *own;                  /* owned: where each instruction of `before` is in `after` */
    int32_t *probe;                /* owned: where its probe is; -1 = none */
    int32_t *by_before, *by_after; /* owned: the handler that covers each instruction; -1 = none */
    struct rl_err *err;
};

/* Fills the caller's error with an instruction and what is wrong at it. Returns RL_DAMAGED. */
static rl_status refuse_rewrite(const struct check *check, const struct instruction *one,
                                const char *what)
{
    return status_set(check->err, RL_DAMAGED, "%s (opcode %u at %u, line %d)", what, one->op,
                      one->at, one->line);
}

/* Returns whether a probe begins at an instruction of `after`. */
static int is_probe(const struct check *check, size_t at)
{
    const struct instruction *p = &check->after->items[at];
    return at + PROBE <= check->after->count && p[0].op == check->rules->load &&
           p[0].arg >= check->first_constant && p[1].op == check->rules->test;
}

/* Returns whether two instructions do the same, apart from where they jump to. */
static int is_same_instruction(const struct check *check, const struct instruction *a,
                               const struct instruction *b)
{
    const struct rewrite_op *op = &check->rules->ops[a->op];
    return (a->op == b->op || (op->turned != 0 && op->turned == b->op)) &&
           (a->target < 0 ? b->target < 0 && a->arg == b->arg : b->target >= 0);
}

/* Returns the index of the instruction of `before` that is at `at` in `after`, or the count. */
static size_t find_own(const struct check *check, int32_t at)
{
    size_t low = 0, high = check->before->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (check->own[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < check->before->count && check->own[low] == at ? low : check->before->count;
}

/* Matches the instructions in their order. *tail becomes the index behind the last one. */
static rl_status match_instructions(struct check *check, size_t *tail)
{
    size_t at = 0;
    for (size_t i = 0; i < check->before->count; i++) {
        const struct instruction *one = &check->before->items[i];
        check->probe[i] = -1;
        if (at < check->after->count && is_probe(check, at)) {
            check->probe[i] = (int32_t)at;
            at += PROBE;
        }
        if (at >= check->after->count ||
            !is_same_instruction(check, one, &check->after->items[at])) {
            return refuse_rewrite(check, one, "an instruction is not there");
        }
        check->own[i] = (int32_t)at++;
    }
    *tail = at;
    return RL_OK;
}

/* Matches the tail: jumps back, each to an instruction with a probe. A probe is before its
 * instruction or in the tail, never in both places. */
static rl_status match_tail(struct check *check, size_t at)
{
    while (at < check->after->count) {
        int32_t probe = is_probe(check, at) ? (int32_t)at : -1;
        at += probe >= 0 ? PROBE : 0;
        const struct instruction *back = &check->after->items[at];
        if (at >= check->after->count || back->op != check->rules->back) {
            return refuse_rewrite(check, &check->after->items[check->after->count - 1],
                                  "the tail does not jump back");
        }
        size_t i = find_own(check, back->target);
        if (i == check->before->count || (check->probe[i] >= 0) == (probe >= 0)) {
            return refuse_rewrite(check, back, "the tail leads elsewhere");
        }
        check->probe[i] = probe >= 0 ? probe : check->probe[i];
        if (check->after->items[check->probe[i] + 1].target != (int32_t)at) {
            return refuse_rewrite(check, back, "a probe leads elsewhere");
        }
        at++;
    }
    return RL_OK;
}

/* Returns whether a target in `after` is the wanted instruction of `before`, or its probe. */
static int leads_to(const struct check *check, int32_t target, int32_t wanted)
{
    return target == check->own[wanted] || (target >= 0 && target == check->probe[wanted]);
}

/* Fills in the handler that covers each instruction; the last one of several wins. */
static rl_status map_handlers(const struct listing *listing, int32_t *by)
{
    for (size_t i = 0; i < listing->count; i++) {
        by[i] = -1;
    }
    for (size_t h = 0; h < listing->handler_count; h++) {
        const struct handler *handler = &listing->handlers[h];
        if (handler->end > listing->count || handler->target >= listing->count) {
            return RL_DAMAGED;
        }
        for (size_t i = handler->first; i < handler->end; i++) {
            by[i] = (int32_t)h;
        }
    }
    return RL_OK;
}

/* Returns whether the same handler covers an instruction of each code. */
static int is_covered_alike(const struct check *check, int32_t before, int32_t after)
{
    int32_t a = check->by_before[before], b = check->by_after[after];
    if (a < 0 || b < 0) {
        return a == b;
    }
    const struct handler *old = &check->before->handlers[a], *now = &check->after->handlers[b];
    return old->depth == now->depth && old->pushes_place == now->pushes_place &&
           leads_to(check, (int32_t)now->target, (int32_t)old->target);
}

/* Checks the handler and the stack of a probe. */
static rl_status check_probe(const struct check *check, int32_t i, uint32_t stack)
{
    const struct instruction *one = &check->before->items[i];
    int32_t probe = check->probe[i];
    if (probe < 0) {
        return RL_OK;
    }
    if (!is_covered_alike(check, i, probe)) {
        return refuse_rewrite(check, one, "another handler covers its probe");
    }
    if (check->after->items[probe].depth != one->depth || (uint32_t)one->depth + 1 > stack) {
        return refuse_rewrite(check, one, "the stack of its probe is another, or too small");
    }
    return RL_OK;
}

/* Checks the jump, the line, the handler and the depth of one instruction. */
static rl_status check_instruction(const struct check *check, int32_t i, uint32_t stack)
{
    const struct instruction *a = &check->before->items[i];
    const struct instruction *b = &check->after->items[check->own[i]];
    if (a->target >= 0 && !leads_to(check, b->target, a->target)) {
        return refuse_rewrite(check, a, "a jump leads elsewhere");
    }
    /* A probe right before the instruction has its entry in the table of lines. */
    int is_before = check->probe[i] >= 0 && check->own[i] == check->probe[i] + PROBE;
    const struct instruction *first = is_before ? b - PROBE : b;
    if (a->line != b->line || a->is_entry != first->is_entry ||
        (a->is_entry && a->line != first->line)) {
        return refuse_rewrite(check, a, "the line is another");
    }
    if (!is_covered_alike(check, i, check->own[i])) {
        return refuse_rewrite(check, a, "another handler covers it");
    }
    if (a->depth != b->depth) {
        return refuse_rewrite(check, a, "the stack is another");
    }
    return check_probe(check, i, stack);
}

rl_status rewrite_check(const struct listing *before, struct listing *after,
                        const struct rewrite_rules *rules, uint32_t stack, uint32_t first_constant,
                        struct rl_err *err)
{
    struct check check = {.before = before,
                          .after = after,
                          .rules = rules,
                          .first_constant = first_constant,
                          .own = rl_alloc(before->count, sizeof *check.own),
                          .probe = rl_alloc(before->count, sizeof *check.probe),
                          .by_before = rl_alloc(before->count, sizeof *check.by_before),
                          .by_after = rl_alloc(after->count, sizeof *check.by_after),
                          .err = err};
    size_t tail = 0;
    rl_status status = check.own != NULL && check.probe != NULL && check.by_before != NULL &&
                               check.by_after != NULL
                           ? match_instructions(&check, &tail)
                           : status_set(err, RL_NOMEM, "no memory to check code");
    status = status == RL_OK ? match_tail(&check, tail) : status;
    if (status == RL_OK && (map_handlers(before, check.by_before) != RL_OK ||
                            map_handlers(after, check.by_after) != RL_OK)) {
        status = status_set(err, RL_DAMAGED, "a handler is outside the code");
    }
    status = status == RL_OK ? rewrite_flow(after, rules, err) : status;
    for (size_t i = 0; status == RL_OK && i < before->count; i++) {
        status = check_instruction(&check, (int32_t)i, stack);
    }
    rl_free(check.own);
    rl_free(check.probe);
    rl_free(check.by_before);
    rl_free(check.by_after);
    return status;
}
