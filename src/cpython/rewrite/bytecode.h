/* Copies of code objects with calls at the beginning of lines, for CPython 3.8 to 3.11.
 *
 *   bytecode_probe() -> src/debug/rewrite.c lays out -> the format's tables -> a code object
 *                    -> read anew -> src/debug/rewrite_check.c
 *
 * A format knows its opcodes and its tables of lines and handlers: bytecode_308.c (3.8 and 3.9),
 * bytecode_310.c, bytecode_311.c. */
#ifndef BYTECODE_H
#define BYTECODE_H

#include "compat.h"

#if BYTECODE_FORMAT

#include "rewrite.h"

/* What opcodes of 3.8 to 3.10 have in common. */
#define BYTECODE_OLD_OPS                                                                           \
    [FOR_ITER] = {.jump = JUMP_AHEAD}, [JUMP_FORWARD] = {.jump = JUMP_AHEAD, .ends = 1},           \
    [SETUP_FINALLY] = {.jump = JUMP_AHEAD, .sets_up = 1},                                          \
    [SETUP_WITH] = {.jump = JUMP_AHEAD, .sets_up = 1},                                             \
    [SETUP_ASYNC_WITH] = {.jump = JUMP_AHEAD, .sets_up = 1},                                       \
    [JUMP_IF_FALSE_OR_POP] = {.jump = JUMP_TO}, [JUMP_IF_TRUE_OR_POP] = {.jump = JUMP_TO},         \
    [JUMP_ABSOLUTE] = {.jump = JUMP_TO, .ends = 1}, [POP_JUMP_IF_FALSE] = {.jump = JUMP_TO},       \
    [POP_JUMP_IF_TRUE] = {.jump = JUMP_TO}, [RETURN_VALUE] = {.ends = 1},                          \
    [RAISE_VARARGS] = {.ends = 1}

/* A table that is being written. */
struct row {
    uint8_t *items; /* owned */
    size_t used, cap;
    int failed;
};
void row_put(struct row *row, unsigned byte);
/* The table as bytes, freed: new, or NULL with an exception. */
PyObject *row_take(struct row *row);
/* What a format without a table of handlers has of them. */
PyObject *bytecode_no_handlers(const struct listing *listing, const struct rewritten *made);

struct bytecode_format {
    const struct rewrite_rules *(*rules)(void);
    /* Says each instruction's line, the handlers, and where the body begins. */
    rl_status (*tell)(struct listing *listing, PyCodeObject *code, struct rl_err *err);
    /* The code object's tables for new code: new bytes, or NULL with an exception. */
    PyObject *(*lines)(PyCodeObject *code, const struct listing *listing,
                       const struct rewritten *made);
    PyObject *(*handlers)(const struct listing *listing, const struct rewritten *made);
};
extern const struct bytecode_format bytecode_format;

struct bytecode_result {
    PyCodeObject *code; /* owned; NULL: refused */
    size_t probes;
    uint32_t tail;      /* the first instruction that is none of the old code's */
    const char *reason; /* the reason code of a refusal */
    struct rl_err err;
};

/* Whether `copy` is `code` with probes and nothing else; err says why not. */
rl_status bytecode_check(PyCodeObject *code, PyCodeObject *copy, struct rl_err *err);

/* A copy of `code` that calls probes[i] (+probes[i], in Python's terms) where lines[i] begins;
 * lines in order. Leaves no exception. */
void bytecode_probe(PyCodeObject *code, const uint32_t *lines, PyObject *const *probes,
                    size_t count, struct bytecode_result *result);

#endif
#endif
