/* What a host gives to a recorder, and what it gets back at the end. */
#ifndef RECORDER_OPTIONS_H
#define RECORDER_OPTIONS_H

#include <relive/rl_format.h>
#include <stddef.h>
#include <stdint.h>

#include "header.h"

/* What the recorder must ask of its host. Any may be NULL. */
struct recorder_hooks {
    /* Round a wait for the writer thread: a host gives up its global lock there. */
    void *(*wait_begin)(void);
    void (*wait_end)(void *token);
    /* The innermost open frame of a lane, for the header of its next slot. */
    uint64_t (*top_frame)(void *owner);
    /* A lane's slot is full: its rows, before they are handed over. */
    void (*filled)(void *owner, const uint8_t *rows, size_t len);
};

struct recorder_options {
    const char *path;
    size_t buffer_bytes;       /* LIVE slots beyond each thread's first: at most this much */
    size_t ring_bytes;         /* 0 = keep everything */
    int may_drop;              /* let events go instead of waiting for the writer */
    struct file_header header; /* run_id, run_mono, parent_pid, child; the rest is filled in */
    const uint8_t *meta;       /* entries made by meta_entry_put() */
    size_t meta_len;
    struct recorder_hooks hooks;
};

struct recorder_stats {
    uint64_t events; /* that are in the file */
    uint64_t bytes;  /* of the file on disk, LIVE blocks given back */
    uint64_t lost[RL_LOSS_REASONS];
    uint64_t threads;
    int is_closed_cleanly;
};

#endif
