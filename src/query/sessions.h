/* What ran in each session of a recording: `relive sessions`.
 *
 * Threads: as for the reader, one at a time. */
#ifndef SESSIONS_H
#define SESSIONS_H

#include "reader.h"

struct session_total {
    uint32_t session;
    uint64_t calls;
    uint64_t errors; /* exceptions that left one of the given functions, each once */
};

struct session_totals {
    struct session_total *items; /* owned; in the order of the first call */
    size_t count, cap;
};

/* Counts the sessions in which a function was called, or which an exception ended. `codes` has ids
 * + 1 of the functions whose exceptions are errors. An exception that ends an iteration is no
 * error. */
RL_CHECKED rl_status sessions_count(struct reader *reader, const struct u64map *codes,
                                    struct session_totals *totals);
void sessions_fini(struct session_totals *totals);

#endif
