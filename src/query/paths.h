/* Whether two runs took the same path. They did where each thread has the same calls and ends of
 * calls in the same order, with the same types of exceptions.
 *
 *   A   T1  call f | call g | return g | unwind f ValueError
 *   B   T1  call f | call g | unwind g ValueError ...
 *                             ^ another path, at call 2 of T1
 *
 * Values, lines and times do not count, so recordings of different levels can be compared. Left out
 * are bodies of modules, since a process runs each once, and frames that were open at the begin.
 *
 * Threads: as for the reader, one at a time. The two readers may be one. */
#ifndef PATHS_H
#define PATHS_H

#include "cursor.h"

/* Events of a thread that are not compared: from <= seq < until. */
struct path_skip {
    uint32_t thread;
    uint64_t from, until;
};

struct path_side {
    struct reader *reader;
    const uint32_t *threads; /* those that are compared, in their order */
    size_t thread_count;
    const struct path_skip *skips;
    size_t skip_count;
};

/* Where a run parts from the other one. */
struct path_place {
    int is_known;    /* 0: this run had ended, or had no such thread */
    uint32_t thread; /* 0 = no such thread */
    uint64_t seq;
};

struct path_answer {
    int is_same;
    uint64_t calls;              /* of the first run, in all threads */
    uint64_t call;               /* the how many-th call of its thread parts; from 1 */
    struct path_place places[2]; /* filled where the runs are not the same */
};

/* RL_OK or RL_NOMEM. Threads with the same path are paired, in whatever order they began. */
RL_CHECKED rl_status paths_compare(const struct path_side sides[2], struct path_answer *answer);

#endif
