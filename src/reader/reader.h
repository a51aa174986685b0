/* The reader: what a file holds, also one that is being written, was cut anywhere, or is damaged.
 *
 *   reader_open.h   opens a recording             cursor.h   events of all threads, merged by time
 *   reader.h        what every file here knows    walk.h     events chunk by chunk, faster
 *                                                 totals.h   the folded call tree
 *                                                 source.h   texts of source files
 *                                                 check.h    whether every byte is as it must be
 *   before.h   what was before the first event of a part
 *   private:  blocks.h -> chunks.h -> scan.h -> follow.h, each uses those before it
 *
 * Invariants:
 *  1. Everything in the file is untrusted. It is validated in this room, once; code above relies on
 *     what the structs below say.
 *  2. Damage is a problem in words (reader_problem()), not an error: the rest is still read.
 *  3. Memory is bounded by the number of chunks and definitions, not by events.
 *
 * Threads: a reader belongs to one thread at a time. reader_loaded() alone may be called by any. */
#ifndef READER_H
#define READER_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "before.h"
#include "block.h"
#include "ending.h"
#include "header.h"
#include "map.h"
#include "rec.h"
#include "string_table.h"
#include "summary.h"

#define READER_DICT_BYTES_MAX (256u << 20) /* of definitions; more are left out */
#define READER_PROBLEMS_MAX   64           /* kept; has_more_problems says that there were more */

/* A code object with its names as text. Borrowed from the reader. */
struct code_text {
    struct text module, qualname, file;
    uint32_t line, flags;
    uint32_t args; /* how many of the names are parameters; they come first */
    uint32_t name_count;
    const uint32_t *names; /* string ids of its variables, by slot */
    uint32_t rule;         /* RL_CODE_SKIPPED: 2 + its rule's index; 1 a default, 0 a skip rule */
};

/* The place of one chunk of events: a CHUNK block, or a slot that did not become one. A chunk keeps
 * its thread and number wherever it is, so those identify it (follow.h). */
struct chunk_ref {
    struct chunk_info info;
    uint64_t offset;    /* of the block header, or of the slot */
    uint32_t row_bytes; /* != 0: a slot with this many bytes of rows */
};

/* A recording inside a pack: the bytes of MEMBER blocks, one behind the other. */
struct member {
    uint64_t place; /* of its first MEMBER block; 0 = not a member, but the whole file */
    uint64_t size;  /* of the recording */
};

struct index; /* src/query/index.h */

/* An open recording. Rooms above read its fields and change none. */
struct reader {
    int fd;
    char *path; /* owned */
    struct member member;
    uint64_t size; /* of the recording, which may be a member of the file */
    struct file_header header;
    int is_complete; /* closed cleanly: index and footer are there */
    int is_whole;    /* nothing is known to be missing up to the last moment of the process */
    int is_being_written;
    int is_copy;    /* cut or packed out of another recording: no slots */
    int is_running; /* its process still runs, although nobody has the file's lock: a copy */
    struct ending own, waited; /* how it ended: the process itself; who has waited for it */
    uint64_t birth;            /* of the process: os_process_birth(); 0 = not known */
    uint64_t end;              /* the file had this many bytes once; 0 = not known */
    uint32_t live_state;       /* enum rl_live_state of the control page, 0 = no page found */
    uint64_t control;          /* place of that page */
    struct heartbeat {
        uint64_t mono_ns;       /* 0 = none found */
        uint64_t ticks;         /* 0 in files of minor 0, or read in the middle of a write */
    } heartbeat;                /* the newest */
    struct heartbeat clock_end; /* the later point of the clock's line; mono_ns 0 = none */
    uint64_t last_ticks;        /* of the last event, or of the chunk that holds it */
    uint64_t end_ticks;         /* the process is known to have run until then */
    uint64_t torn_bytes;        /* size of a half-written block at the end */
    struct footer footer;
    uint64_t losses[RL_LOSS_REASONS];
    struct chunk_ref *chunks; /* owned; by (thread, chunk) */
    size_t chunk_count, chunk_cap;
    uint64_t events;            /* in all chunks */
    uint64_t loaded;            /* chunks that the pass under way has read; atomic, for progress */
    struct bytes_out meta;      /* entries of meta_entry_put() */
    struct strings strings;     /* the reader owns the bytes of their texts, too */
    struct u64map codes;        /* id -> position in code_defs, plus 1 */
    struct code_def *code_defs; /* owned, and their names */
    size_t code_count, code_cap;
    uint64_t dict_bytes;
    uint64_t *source_blocks; /* owned: places of SOURCE blocks (source.h) */
    size_t source_block_count, source_block_cap;
    struct source_table *sources; /* owned; NULL until somebody asks for a source */
    uint64_t no_text;             /* files that SOURCE blocks had no room for */
    struct member *members;       /* owned: recordings inside this one, in their order */
    size_t member_count, member_cap;
    uint64_t unknown_blocks;
    char **problems; /* owned; reader_problem() */
    size_t problem_count;
    int has_more_problems;
    double ns_per_tick;
    struct before before;    /* of a part; otherwise zeros */
    struct index *index;     /* borrowed; set by the query layer, NULL = none */
    int (*rest)(void *self); /* called before each chunk; nonzero ends the question. NULL = none */
    void *rest_self;
    struct block_coder *coder;
    struct bytes_out stored, raw; /* scratch */
};

/* Closes the file and frees the reader. NULL is allowed. */
void reader_close(struct reader *reader);

/* Returns whether the file is a ring that is being written. The recorder reuses its slots and
 * blocks at any time, so a chunk that is not found was replaced; that is not damage. */
static inline int reader_is_reused(const struct reader *reader)
{
    return reader->is_being_written && (reader->header.flags & RL_FLAG_RING);
}

/* Reads bytes of the recording, wherever it is in the file. Returns 0, or -1 with *os_errno. */
int reader_pread(const struct reader *reader, void *to, size_t n, uint64_t offset, int *os_errno);
/* Returns the nanoseconds since the run's start. */
uint64_t reader_time(const struct reader *reader, uint64_t ticks);
/* Returns how many chunks the current pass has read. Any thread may call it, to show progress. */
uint64_t reader_loaded(const struct reader *reader);
/* Returns the names of a code id; "?" where it is not defined. */
struct code_text reader_code(const struct reader *reader, uint32_t id);
/* Returns the text of a string id; "?" where it is not defined. */
static inline struct text reader_string(const struct reader *reader, uint32_t id)
{
    return strings_get(&reader->strings, id);
}

/* Notes what is wrong with the file. The same words are kept once. */
void reader_problem(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Notes that the values of an event are not what its kind has. */
void reader_value_problem(struct reader *reader, uint32_t thread, uint64_t seq);

#endif
