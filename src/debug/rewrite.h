/* Code with probes: the instructions of a code object, and before those with which wanted lines
 * begin two more that ask, and jump where the answer is yes.
 *
 *   line 5:  ...                    line 5:  ...
 *   line 6:  LOAD_FAST x     ->     (probe)  LOAD_CONST p; POP_JUMP_IF_TRUE to yes
 *            ...                    line 6:  LOAD_FAST x
 *                                            ...
 *                                   (tail)   yes: jump back to line 6
 *
 * The jump back makes a trace function, if there is one by then, be told of line 6. A line begins
 * where it would be told so: where it is entered from another line, or by a jump back. A jump that
 * begins a line in its middle, where falling through does not, is led over a probe in the tail.
 *
 * What an opcode means is said by rewrite_rules, so that nothing here knows CPython. Flow:
 * rewrite_read() -> the caller says lines and handlers -> rewrite_probe() -> the caller makes code
 * -> both are read again -> rewrite_check(). */
#ifndef REWRITE_H
#define REWRITE_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

enum rewrite_jump { JUMP_NONE, JUMP_TO, JUMP_AHEAD, JUMP_BACK };

struct rewrite_op {
    uint8_t jump;    /* enum rewrite_jump */
    uint8_t caches;  /* units that follow it and are not code */
    uint8_t ends;    /* what follows it is not reached through it */
    uint8_t aside;   /* its jump says nothing of the depth of the stack: a call of a finally body */
    uint8_t sets_up; /* its jump is where an exception goes */
    uint8_t goes_on; /* a jump back to it begins no line: an await goes on waiting */
    uint8_t turned;  /* the same jump in the other direction; 0: it has one only */
};

struct rewrite_rules {
    struct rewrite_op ops[256];
    unsigned jump_unit; /* bytes */
    uint8_t extended, load, test, back;
    uint8_t pop_block; /* ends what an opcode with sets_up began; 0: there is a table */
    /* A line begins only where the table of lines has an entry, or by a jump back; else wherever
     * the line changes. */
    int at_entries;
    /* With at_entries: an exception that comes to a handler begins a line there. */
    int exceptions_begin;
    /* What an opcode does to the depth of the stack; > 1000 where it does not know the opcode. */
    int (*effect)(int op, int arg, int jumps);
};

struct instruction {
    uint32_t at, size; /* bytes, with what extends it and its caches */
    uint32_t arg;
    int32_t target; /* of its jump: an index; -1: none */
    int32_t line;   /* -1: none */
    int32_t depth;  /* of the stack before it; -1: not reached */
    uint8_t op;
    uint8_t extended; /* how many units extend it */
    uint8_t is_entry; /* the table of lines has an entry here */
};

/* What covers instructions [first, end): indexes. */
struct handler {
    uint32_t first, end, target;
    uint32_t depth;
    uint32_t pushes_place; /* below the exception it pushes where it was raised */
};

/* The instructions of a code object, all owned. */
struct listing {
    struct instruction *items;
    size_t count;
    struct handler *handlers;
    size_t handler_count;
    uint32_t bytes;
    uint32_t body; /* lines begin from here on */
};

/* Where an instruction of the new code comes from. */
struct placed {
    uint32_t at;     /* byte; of the last one: the end */
    int32_t origin;  /* an index; -1: of a probe */
    int32_t covered; /* what covers this instruction covers it: an index */
};

struct rewritten {
    uint8_t *code; /* owned */
    uint32_t len;
    struct placed *placed; /* owned */
    size_t count;
    uint32_t *moved;   /* owned: the new byte offset of each instruction, and of the tail */
    uint32_t *begun;   /* owned: the same, or of the probe that lies before it */
    uint32_t *entered; /* owned: the same for exceptions, which may have no need of the probe */
    size_t probes;
    int is_deep; /* a failure was for want of room on the stack */
};

RL_CHECKED rl_status rewrite_read(struct listing *listing, const struct rewrite_rules *rules,
                                  const uint8_t *code, size_t len, struct rl_err *err);
/* The index of the instruction at a byte, or -1. */
int32_t rewrite_at(const struct listing *listing, uint32_t at);
/* Tells each instruction's depth. */
RL_CHECKED rl_status rewrite_flow(struct listing *listing, const struct rewrite_rules *rules,
                                  struct rl_err *err);

/* `constant` says which constant is the probe of a line; < 0: the line is not wanted. */
typedef int32_t rewrite_constant(void *context, int32_t line);
RL_CHECKED rl_status rewrite_probe(struct rewritten *made, const struct listing *listing,
                                   const struct rewrite_rules *rules, uint32_t stack,
                                   rewrite_constant *constant, void *context, struct rl_err *err);

/* Whether `after` is `before` with probes, whose constants lie from `first_constant` on, and
 * nothing else: the same instructions, jumps, lines, handlers and depths. */
RL_CHECKED rl_status rewrite_check(const struct listing *before, struct listing *after,
                                   const struct rewrite_rules *rules, uint32_t stack,
                                   uint32_t first_constant, struct rl_err *err);

void listing_fini(struct listing *listing);
void rewritten_fini(struct rewritten *made);

#endif
