/* What was before the first event of a part of a recording (block BEFORE).
 *
 *    the whole   ... call price  call price | call price ...      price#3 is the third one
 *    a part                                 | call price ...      and it is price#3 here, too
 *                      counts of calls, open frames: BEFORE
 *
 *    numbers of calls, runs of lines    before_calls(), before_runs(), before_number()
 *    threads: open frames, tasks        a cursor begins with them (cursor_save.c)
 *    values of variables                an instant begins with them (src/query/instant_save.c)
 *
 * Each thread of a part may begin with events that say the same, for readers without the block.
 * They are before event `until` of their thread. The cursor marks them (is_of_before), and they
 * change nothing. A recording that is no part has zeros here.
 *
 * Threads: as for the reader, one at a time. */
#ifndef BEFORE_H
#define BEFORE_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "map.h"

#define BEFORE_ENTRIES_MAX (4u << 20) /* of all tables; a block with more is refused */
#define BEFORE_TASKS_MAX   8u

struct before_task {
    uint32_t task;
    uint64_t frame; /* its outermost one; 0 = not entered yet */
};

/* A thread that had begun and not ended. */
struct before_thread {
    uint32_t thread;
    uint32_t session;
    uint64_t first, until; /* numbers of its first event, and of the first that really happened */
    struct before_task tasks[BEFORE_TASKS_MAX];
    uint32_t task_count;
    struct bytes_in stack; /* open frames as cursor_save() has them; borrowed from `bytes` */
};

struct before {
    int is_there;
    int has_losses;                /* events were lost before, so numbers count what was kept */
    struct u64map calls;           /* code + 1 -> calls that began */
    struct u64map lines;           /* code << 32 | line -> how often it ran */
    struct u64map numbers;         /* frame that had not ended -> number of its call */
    struct u64map parents;         /* the same -> its caller + 1 */
    struct u64map suspended;       /* frame that has yielded -> its code */
    struct before_thread *threads; /* owned; by number */
    size_t thread_count;
    struct bytes_in values; /* records, threads and tasks of an instant; borrowed from `bytes` */
    struct bytes_out bytes; /* the block, decoded */
};

/* Decodes `bytes`. RL_OK, RL_NOMEM or RL_DAMAGED; then nothing is known. Private to src/reader. */
RL_CHECKED rl_status before_decode(struct before *before);
/* Forgets what was read. */
void before_fini(struct before *before);

/* Returns what is known of a thread, or NULL. */
const struct before_thread *before_thread_of(const struct before *before, uint32_t thread);
/* Returns the number of the first event of a thread: 0, but for a part. */
uint64_t before_first(const struct before *before, uint32_t thread);
/* Return how many calls of these functions (ids + 1) began before, and how often a line of them
 * ran. */
uint64_t before_calls(const struct before *before, const struct u64map *codes);
uint64_t before_runs(const struct before *before, const struct u64map *codes, uint32_t line);
/* Returns the number of the call of a frame that had begun before; 0 = not known. */
uint64_t before_number(const struct before *before, uint64_t frame);

#endif
