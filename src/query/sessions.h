/* What ran in each session of a recording: `relive sessions`. */
#ifndef SESSIONS_H
#define SESSIONS_H

#include "reader.h"

struct session_total {
    uint32_t session;
    uint64_t calls;
    uint64_t errors; /* exceptions that left one of the functions asked about, each once */
};

struct session_totals {
    struct session_total *items; /* owned; in order of their first call */
    size_t count, cap;
};

/* Only sessions in which something was called, or that were left by an exception. `codes`: ids + 1
 * of the functions whose exceptions are errors. What ends an iteration is none. */
RL_CHECKED rl_status sessions_count(struct reader *reader, const struct u64map *codes,
                                    struct session_totals *totals);
void sessions_fini(struct session_totals *totals);

#endif
