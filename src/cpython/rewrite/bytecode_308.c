/* Part of bytecode.h: the format of CPython 3.8 and 3.9.
 *
 * Why: arguments of jumps count bytes. Instructions set up handlers, so there is no table of them.
 * Lines are the steps of co_lnotab:
 *
 *   +-------+------+-------+------+---
 *   | bytes | line | bytes | line | ...   bytes 0..255 and line -128..127 are added to the state
 *   +-------+------+-------+------+---    (offset 0, co_firstlineno); longer steps take more pairs
 *
 * Invariants: an entry is an offset at which a step changes the line. The interpreter reports a
 * line at entries, also where two steps cancel each other. So the copy has exactly the entries of
 * the old code, and a probe is within the entry of its line (rewrite.h, at_entries). */
#include "bytecode.h"

#if BYTECODE_FORMAT == 308

#include "status.h"

static const struct rewrite_rules rules_308 = {
    .ops =
        {
            BYTECODE_OLD_OPS,
#if BYTECODE_HAS_CALL_FINALLY
            [CALL_FINALLY] = {.jump = JUMP_AHEAD, .aside = 1},
#else
            [JUMP_IF_NOT_EXC_MATCH] = {.jump = JUMP_TO},
            [RERAISE] = {.ends = 1},
#endif
        },
    .jump_unit = 1,
    .extended = EXTENDED_ARG,
    .load = LOAD_CONST,
    .test = POP_JUMP_IF_TRUE,
    .back = JUMP_ABSOLUTE,
    .at_entries = 1,
    .exceptions_begin = BYTECODE_EXCEPTIONS_BEGIN_LINES,
    .effect = PyCompile_OpcodeStackEffectWithJump,
};

static const struct rewrite_rules *get_rules_308(void)
{
    return &rules_308;
}

/* Gives each instruction its line and marks the entries. */
static rl_status read_lnotab(struct listing *listing, PyCodeObject *code, struct rl_err *err)
{
    const uint8_t *row = (const uint8_t *)PyBytes_AS_STRING(code->co_lnotab);
    Py_ssize_t steps = PyBytes_GET_SIZE(code->co_lnotab) / 2;
    int32_t line = code->co_firstlineno;
    uint32_t at = 0;
    size_t i = 0;
    listing->items[0].is_entry = 1;
    for (Py_ssize_t k = 0; k <= steps; k++) {
        uint32_t until = k < steps ? at + row[2 * k] : listing->bytes;
        for (; i < listing->count && listing->items[i].at < until; i++) {
            listing->items[i].line = line;
        }
        if (k == steps) {
            break;
        }
        at = until;
        line += (int8_t)row[2 * k + 1];
        if (row[2 * k + 1] != 0 && at < listing->bytes) {
            int32_t entry = rewrite_at(listing, at);
            if (entry < 0) {
                return status_set(err, RL_DAMAGED, "line %d begins within an instruction", line);
            }
            listing->items[entry].is_entry = 1;
        }
    }
    return RL_OK;
}

/* Appends one step, as several pairs where it does not fit into one. */
static void put_lnotab_step(struct row *row, uint32_t bytes, int32_t step)
{
    for (; bytes > 255; bytes -= 255) {
        row_put(row, 255);
        row_put(row, 0);
    }
    for (; step > 127 || step < -128; bytes = 0) {
        int32_t most = step > 0 ? 127 : -128;
        row_put(row, bytes);
        row_put(row, (uint8_t)most);
        step -= most;
    }
    row_put(row, bytes);
    row_put(row, (uint8_t)step);
}

/* Returns co_lnotab of the copy. */
static PyObject *write_lnotab(PyCodeObject *code, const struct listing *listing,
                              const struct rewritten *made)
{
    struct row row = {0};
    int32_t line = code->co_firstlineno;
    uint32_t at = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const struct instruction *one = &listing->items[i];
        if (!one->is_entry || (i == 0 && one->line == line)) {
            continue;
        }
        if (one->line == line) { /* an entry without a change: one line on and back */
            put_lnotab_step(&row, made->begun[i] - at, 1);
            put_lnotab_step(&row, 0, -1);
        } else {
            put_lnotab_step(&row, made->begun[i] - at, one->line - line);
        }
        at = made->begun[i];
        line = one->line;
    }
    return row_take(&row);
}

const struct bytecode_format bytecode_format = {get_rules_308, read_lnotab, write_lnotab,
                                                bytecode_no_handlers};

#endif
