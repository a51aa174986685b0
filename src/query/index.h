/* The side index: what of a long recording may be skipped, and states to go on from.
 *
 *    events of all threads, in the order of the cursor
 *
 *    |-- stretch 0 --|-- stretch 1 --|-- stretch 2 --|-- not covered --
 *    begin           state           state           state
 *
 * A stretch says which functions, lines, threads and kinds of events are in it, and how often.
 * Behind each stretch is the state of an instant (instant.h). What is behind the last stretch is
 * always read. docs/index-format.md has the bytes.
 *
 * index_open() checks an index against its recording, and trusts nothing in it. skim.h uses it.
 *
 * Threads: as for the reader, one at a time. */
#ifndef INDEX_H
#define INDEX_H

#include "bytes.h"
#include "map.h"
#include "reader.h"

#define INDEX_SHARE      10u          /* an index takes at most 1/10 of its recording */
#define INDEX_MEMORY     (128u << 20) /* of stretches; an index with more is not used */
#define INDEX_WORTHWHILE 1000000u     /* events; a recording with fewer needs no index */

/* One thread in a stretch. */
struct index_thread {
    uint32_t thread;
    uint64_t first, last; /* numbers of its first and last event there; last < first = none */
    uint64_t ordinal;     /* the highest of the frames that it began and that have events there */
};

struct index_line {
    uint32_t line;
    uint64_t runs;
};

/* One function in a stretch. */
struct index_code {
    uint32_t code;
    uint32_t kinds;     /* of its events, a bit each */
    size_t first_count; /* in stretch.counts: of its events, of one kind after the other */
    uint64_t begins;
    uint64_t running;       /* of its events of kind 28, those that were open before a part */
    uint64_t ended, raised; /* of the calls whose begin was seen; left by an exception */
    size_t first_line, line_count; /* in stretch.lines, ordered by line */
};

struct index_stretch {
    uint64_t before; /* events before its first one */
    uint64_t events;
    uint64_t ticks; /* of its first event */
    uint32_t kinds; /* of all its events, a bit each */
    uint64_t kind_counts[RL_EVENT_KINDS];
    struct index_thread *threads; /* owned, as are the others; by number */
    size_t thread_count;
    struct index_code *codes; /* by number */
    size_t code_count;
    struct index_line *lines;
    size_t line_count;
    uint64_t *counts;
    size_t count_count;
    int has_list;              /* a block has its rare events (listed.h) */
    uint64_t list;             /* place in the file of that block; 0 = none */
    uint64_t state, state_end; /* place in the file of the state before its first event; 0 = none:
                                * it is the begin */
    uint64_t open;             /* of the calls that are open there; 0 = none: it is the begin */
    uint64_t marks;            /* of the landmarks in it (landmarks.h) */
};

struct index {
    struct reader *reader;
    int fd;                          /* owned */
    struct index_stretch *stretches; /* owned; one more than `count`, which has only `state` */
    size_t count, cap;
    uint64_t covered; /* events in all stretches */
    uint64_t size;    /* bytes of the file that were read and are right */
    uint64_t memory;
    uint64_t lives; /* place of the lives of all that it covers (lives.h); 0 = none */
    int is_over;    /* no more can be covered: events are lost, or damaged, behind its stretches */
};

/* What a pass looks for. Zeros mean anything. */
struct index_wanted {
    uint32_t kinds; /* a bit each */
    uint32_t line;  /* of LINE events, where no other kind is wanted */
    uint32_t thread;
    const struct u64map *codes;  /* ids + 1; NULL = any */
    const struct u64map *events; /* thread << 40 | number, + 1; only these; NULL = any */
    const struct u64map *begins; /* ids + 1; also the begins of these functions; NULL = none */
};

/* Opens the index of a recording; the descriptor is the index's then, also where this fails. RL_OK,
 * RL_NOMEM, or RL_DAMAGED: it is of another recording, or of no use. */
RL_CHECKED rl_status index_open(struct reader *reader, int fd, struct index **out);
void index_close(struct index *index);
/* Reads the state before a stretch, or behind the last one, into *state. RL_OK, RL_NOMEM,
 * RL_DAMAGED.
 */
RL_CHECKED rl_status index_state(const struct index *index, size_t stretch,
                                 struct bytes_out *state);

/* Reads the list of a stretch that has one. As index_state(). */
RL_CHECKED rl_status index_list(const struct index *index, size_t stretch, struct bytes_out *list);
/* Reads the calls that are open before a stretch (open_calls.h), or behind the last one. */
RL_CHECKED rl_status index_open_calls(const struct index *index, size_t stretch,
                                      struct bytes_out *calls);
/* Reads the landmarks in a stretch (landmarks.h). As index_state(). */
RL_CHECKED rl_status index_landmarks(const struct index *index, size_t stretch,
                                     struct bytes_out *landmarks);
/* Reads the lives of threads and tasks, where it has them. As index_state(). */
RL_CHECKED rl_status index_lives(const struct index *index, struct bytes_out *lives);

/* Returns whether a stretch may have an event that is wanted. */
int index_may_have(const struct index_stretch *stretch, const struct index_wanted *wanted);
/* Returns whether a stretch has events that say what was open before a part (before.h). They are no
 * begins. */
int index_has_before(const struct index_stretch *stretch, const struct before *before);
/* Returns how often functions begin in a stretch, or a line of them runs. */
uint64_t index_begins(const struct index_stretch *stretch, const struct u64map *codes);
uint64_t index_runs(const struct index_stretch *stretch, const struct u64map *codes, uint32_t line);
/* Returns how many events of some kinds (a bit each) a stretch has; of functions, where `codes` are
 * not NULL, those of these alone. */
uint64_t index_events(const struct index_stretch *stretch, uint32_t kinds,
                      const struct u64map *codes);
/* Returns what a stretch has of a thread, or NULL. */
const struct index_thread *index_thread_of(const struct index_stretch *stretch, uint32_t thread);

/* Part of the format, for the builder. */
void index_stretch_put(const struct index_stretch *stretch, struct bytes_out *out);
RL_CHECKED rl_status index_stretch_get(const uint8_t *bytes, size_t len,
                                       struct index_stretch *stretch);
void index_stretch_fini(struct index_stretch *stretch);
void index_head_put(const struct reader *reader, struct bytes_out *out);
/* Returns whether the id of an event is that of a function. */
static inline int index_has_code(unsigned kind)
{
    return kind <= RL_EVENT_C_RAISE || kind == RL_EVENT_RUNNING || kind == RL_EVENT_CLOSED ||
           kind == RL_EVENT_BUDGET;
}

enum index_block {
    INDEX_HEAD = 64,
    INDEX_STRETCH = 65,
    INDEX_STATE = 66,
    INDEX_OVER = 67,
    INDEX_LIST = 68,
    INDEX_OPEN = 69,
    INDEX_LIVES = 70,
    INDEX_LANDMARKS = 71
};

#endif
