/* Inserts probes into the bytecode of a code object. A probe is two instructions before the first
 * instruction of a wanted line; it asks an object whether the program stops there.
 *
 *   line 5:  ...                    line 5:  ...
 *   line 6:  LOAD_FAST x     ->     (probe)  LOAD_CONST p; POP_JUMP_IF_TRUE to `yes`
 *            ...                    line 6:  LOAD_FAST x
 *                                            ...
 *                                   (tail)   yes: jump back to line 6
 *
 * Truth of the constant p runs the debugger. If it set a trace function and is true, control comes
 * to the tail. The jump back then makes the interpreter call that function for line 6.
 *
 * A line begins where the interpreter would report it: where control enters it from another line,
 * or by a jump back. Sometimes only a jump begins a line in the middle of its instructions. Then
 * the jump is led over a probe in the tail, and falling through meets no probe:
 *
 *   jump to X  ->  jump to tail: LOAD_CONST p; POP_JUMP_IF_TRUE; jump back to X
 *
 * Flow, with what the caller does in brackets:
 *
 *   rewrite_read(old) -> [lines, handlers] -> rewrite_flow() -> rewrite_probe()
 *     -> [code object] -> rewrite_read(new) -> [lines, handlers] -> rewrite_check() -> [runs it]
 *
 * Invariants: nothing here knows CPython; rewrite_rules describes each opcode. Code that
 * rewrite_check() refuses is never run.
 *
 * Threads: pure functions of their arguments. */
#ifndef REWRITE_H
#define REWRITE_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

enum rewrite_jump { JUMP_NONE, JUMP_TO, JUMP_AHEAD, JUMP_BACK };

struct rewrite_op {
    uint8_t jump;    /* enum rewrite_jump */
    uint8_t caches;  /* units after the instruction that are not code */
    uint8_t ends;    /* control never falls through to the next instruction */
    uint8_t aside;   /* its jump must not set stack depths: a call of a finally body */
    uint8_t sets_up; /* its jump target is an exception handler */
    uint8_t goes_on; /* a jump back to it begins no line: an await continues to wait */
    uint8_t turned;  /* the same jump in the other direction; 0 = there is none */
};

struct rewrite_rules {
    struct rewrite_op ops[256];
    unsigned jump_unit;       /* bytes */
    uint8_t extended;         /* extends the argument of the next instruction */
    uint8_t load, test, back; /* load a constant; jump if true; jump back */
    uint8_t pop_block; /* ends the block that a sets_up opcode began; 0 = handlers are in a table */
    /* 1: a line begins at entries of the table of lines, and by jumps back. 0: wherever the line
     * changes. */
    int at_entries;
    /* With at_entries: an exception begins a line at its handler. */
    int exceptions_begin;
    /* Returns how an opcode changes the depth of the stack; > 1000 for an unknown opcode. */
    int (*effect)(int op, int arg, int jumps);
};

struct instruction {
    uint32_t at, size; /* bytes, including extensions before and caches after it */
    uint32_t arg;
    int32_t target; /* index of the instruction that it jumps to; -1 = none */
    int32_t line;   /* -1 = none */
    int32_t depth;  /* of the stack before it; -1 = not reached */
    uint8_t op;
    uint8_t extended; /* number of extensions */
    uint8_t is_entry; /* the table of lines has an entry here */
};

/* An exception handler for the instructions [first, end). All are indexes. */
struct handler {
    uint32_t first, end, target;
    uint32_t depth;
    uint32_t pushes_place; /* 1: the place of the exception is pushed before the exception */
};

/* The instructions and handlers of a code object. Both arrays are owned. */
struct listing {
    struct instruction *items;
    size_t count;
    struct handler *handlers;
    size_t handler_count;
    uint32_t bytes;
    uint32_t body; /* index of the first instruction at which a line can begin */
};

/* Origin of an instruction of the new code. */
struct placed {
    uint32_t at;     /* byte offset; in the last item, the length of the code */
    int32_t origin;  /* index in the old listing; -1 = part of a probe */
    int32_t covered; /* index of the old instruction whose handler covers it too */
};

struct rewritten {
    uint8_t *code; /* owned */
    uint32_t len;
    struct placed *placed; /* owned */
    size_t count;
    /* New byte offsets by old index; all three are owned. */
    uint32_t *moved;   /* of the instruction itself; one more item for the tail */
    uint32_t *begun;   /* where its line begins: at the probe right before it, if there is one */
    uint32_t *entered; /* where exceptions enter it: at the probe only if they begin its line */
    size_t probes;
    int is_deep; /* rewrite_probe() failed because the stack has no free place */
};

/* Reads the instructions of `code` and resolves their jumps. Lines, handlers and depths are left
 * for the caller and rewrite_flow(). Fails with RL_DAMAGED for bytes that are no valid code. */
RL_CHECKED rl_status rewrite_read(struct listing *listing, const struct rewrite_rules *rules,
                                  const uint8_t *code, size_t len, struct rl_err *err);
/* Returns the index of the instruction at a byte offset, or -1. */
int32_t rewrite_at(const struct listing *listing, uint32_t at);
/* Computes the depth of the stack before each instruction that can be reached. */
RL_CHECKED rl_status rewrite_flow(struct listing *listing, const struct rewrite_rules *rules,
                                  struct rl_err *err);

/* Returns the index of the constant that is the probe of a line; < 0 = no probe is wanted. */
typedef int32_t rewrite_constant(void *context, int32_t line);
/* Lays out the code with probes. `stack` is the size of the stack, which a probe must not exceed.
 */
RL_CHECKED rl_status rewrite_probe(struct rewritten *made, const struct listing *listing,
                                   const struct rewrite_rules *rules, uint32_t stack,
                                   rewrite_constant *constant, void *context, struct rl_err *err);

/* Proves that `after` is `before` with probes and nothing else: the same instructions, jumps,
 * lines, handlers and depths. Constants of probes begin at `first_constant`. Fails with RL_DAMAGED
 * and the first difference. Fills in the depths of `after`. */
RL_CHECKED rl_status rewrite_check(const struct listing *before, struct listing *after,
                                   const struct rewrite_rules *rules, uint32_t stack,
                                   uint32_t first_constant, struct rl_err *err);

void rewrite_listing_fini(struct listing *listing);
void rewrite_fini(struct rewritten *made);

#endif
