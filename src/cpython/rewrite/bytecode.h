/* Makes copies of code objects that call a probe at the beginning of lines, for CPython 3.8
 * to 3.11.
 *
 * Why: below 3.12 only a trace function reports lines, and it slows down every line of the program.
 * A copy pays only at the lines that have a breakpoint.
 *
 *   bytecode_probe(code, lines, probes)
 *     |
 *     |  list_code()       bytes and tables of `code` -> struct listing      (the format reads)
 *     |  rewrite_probe()   listing -> struct rewritten                       (src/debug/rewrite.c)
 *     |  build_copy()      rewritten -> bytes and tables -> a new code object  (the format writes)
 *     |  check_copy()      list_code(copy), compared with the first listing  (rewrite_check.c)
 *     v
 *   result->code, or NULL with a reason
 *
 * Formats: a format knows its opcodes and its tables of lines and handlers. One of bytecode_308.c
 * (3.8 and 3.9), bytecode_310.c and bytecode_311.c is compiled; it defines bytecode_format.
 *
 * Invariants: the old code object is never changed. A copy that check_copy() refuses is freed and
 * never runs. Flags, names, size of the stack and first line are the same in both.
 *
 * Threads: under the GIL. bytecode_probe() and bytecode_check() run none of the program's code. */
#ifndef BYTECODE_H
#define BYTECODE_H

#include "compat.h"

#if BYTECODE_FORMAT

#include "rewrite.h"

/* The opcodes that 3.8, 3.9 and 3.10 have in common, as items of rewrite_rules.ops. */
#define BYTECODE_OLD_OPS                                                                           \
    [FOR_ITER] = {.jump = JUMP_AHEAD}, [JUMP_FORWARD] = {.jump = JUMP_AHEAD, .ends = 1},           \
    [SETUP_FINALLY] = {.jump = JUMP_AHEAD, .sets_up = 1},                                          \
    [SETUP_WITH] = {.jump = JUMP_AHEAD, .sets_up = 1},                                             \
    [SETUP_ASYNC_WITH] = {.jump = JUMP_AHEAD, .sets_up = 1},                                       \
    [JUMP_IF_FALSE_OR_POP] = {.jump = JUMP_TO}, [JUMP_IF_TRUE_OR_POP] = {.jump = JUMP_TO},         \
    [JUMP_ABSOLUTE] = {.jump = JUMP_TO, .ends = 1}, [POP_JUMP_IF_FALSE] = {.jump = JUMP_TO},       \
    [POP_JUMP_IF_TRUE] = {.jump = JUMP_TO}, [RETURN_VALUE] = {.ends = 1},                          \
    [RAISE_VARARGS] = {.ends = 1}

/* A table of a code object while it is written, byte by byte. */
struct row {
    uint8_t *items; /* owned */
    size_t used, cap;
    int failed; /* 1: there was no memory; row_take() then returns NULL */
};
/* Appends the low eight bits of `byte`. Without memory it sets `failed`. */
void row_put(struct row *row, unsigned byte);
/* Frees the table and returns it as new bytes, or NULL with an exception. */
PyObject *row_take(struct row *row);
/* Returns new empty bytes: the write_handlers of a format whose code has no table of handlers. */
PyObject *bytecode_no_handlers(const struct listing *listing, const struct rewritten *made);

/* What differs between versions. Each format file defines one. */
struct bytecode_format {
    /* Returns the opcodes of this version. The rules live as long as the process. */
    const struct rewrite_rules *(*rules)(void);
    /* Completes a listing whose instructions are read: lines, handlers, and where the body begins.
     */
    rl_status (*read_tables)(struct listing *listing, PyCodeObject *code, struct rl_err *err);
    /* Each returns a table for the new code as new bytes, or NULL with an exception. */
    PyObject *(*write_lines)(PyCodeObject *code, const struct listing *listing,
                             const struct rewritten *made);
    PyObject *(*write_handlers)(const struct listing *listing, const struct rewritten *made);
};
extern const struct bytecode_format bytecode_format;

struct bytecode_result {
    PyCodeObject *code; /* owned; NULL: refused */
    size_t probes;      /* how many were inserted */
    uint32_t tail;      /* index of the first instruction of the tail (rewrite.h) */
    const char *reason; /* the reason code of a refusal */
    struct rl_err err;  /* and its details */
};

/* Returns RL_OK if `copy` is `code` with probes and nothing else. Otherwise err has the first
 * difference. */
rl_status bytecode_check(PyCodeObject *code, PyCodeObject *copy, struct rl_err *err);

/* Makes a copy of `code` that tests the truth of probes[i] where lines[i] begins. The lines must
 * ascend. Sets every field of `result`; leaves the current exception as it was. */
void bytecode_probe(PyCodeObject *code, const uint32_t *lines, PyObject *const *probes,
                    size_t count, struct bytecode_result *result);

#endif
#endif
