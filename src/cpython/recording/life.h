/* Begin and end of a recording: one thread at a time owns the state (enum life). */
#ifndef LIFE_H
#define LIFE_H

#include "state.h"

struct filter;

/* All return 0, or -1 with a Python exception. */
struct recording_options {
    struct recorder_options recorder;
    struct backend_start start;
    const struct backend *backend;
    int is_waiting;
    enum level level;
    int library_lines;
    int globals;
    int gc;
    int output;                /* 2: what C code writes, too */
    unsigned budget;           /* percent; 0 = none */
    const char *activation[2]; /* activation_begin() */
    struct filter *filter;     /* borrowed; NULL = none */
    enum level rule_level;     /* the highest that a rule of it wants */
    struct value_limits limits;
};
int recording_init(void);
/* Takes the state, to start or to stop; 0 where it cannot be had. Who wants to stop waits while
 * another thread does. recording_settle() gives it back. */
int recording_claim_start(struct rl_err *err);
int recording_claim_stop(void);
void recording_settle(void);
int recording_start(const struct recording_options *options, struct rl_err *err);
/* The hook stays set; opens a forked child's own file. */
int recording_start_child(const struct recording_options *options, struct rl_err *err);
/* Writes what is known at the end: what budget and filter have done, and a gap where the program
 * has taken the hook. Called while Python still runs: by recording_stop(), and before the
 * interpreter is torn down. */
void recording_before_end(void);
/* Copies the recording that is on, as it is now. */
rl_status recording_snapshot(const char *path, struct rl_err *err);
/* By whoever has claimed the state. */
void recording_stop(struct recorder_stats *stats);
/* Without a GIL and without Python: the very end of the process. */
void recording_stop_at_exit(struct recorder_stats *stats);

#endif
