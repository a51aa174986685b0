/* Part of bytecode.h: the format of CPython 3.10.
 *
 * Why: arguments of jumps count instructions. Instructions set up handlers, so there is no table of
 * them. Lines are the ranges of co_linetable (PEP 626):
 *
 *   +-------+------+-------+------+---
 *   | bytes | line | bytes | line | ...   each pair is a range of so many bytes, which begins where
 *   +-------+------+-------+------+---    the last one ends; line -128 = the range has no line
 *
 * Invariants: the line of a range is the last line plus the step; ranges without a line do not
 * change it. Probes have no line, so the interpreter reports none at a probe. */
#include "bytecode.h"

#if BYTECODE_FORMAT == 310

enum { NO_LINE = -128, RANGE_MAX = 254 };

/* Returns the change of depth. GEN_START pops the value that the first send() has pushed, which
 * rewrite_flow() does not count: so it changes nothing. */
static int stack_effect_310(int op, int arg, int jumps)
{
    return op == GEN_START ? 0 : PyCompile_OpcodeStackEffectWithJump(op, arg, jumps);
}

static const struct rewrite_rules rules_310 = {
    .ops =
        {
            BYTECODE_OLD_OPS,
            [JUMP_IF_NOT_EXC_MATCH] = {.jump = JUMP_TO},
            [RERAISE] = {.ends = 1},
        },
    .jump_unit = sizeof(_Py_CODEUNIT),
    .extended = EXTENDED_ARG,
    .load = LOAD_CONST,
    .test = POP_JUMP_IF_TRUE,
    .back = JUMP_ABSOLUTE,
    .pop_block = POP_BLOCK,
    .effect = stack_effect_310,
};

static const struct rewrite_rules *get_rules_310(void)
{
    return &rules_310;
}

/* Gives each instruction its line, -1 for none. The body begins behind GEN_START. */
static rl_status read_ranges(struct listing *listing, PyCodeObject *code, struct rl_err *err)
{
    const uint8_t *row = (const uint8_t *)PyBytes_AS_STRING(code->co_linetable);
    Py_ssize_t ranges = PyBytes_GET_SIZE(code->co_linetable) / 2;
    int32_t line = code->co_firstlineno;
    uint32_t end = 0;
    size_t i = 0;
    (void)err;
    for (Py_ssize_t k = 0; k < ranges; k++) {
        int8_t step = (int8_t)row[2 * k + 1];
        line += step != NO_LINE ? step : 0;
        end += row[2 * k];
        for (; i < listing->count && listing->items[i].at < end; i++) {
            listing->items[i].line = step != NO_LINE ? line : -1;
        }
    }
    listing->body = listing->items[0].op == GEN_START;
    return RL_OK;
}

/* Appends one range, as several pairs where it does not fit into one. */
static void put_range(struct row *row, uint32_t bytes, int has_line, int32_t step)
{
    while (has_line && (step > 127 || step < -127)) {
        int32_t most = step > 0 ? 127 : -127;
        row_put(row, 0);
        row_put(row, (uint8_t)most);
        step -= most;
    }
    for (; bytes > RANGE_MAX; bytes -= RANGE_MAX) {
        row_put(row, RANGE_MAX);
        row_put(row, (uint8_t)(has_line ? step : NO_LINE));
        step = 0;
    }
    row_put(row, bytes);
    row_put(row, (uint8_t)(has_line ? step : NO_LINE));
}

/* Returns the line of an item of the new code, -1 for a probe. */
static int32_t line_placed(const struct listing *listing, const struct placed *placed)
{
    return placed->origin >= 0 ? listing->items[placed->origin].line : -1;
}

/* Returns co_linetable of the copy: neighbours of one line are one range. */
static PyObject *write_ranges(PyCodeObject *code, const struct listing *listing,
                              const struct rewritten *made)
{
    struct row row = {0};
    int32_t line = code->co_firstlineno;
    for (size_t i = 0, k; i < made->count; i = k) {
        int32_t now = line_placed(listing, &made->placed[i]);
        for (k = i + 1; k < made->count && line_placed(listing, &made->placed[k]) == now; k++) {
        }
        put_range(&row, made->placed[k].at - made->placed[i].at, now >= 0, now - line);
        line = now < 0 ? line : now;
    }
    return row_take(&row);
}

const struct bytecode_format bytecode_format = {get_rules_310, read_ranges, write_ranges,
                                                bytecode_no_handlers};

#endif
