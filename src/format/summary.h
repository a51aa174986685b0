/* The folded call tree and the counts of a recording, built event by event.
 *
 * The writer thread feeds it while it encodes. A closed file then answers `tree` and `top` without
 * a look at its events. The reader feeds the same code when a file was not closed.
 *
 *   events of a thread                folded
 *
 *   main                              root of the thread          calls  total  self
 *     load                              main                          1     90    10
 *       parse                             load                        2     60    20
 *     load                                  parse                     3     40    40
 *       parse, parse                      save (recursive)            5     20    20   max_depth 5
 *     save, in save, in save ...
 *
 * Folding: calls of one function from one place are one node. Direct recursion stays in its node;
 * max_depth says how deep it went.
 *
 * Times are ticks. A suspended frame counts no time. A frame that is open at the end counts until
 * then. The root is the thread itself. Its total is the time from the first event to the last; its
 * self is the part of that without an open frame. */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stdint.h>

#include "bytes.h"
#include "map.h"
#include "rec.h"

/* Bounds of the memory, whatever the program does. Beyond them: */
#define SUMMARY_NODES_MAX     100000u /* one flat node for each function and thread */
#define SUMMARY_FUNCTIONS_MAX 16000u  /* further functions are one, RL_CODE_OTHER */
#define SUMMARY_THREADS_MAX   8192u   /* further threads are not listed; their calls count */
#define SUMMARY_NONE          UINT32_MAX

/* Calls of one function from one place: what each call and return touches. A large application has
 * 26,000 nodes, so they stay small enough for a processor's own cache. */
struct summary_node {
    uint32_t code;     /* 0 in the root of a thread */
    uint32_t parent;   /* SUMMARY_NONE in a root */
    uint32_t function; /* index; SUMMARY_NONE in a root */
    uint16_t mark;     /* of the chunk that has saved the node (summary_undo.c) */
    uint16_t open;     /* frames that are open now; UINT16_MAX = has been that many */
    uint64_t calls, total, self;
};
_Static_assert(sizeof(struct summary_node) == 40, "26,000 nodes fit a megabyte");

/* The rest of a node: what few events touch. */
struct summary_detail {
    uint32_t max_depth;
    uint32_t exc, exc_line; /* of the last unwind */
    uint32_t open;          /* frames that had not ended when the recording did */
    uint64_t unwinds;
    uint16_t mark; /* of the chunk that has saved it */
};

/* All nodes of one code together. */
struct summary_function {
    uint32_t code;
    uint32_t open;  /* frames that are open now, while it is built */
    uint64_t total; /* of several open frames of the function, the outermost alone counts */
};

struct summary_thread {
    uint32_t serial;
    uint32_t root;
    uint32_t first_name, name; /* string ids, 0 = not known: at its start, and since */
    uint64_t native_id;
    uint64_t first_ticks;
    uint64_t last_ticks;    /* of its last event; where frames are open, the recording's end */
    uint64_t events, calls; /* these and last_ticks are known at the end of the thread */
    uint32_t has_ended;
};

/* Where a frame goes on that is suspended. */
struct suspended_frame {
    uint64_t frame; /* 0: the place is free */
    uint64_t where; /* root << 32 | node */
};

/* Suspended frames, each in one of two tables. Few are suspended at a time, so most are near. */
struct suspended_frames {
    struct suspended_frame near[256]; /* at the low bits of the frame */
    uint16_t marks[256];              /* of the chunks that have saved these places */
    struct u64map far;                /* frame -> where; those whose place was taken */
};

struct summary_lane; /* the open frames of a running thread */
struct summary_undo; /* what a chunk has changed */

struct summary {
    struct summary_node *nodes;     /* owned */
    struct summary_detail *details; /* owned; of each node */
    size_t node_count, node_cap, detail_cap;
    struct summary_function *functions; /* owned */
    size_t function_count, function_cap;
    struct summary_thread *threads; /* owned; in order of their first event */
    size_t thread_count, thread_cap;
    uint64_t unlisted_threads;
    uint64_t kinds[RL_EVENT_KINDS];
    int is_folded_flat;        /* SUMMARY_NODES_MAX was reached */
    int failed;                /* without memory: the summary is incomplete */
    uint32_t session;          /* not 0: only calls made in this session count */
    uint32_t *children;        /* owned; hash table of parent and code -> node, 0 = free */
    unsigned children_bits;    /* the table has 1 << children_bits places */
    struct u64map function_of; /* code + 1 -> function */
    struct u64map lanes;       /* thread -> struct summary_lane * */
    struct suspended_frames suspended;
    struct summary_lane *ended; /* freed at the next chunk: events may follow in this one */
    struct summary_undo *undo;  /* owned; NULL where no chunk is ever taken back */
    uint16_t mark;              /* of the chunk that undo is about */
};

void summary_fini(struct summary *summary);
/* Begins a chunk: returns the lane of its thread for summary_add(), or NULL without memory. Where
 * events are missing before the chunk, the thread's frames count as left. */
struct summary_lane *summary_begin_chunk(struct summary *summary, const struct chunk_info *info);
/* Ends a chunk that had info->events of 0 at its begin, since their number was not known. Returns
 * the innermost open frame, 0 = none. */
uint64_t summary_end_chunk(struct summary_lane *lane, uint32_t events);
/* Adds an event of the chunk. A lane of NULL counts the kind alone. */
void summary_add(struct summary *summary, struct summary_lane *lane, const struct rec *rec);
/* What follows can be taken back, until the next mark. It is one chunk. */
void summary_mark(struct summary *summary);
/* Takes back all that the chunk since the last mark has changed, as if it had never been. */
void summary_take_back(struct summary *summary);
/* Ends the summary after the last event. Open frames have run until `ticks`. */
void summary_end(struct summary *summary, uint64_t ticks);

/* Writes the payload of a SUMMARY block. */
void summary_put(struct bytes_out *out, const struct summary *summary);
/* Fills an empty summary from untrusted bytes. Indices are checked. */
RL_CHECKED rl_status summary_get(struct bytes_in *in, struct summary *summary);

#endif
