/* Part of bytecode.h.
 * Why: code of CPython 3.10. Jumps count instructions; lines are ranges, some of which have none
 * (PEP 626). Handlers are set up by instructions. */
#include "bytecode.h"

#if BYTECODE_FORMAT == 310

enum { NO_LINE = -128, RANGE_MAX = 254 };

/* A generator begins with what was sent on its stack, which GEN_START takes off. */
static int effect(int op, int arg, int jumps)
{
    return op == GEN_START ? 0 : PyCompile_OpcodeStackEffectWithJump(op, arg, jumps);
}

static const struct rewrite_rules known = {
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
    .effect = effect,
};

static const struct rewrite_rules *rules(void)
{
    return &known;
}

static rl_status tell(struct listing *listing, PyCodeObject *code, struct rl_err *err)
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

static int32_t line_of(const struct listing *listing, const struct placed *placed)
{
    return placed->origin >= 0 ? listing->items[placed->origin].line : -1;
}

static PyObject *lines(PyCodeObject *code, const struct listing *listing,
                       const struct rewritten *made)
{
    struct row row = {0};
    int32_t line = code->co_firstlineno;
    for (size_t i = 0, k; i < made->count; i = k) {
        int32_t now = line_of(listing, &made->placed[i]);
        for (k = i + 1; k < made->count && line_of(listing, &made->placed[k]) == now; k++) {
        }
        put_range(&row, made->placed[k].at - made->placed[i].at, now >= 0, now - line);
        line = now < 0 ? line : now;
    }
    return row_take(&row);
}

const struct bytecode_format bytecode_format = {rules, tell, lines, bytecode_no_handlers};

#endif
