/* The recorder: owns the file, the slots, the dictionary and the writer thread.
 *
 *                    refill                     queue                     append
 *   FREE ----------------------> FILLING ----------------> HANDED OVER ------------> FREE
 *    slot of a LIVE block         by one lane               to the writer thread
 *
 *   --ring:   FILLING -> KEPT (oldest first) -> FILLING again, its events counted as let go
 *
 * Knows nothing of Python. Calls marked [thread] come from traced threads; all others from whoever
 * starts and stops, one at a time. */
#ifndef RECORDER_H
#define RECORDER_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "header.h"
#include "lane.h"
#include "recorder_options.h"

struct recorder;

/* Creates the file (never over another) and starts the writer. */
RL_CHECKED rl_status recorder_open(const struct recorder_options *options, struct recorder **out,
                                   struct rl_err *err);
/* No lane writes any more when this returns. The caller keeps ends of threads out meanwhile. */
void recorder_end_lanes(struct recorder *recorder);
/* After recorder_end_lanes(): writes what is left, index and footer; frees the recorder. */
void recorder_close(struct recorder *recorder, struct recorder_stats *stats);
/* In a forked child: forgets the parent's recorder without touching its file. */
void recorder_abandon(struct recorder *recorder);
/* Round a fork. The first one ends the writer thread, where that can be, and keeps everybody else
 * out until the second, in the parent. The thread is begun again by that where it may, else by
 * recorder_resume() or whoever cannot do without it; a forked child calls recorder_abandon(). */
void recorder_before_fork(struct recorder *recorder);
void recorder_after_fork(struct recorder *recorder, int may_start);
void recorder_resume(struct recorder *recorder);
/* The program is about to be replaced: everything is in the file when this returns. */
void recorder_before_exec(struct recorder *recorder);
void recorder_after_failed_exec(struct recorder *recorder);

/* Copies the recording, as it is now, into a new file. No thread may write rows, begin or end
 * meanwhile. */
RL_CHECKED rl_status recorder_snapshot(struct recorder *recorder, const char *path,
                                       struct rl_err *err);

/* [thread] A zeroed lane becomes this thread's; its first slot is taken at the first row. */
void recorder_lane_begin(struct recorder *recorder, struct lane *lane, void *owner,
                         uint64_t native_thread);
/* The same of a thread whose name is known (UTF-8). */
void recorder_lane_begin_named(struct recorder *recorder, struct lane *lane, void *owner,
                               uint64_t native_thread, const uint8_t *name, size_t len);
/* It has this name from now on (a string's id). Called by the thread, or while it writes no rows.
 */
void recorder_lane_name(struct lane *lane, uint32_t name);
/* [thread] Writes thread_end and hands over what is there. */
void recorder_lane_end(struct lane *lane);

/* [thread] Ids of definitions, the same for equal content; 0 when there is no memory. lane may be
 * NULL; otherwise the definition is in the lane's slot before the id is returned. */
uint32_t recorder_string(struct recorder *recorder, struct lane *lane, const void *utf8,
                         size_t len);
uint32_t recorder_code(struct recorder *recorder, struct lane *lane, const struct code_def *def);

/* [thread] The same for a name in the definition of a code object: it may be forgotten, and then
 * has another id when it is asked for once more. */
uint32_t recorder_name(struct recorder *recorder, struct lane *lane, const void *utf8, size_t len);

/* [thread] A code object that has this id already: once more, in the generation that has begun. */
uint32_t recorder_code_again(struct recorder *recorder, struct lane *lane, uint32_t id,
                             const struct code_def *def);

/* Generations of definitions. In a ring nothing that is written from the next one on needs what was
 * defined before, so that it can leave the file with the last slot of its generation; otherwise
 * only the recorder's memory of strings goes. */
int recorder_is_ring(const struct recorder *recorder);
/* [thread] Whether the next one is due. */
int recorder_wants_generation(struct recorder *recorder);
/* Begins it: ids of strings are void, and in a ring those of code too, until recorder_code_again().
 * 0: a thread is in the middle of something. No thread may write rows, begin or end meanwhile. */
int recorder_next_generation(struct recorder *recorder);

/* [thread] Tells every string but those names, in no order, unless there are still only `known` of
 * them; how many there are. The bytes live until the next generation begins. `tell` is called with
 * the recorder's lock. */
uint32_t recorder_each_string(struct recorder *recorder, uint32_t known,
                              void (*tell)(uint32_t id, const void *utf8, size_t len));

/* [thread] n events were not kept. */
void recorder_count_loss(struct recorder *recorder, enum rl_loss_reason reason, uint64_t n);

/* "mapped", or why slots are written every 100 ms instead. Static storage. */
const char *recorder_live_mode(const struct recorder *recorder);
const char *recorder_path(const struct recorder *recorder);

#endif
