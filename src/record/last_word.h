/* The last word: how the process of a recording ended, on the control page of its file.
 *
 *   before the recording ends    last_word_set()      os._exit, the recording is stopped
 *   a deadly signal              last_word_watch()    a handler stores it into the mapped page
 *   after the file was closed    last_word_write()    exit status; of another process: wait status
 *
 * Threads: last_word_set() and last_word_watch() belong to the host's control path; any thread may
 * call last_word_write(). */
#ifndef LAST_WORD_H
#define LAST_WORD_H

#include <relive/rl_status.h>
#include <stdint.h>

#include "ending.h"

struct recorder;

/* Writes the word of the process that records. */
void last_word_set(struct recorder *recorder, struct ending ending);
/* From now on, a signal that ends the process is noted in this recording, until it is closed. The
 * newest call counts. The recorder may be NULL. */
void last_word_watch(struct recorder *recorder);
/* Ends that, where this recorder is the one. */
void last_word_unwatch(const struct recorder *recorder);

/* Whose recording is meant. */
struct last_word_of {
    const char *path;
    const uint8_t *run_id; /* 16 bytes; NULL = of any run */
    uint64_t pid;
    int is_waited; /* another process says it; otherwise this one */
};

/* Writes the word into a file. RL_NOT_FOUND where there is none. RL_USAGE for a file of another
 * process or run. RL_USAGE too where the process has become another program, or has only stopped
 * its recording. */
RL_CHECKED rl_status last_word_write(const struct last_word_of *of, struct ending ending);

#endif
