/* What a host gives to recorder_open(), and what recorder_close() gives back. Apart from
 * recorder.h, because the files below the recorder need the options too. */
#ifndef RECORDER_OPTIONS_H
#define RECORDER_OPTIONS_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "header.h"
#include "string_table.h"

struct source_entry;

/* The source file of some code. All texts are borrowed, and end with NUL where they have a byte. */
struct source_file {
    struct text name;     /* as definitions of code have it */
    struct text path;     /* where its text is; not used where `given` is it */
    struct text given;    /* the text itself, of a command */
    struct text module;   /* name of the code's module */
    struct text function; /* the code's own name; empty where it has none in the text */
    uint32_t line;        /* where the code begins; its last one where `function` is empty */
    int is_main;          /* the main program's: any name will do */
};

/* Functions of the host that the recorder calls. Any may be NULL. */
struct recorder_hooks {
    /* Called before and after a wait for the writer thread. A host with a global lock (the GIL)
     * releases it there. */
    void *(*wait_begin)(void);
    void (*wait_end)(void *token);
    /* Returns the innermost open frame of a lane, for the header of its next slot. */
    uint64_t (*top_frame)(void *owner);
    /* Receives the rows of a full slot before lane_hand_over(). */
    void (*filled)(void *owner, const uint8_t *rows, size_t len);
    /* Returns whether no other thread is in the middle of an event, except in a wait between
     * wait_begin() and wait_end(). It then stays so until wait_begin() or the end of the caller's
     * event. A host without a global lock leaves this hook NULL. */
    int (*do_others_rest)(void);
    /* Takes the secrets out of the text of a source file: sets text and marks of the entry, which
     * are valid until the next call. Any other status than RL_OK leaves the text out. Called by the
     * writer thread, without the recorder's lock; NULL = no texts are stored. */
    rl_status (*clean_source)(void *host, const struct source_file *file, struct text text,
                              struct source_entry *entry);
};

struct recorder_options {
    const char *path;
    size_t buffer_bytes; /* limit of LIVE slots, beyond the first slot of each thread */
    size_t ring_bytes;   /* size of the file; 0 = keep everything */
    int may_drop;        /* a thread without a slot drops events, in place of waiting */
    struct file_header
        header;          /* run_id, run_mono, parent_pid, child; recorder_open() sets the rest */
    const uint8_t *meta; /* entries made by meta_entry_put() */
    size_t meta_len;
    struct recorder_hooks hooks;
    void *source_host; /* of clean_source() */
};

struct recorder_stats {
    uint64_t events; /* in the file */
    uint64_t bytes;  /* of the file on disk, without the LIVE blocks it had */
    uint64_t lost[RL_LOSS_REASONS];
    uint64_t threads;
    int is_closed_cleanly;
};

#endif
