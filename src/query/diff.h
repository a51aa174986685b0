/* Where two threads, or two calls, part: in one recording or in two.
 *
 *   A   call f | line 2 | line 3 | call g(1) ... | return 5
 *   B   call f | line 2 | line 4 | call g(2) ... | return 5
 *                         ^        ^
 *                         STEPS    VALUES
 *
 * Threads: as for the reader, one at a time. The two readers may be one. */
#ifndef DIFF_H
#define DIFF_H

#include "cursor.h"
#include "map.h"
#include "siphash.h"

enum diff_kind {
    DIFF_VALUES, /* the same step with other values */
    DIFF_STEPS,  /* A took some steps where B took others, or none; or the reverse */
    DIFF_INSIDE, /* the same call, and something in it differs that was not looked for */
    DIFF_LOST    /* events of A or B are lost here; what follows was not compared */
};
enum { DIFF_KINDS = 4, DIFF_A = 0, DIFF_B = 1, DIFF_STACK_MAX = 64 };

struct difference {
    enum diff_kind kind;
    uint64_t seq[2]; /* number of the first event on each side; of the one before where 0 steps */
    uint64_t events[2]; /* number of events on each side; 0 = none */
    uint32_t code[2];   /* code id of the first event on each side, where it has one */
    int is_own;         /* it is in an own function, or is a call of one */
    size_t depth;       /* number of frames in `stack`: those around it, the outermost first */
    uint32_t *stack;    /* owned; code ids of A. At most the DIFF_STACK_MAX innermost ones */
    size_t hidden;      /* frames outside of these */
};

/* One side of the question. */
struct diff_side {
    struct reader *reader;
    uint32_t thread;
    uint64_t seq;      /* of the begin of one call; used where is_call */
    struct u64map own; /* code ids + 1 of the functions whose differences come first */
};

struct diff_question {
    struct diff_side sides[2];
    int is_call;    /* compare one call of each, and not the whole threads */
    uint32_t kinds; /* one bit for each kind of event that both recordings have */
    int has_values; /* both recordings have values */
    size_t limit;   /* keeps the first ones; all are counted */
    int has_key;    /* stretches that both indexes know by this key may be left out (landmarks.h) */
    struct siphash_key key;
};

struct diff_answer {
    struct difference *items; /* owned; in the order of A, own and others mixed */
    size_t count, cap;
    uint64_t found[DIFF_KINDS]; /* number of differences of each kind */
    uint64_t own;               /* how many of them are own */
    uint64_t same;              /* number of steps that both took */
    uint64_t skipped;           /* number of steps that landmarks left out, on one side or both */
};

RL_CHECKED rl_status diff_read(const struct diff_question *question, struct diff_answer *answer);
void diff_fini(struct diff_answer *answer);

#endif
