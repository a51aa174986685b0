/* Begin and end of a recording: one thread at a time owns the state (enum life). */
#ifndef LIFE_H
#define LIFE_H

#include "state.h"

struct filter;

struct recording_options {
    struct recorder_options recorder;
    struct backend_start start;
    const struct backend *backend; /* as module/choice.h has chosen it */
    int is_waiting;                /* nothing is recorded before the main program's first frame */
    enum level level;              /* of code of which no rule says another */
    int library_lines;             /* level lines also for code of libraries */
    int globals;                   /* at level lines, also names of modules that functions change */
    int gc;                        /* pauses of the garbage collector are events */
    int output;                /* what the program prints is an event; 2: also what C code does */
    unsigned budget;           /* percent; 0 = none */
    const char *activation[2]; /* activation_begin() */
    struct filter *filter;     /* borrowed; NULL = none */
    struct filter *source_filter; /* the same, for the writer thread alone; NULL: no source texts */
    enum level rule_level;        /* the highest that a rule of it wants */
    struct value_limits limits;   /* of each captured value */
};

/* Once a process. 0, or -1 with an exception. */
int recording_init(void);

/* Takes the state, to start a recording or to stop it; 0 where another thread has it. A thread that
 * wants to stop waits while another one stops. recording_settle() gives the state back. */
int recording_claim_start(struct rl_err *err);
int recording_claim_stop(void);
void recording_settle(void);

/* Opens the file and starts the backend: 0, or -1 with an exception or `err`. The caller has
 * claimed the state, here and below. */
int recording_start(const struct recording_options *options, struct rl_err *err);
/* The same in a forked child, where the hook is still set: opens the child's own file. */
int recording_start_child(const struct recording_options *options, struct rl_err *err);
/* Writes what is only known at the end: results of budget and filter, and a gap where the program
 * has taken the hook. Called while Python still runs: by recording_stop(), and before the
 * interpreter is torn down. */
void recording_before_end(void);
/* Ends the recording, and closes its file while other threads run. */
void recording_stop(struct recorder_stats *stats);

/* Copies the recording that is on, as it is now. */
rl_status recording_snapshot(const char *path, struct rl_err *err);
/* The very end of the process: without a GIL and without Python. */
void recording_stop_at_exit(struct recorder_stats *stats);

#endif
