/* Reading a recording from C. One reader is used by one thread at a time; what it lends is good
 * until the next call on it. The file is treated as hostile: it may be cut, damaged or still be
 * written.
 *
 *     rl_reader *reader = NULL;
 *     struct rl_err err;
 *     struct rl_event event;
 *     if (rl_reader_open("run.relive", &reader, &err) == RL_OK) {
 *         while (rl_reader_next(reader, &event) == RL_OK) { ... }
 *         rl_reader_close(reader);
 *     }
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
    const char *data; /* UTF-8, not terminated */
    size_t len;
};

struct rl_event {
    unsigned kind; /* enum rl_event_kind */
    uint32_t thread;
    uint64_t seq;    /* in its thread */
    uint64_t t;      /* ns since the run's start */
    uint64_t frame;  /* the activation, 0 = none */
    uint64_t parent; /* the one that began it, 0 = none or not known */
    struct rl_text module, qualname, file;
    uint32_t line; /* of line and write events; else the function's first */
};

RL_CHECKED rl_status rl_reader_open(const char *path, rl_reader **out, struct rl_err *err);
void rl_reader_close(rl_reader *reader);
/* The next event in order of time; RL_END after the last one. */
RL_CHECKED rl_status rl_reader_next(rl_reader *reader, struct rl_event *event);
/* The event that rl_reader_next() gave last as a line of JSON, with its values. */
RL_CHECKED rl_status rl_reader_json(rl_reader *reader, struct rl_text *line);
/* Whether the file was closed cleanly; how many events it holds; how many were not kept. */
int rl_reader_is_complete(const rl_reader *reader);
uint64_t rl_reader_events(const rl_reader *reader);
uint64_t rl_reader_lost(const rl_reader *reader);

#endif
