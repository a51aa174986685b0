/* Places of a thread, and a hash of all steps between two of them. Where two recordings have the
 * same hash, `diff` need not read what is between.
 *
 *   A   |--- h1 ---|--- h2 ---|---- h3 ----|--- h4 ---|
 *   B   |--- h1 ---|---- h5 -----|--- h3 ----|--- h4 ---|
 *
 * What a step is decides whether a landmark is before it. So two runs have the same ones again
 * behind steps that only one of them took.
 *
 * The hash has a key that this user alone can read (relive/_index.py). Whoever wrote a recording
 * does not know it, and can make no two stretches of one hash.
 *
 *    landmarks_pass_open() --> landmarks_pass_take() ... --> landmarks_pass_put()   the index
 *    landmarks_read() --> landmarks_find()                                          `diff`
 *
 * Threads: as for the reader, one at a time. */
#ifndef LANDMARKS_H
#define LANDMARKS_H

#include "alike.h"
#include "index.h"

/* Kinds of events that are steps, a bit each: those that `diff` may compare. */
#define LANDMARK_KINDS                                                                             \
    (UINT32_C(1) << RL_EVENT_CALL | UINT32_C(1) << RL_EVENT_RETURN |                               \
     UINT32_C(1) << RL_EVENT_YIELD | UINT32_C(1) << RL_EVENT_RESUME |                              \
     UINT32_C(1) << RL_EVENT_THROW | UINT32_C(1) << RL_EVENT_UNWIND |                              \
     UINT32_C(1) << RL_EVENT_LINE | UINT32_C(1) << RL_EVENT_WRITE |                                \
     UINT32_C(1) << RL_EVENT_RAISE | UINT32_C(1) << RL_EVENT_HANDLED |                             \
     UINT32_C(1) << RL_EVENT_C_CALL | UINT32_C(1) << RL_EVENT_C_RETURN |                           \
     UINT32_C(1) << RL_EVENT_C_RAISE | UINT32_C(1) << RL_EVENT_OUTPUT)

/* ---- making them ---- */

/* How landmarks are made. */
struct landmarks_plan {
    struct siphash_key key;
    uint64_t least; /* steps between two; 0 = a good number */
};

struct landmarks_lane; /* one thread */

/* A struct of zeros makes none. */
struct landmarks_pass {
    struct alike alike;
    uint64_t print;                 /* of the key; 0 = no landmarks are made */
    uint64_t least, long_one, most; /* steps */
    uint64_t limit;                 /* of what the last steps make */
    struct landmarks_lane *lanes;   /* owned */
    size_t count, cap;
    struct u64map places; /* thread + 1 -> place in `lanes` */
    size_t last;
    struct bytes_out made; /* landmarks since landmarks_pass_reset() */
    int is_full;           /* there were too many */
};

/* Begins; a plan of NULL makes none. */
void landmarks_pass_open(struct landmarks_pass *pass, const struct reader *reader,
                         const struct landmarks_plan *plan);
void landmarks_pass_fini(struct landmarks_pass *pass);
/* Takes the next event of all. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status landmarks_pass_take(struct landmarks_pass *pass,
                                         const struct event_out *event);
/* Appends the landmarks that were made. */
void landmarks_pass_put(const struct landmarks_pass *pass, struct bytes_out *out);
void landmarks_pass_reset(struct landmarks_pass *pass);

/* Returns whether events are lost here. Then nothing behind it is compared. */
int landmarks_end_at(const struct event_out *event);

/* ---- using them ---- */

struct landmark {
    uint64_t seq;         /* number of the step behind it */
    uint64_t before;      /* number of the step before it; `seq` = there is none */
    int is_next;          /* what follows is known: it goes on where the landmark before is */
    struct alike_run run; /* the steps since then */
    uint64_t left;        /* how many of the frames that were open there were left */
    size_t first_code, code_count; /* in landmarks.codes: frames that were entered and are open */
};

/* The landmarks of one thread, in order. */
struct landmarks {
    struct landmark *items; /* owned */
    size_t count, cap;
    uint32_t *codes; /* owned */
    size_t code_count, code_cap;
};

/* Reads those of a thread from the reader's index, as far as they were made with this key. There
 * are none where it has steps of kinds that are not in `kinds`. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status landmarks_read(const struct reader *reader, uint32_t thread,
                                    const struct siphash_key *key, uint32_t kinds,
                                    struct landmarks *landmarks);
void landmarks_fini(struct landmarks *landmarks);
/* Returns the place of the first landmark at or behind an event; `count` where there is none. */
size_t landmarks_find(const struct landmarks *landmarks, uint64_t seq);

#endif
