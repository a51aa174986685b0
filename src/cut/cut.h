/* A part of a recording as a recording of its own: `relive cut`.
 *
 *   threads   1 |----#####--------|        #  events of the interval: kept, with their numbers
 *             2   |--####---|              -  left out
 *             3           |-----|
 *                     ^   ^
 *                  from   to, in the one order of all threads (cursor.h)
 *
 * Each thread of the part begins with events for what was open: its start, its session, and each
 * open frame with its task (RUNNING). These take the numbers right before its first kept
 * event, so every kept event has the number that it had. So does a thread that only waits.
 * The block BEFORE has all that was known (begin.h): values, suspended frames, and counts of calls.
 * So every call has the number that it had.
 *
 * A whole recording can be written so, too: that of a process that was killed, or a ring that goes
 * on. Then only the definitions and the texts that its events use are written.
 *
 *   reader --> begin.h      what is open before `from`
 *          --> cut.c        which events are kept; chunks that are kept whole are copied
 *          --> used.h       which definitions these name
 *          --> cut_file.h   the file
 *
 * Threads: as for the reader, one at a time. */
#ifndef CUT_H
#define CUT_H

#include <relive/rl_status.h>
#include <stdint.h>

#include "reader.h"

struct cut_end {
    uint32_t thread;
    uint64_t seq;
};

struct cut_question {
    struct cut_end from, to; /* events that are there; both are kept */
    int is_whole;            /* all events are kept, and only what they name; no from and to */
    const char *path;        /* of a file that is not there yet */
    const uint8_t *meta;     /* entries that are added to META; borrowed */
    size_t meta_len;
};

struct cut_result {
    uint64_t events;          /* that were kept */
    uint64_t before, after;   /* that were left out of the threads that have kept ones */
    uint64_t other_threads;   /* without an event in the interval */
    uint64_t begun;           /* events that say what was open */
    uint64_t copied, encoded; /* chunks */
    uint64_t no_values;       /* frames whose values were too many for BEFORE */
};

/* Writes the part. RL_OK; RL_USAGE where `to` comes before `from`; RL_DAMAGED where a chunk that
 * has `from` or `to` cannot be read; RL_EXISTS, RL_LIMIT, RL_IO or RL_NOMEM. Where it fails, there
 * is no file. Damaged chunks in between are left out, and become problems of the reader. */
RL_CHECKED rl_status cut_write(struct reader *reader, const struct cut_question *question,
                               struct cut_result *result, struct rl_err *err);

#endif
