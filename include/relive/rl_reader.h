/* Reads a recording from C. The file is not trusted: it may be cut, damaged, or still be written.
 *
 *     rl_reader *reader = NULL;
 *     struct rl_err err;
 *     struct rl_event event;
 *     if (rl_reader_open("run.relive", &reader, &err) == RL_OK) {
 *         while (rl_reader_next(reader, &event) == RL_OK) { ... }
 *         rl_reader_close(reader);
 *     }
 *
 * Texts are borrowed from the reader until the next call on it.
 *
 * Threads: one at a time per reader.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RL_READER_H
#define RL_READER_H

#include <stddef.h>
#include <stdint.h>

#include <relive/rl_format.h>
#include <relive/rl_status.h>

typedef struct rl_reader rl_reader;

struct rl_text {
    const char *data; /* UTF-8, without a final NUL */
    size_t len;
};

struct rl_event {
    unsigned kind; /* enum rl_event_kind */
    uint32_t thread;
    uint64_t seq;    /* number within its thread */
    uint64_t t;      /* ns since the run began */
    uint64_t frame;  /* 0 = none */
    uint64_t parent; /* the frame that called it; 0 = none or not known */
    struct rl_text module, qualname, file;
    uint32_t line; /* line of a line or write event, else the function's first line */
};

RL_CHECKED rl_status rl_reader_open(const char *path, rl_reader **out, struct rl_err *err);
void rl_reader_close(rl_reader *reader);
/* Reads the next event in the order of time. Returns RL_END after the last one. */
RL_CHECKED rl_status rl_reader_next(rl_reader *reader, struct rl_event *event);
/* Gives the event of the last rl_reader_next() as a line of JSON, with its values. */
RL_CHECKED rl_status rl_reader_json(rl_reader *reader, struct rl_text *line);
/* Returns whether the file was closed cleanly. */
int rl_reader_is_complete(const rl_reader *reader);
/* Return how many events the file contains, and how many were lost. */
uint64_t rl_reader_events(const rl_reader *reader);
uint64_t rl_reader_lost(const rl_reader *reader);

#endif
