/* The reader: opens any recording, also one that is being written, was cut anywhere, or is damaged.
 *
 * Everything in the file is untrusted. It is validated here, once; what the structs below say can
 * be relied on. Memory is bounded by the number of chunks and definitions, not by events. */
#ifndef READER_H
#define READER_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "block.h"
#include "header.h"
#include "map.h"
#include "rec.h"
#include "string_table.h"
#include "summary.h"

#define READER_DICT_BYTES_MAX (256u << 20)
#define READER_PROBLEMS_MAX   64

struct code_text {
    struct text module, qualname, file;
    uint32_t line, flags;
    uint32_t args; /* so many of the names are parameters */
    uint32_t name_count;
    const uint32_t *names; /* string ids of its variables, by slot */
    uint32_t rule;         /* RL_CODE_SKIPPED: 2 + the rule that says so; 1 a default, 0 a gate */
};

/* Where one chunk of events lies: a CHUNK block, or a slot that never became one. */
struct chunk_ref {
    struct chunk_info info;
    uint64_t offset;    /* of the block header, or of the slot */
    uint32_t row_bytes; /* != 0: a slot with this many bytes of rows */
};

struct reader {
    int fd;
    char *path; /* owned */
    uint64_t size;
    struct file_header header;
    int is_complete; /* closed cleanly: index and footer are there */
    int is_being_written;
    uint32_t live_state; /* enum rl_live_state of the control page, 0 = none seen */
    uint64_t control;    /* where that page lies */
    struct heartbeat {
        uint64_t mono_ns; /* 0 = none seen */
        uint64_t ticks;   /* 0 in files of minor 0, or where it was being written */
    } heartbeat;          /* the newest */
    uint64_t last_ticks;  /* of the last event, or of the chunk that it is in */
    uint64_t end_ticks;   /* until then the process is known to have run */
    uint64_t torn_bytes;  /* half a block at the end, whose writing was not finished */
    struct footer footer;
    uint64_t losses[RL_LOSS_REASONS];
    struct chunk_ref *chunks; /* owned; by (thread, chunk) */
    size_t chunk_count, chunk_cap;
    uint64_t events;            /* in all chunks */
    uint64_t loaded;            /* chunks that the pass under way has read; atomic, for progress */
    struct bytes_out meta;      /* entries of meta_entry_put() */
    struct strings strings;     /* the reader owns the bytes of their texts, too */
    struct u64map codes;        /* id -> index into code_defs, + 1 */
    struct code_def *code_defs; /* owned, and their names */
    size_t code_count, code_cap;
    uint64_t dict_bytes;
    uint64_t unknown_blocks;
    char **problems; /* owned; what is wrong with the file, in words */
    size_t problem_count;
    int has_more_problems;
    double ns_per_tick;
    struct block_coder *coder;
    struct bytes_out stored, raw; /* scratch */
};

void reader_close(struct reader *reader);

/* A ring that is being written gives up what it has and puts something else there: what is not
 * found any more has made room, and is not damaged. */
static inline int reader_is_reused(const struct reader *reader)
{
    return reader->is_being_written && (reader->header.flags & RL_FLAG_RING);
}

/* Nanoseconds since the run's start. */
uint64_t reader_time(const struct reader *reader, uint64_t ticks);
/* How many chunks the pass under way has read; from any thread. */
uint64_t reader_loaded(const struct reader *reader);
/* Names of a code id; "?" where it is not defined. */
struct code_text reader_code(const struct reader *reader, uint32_t id);
static inline struct text reader_string(const struct reader *reader, uint32_t id)
{
    return strings_get(&reader->strings, id);
}

/* Notes what is wrong with the file; the same words once. */
void reader_problem(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The values of one event are not what its kind has. */
void reader_value_problem(struct reader *reader, uint32_t thread, uint64_t seq);

#endif
