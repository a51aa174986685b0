/* The recorder owns the file of a recording, its slots, its dictionary and the writer thread. It
 * knows nothing of Python; src/cpython and rl_writer.h are its hosts.
 *
 *   recorder_open()                      creates the file, starts the writer thread
 *   recorder_lane_begin()                one lane for each traced thread
 *     recorder_string(), recorder_code()   ids of what events name
 *     lane_put(), lane_put_values()        the events (lane.h)
 *   recorder_lane_end()                  the thread ends
 *   recorder_end_lanes()                 no thread records from here on
 *   recorder_close()                     writes the rest, index and footer; frees everything
 *
 * Threads: functions marked [thread] may be called by any traced thread at any time. The others
 * belong to the host's control path, which calls them one at a time. */
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

/* Creates the file (an existing one is never replaced) and starts the writer thread. Where the
 * system refuses a thread, whoever holds the lock does its work. */
RL_CHECKED rl_status recorder_open(const struct recorder_options *options, struct recorder **out,
                                   struct rl_err *err);
/* Detaches every lane: when this returns, no lane writes. The caller makes sure that no thread ends
 * meanwhile. */
void recorder_end_lanes(struct recorder *recorder);
/* After recorder_end_lanes(): writes the remaining slots, index and footer, and frees the recorder.
 * stats->is_closed_cleanly says whether all of it is in the file. */
void recorder_close(struct recorder *recorder, struct recorder_stats *stats);
/* In a forked child: gives up the parent's recorder without a change to its file. */
void recorder_abandon(struct recorder *recorder);
/* Before and after fork(2). recorder_before_fork() ends the writer thread where possible and keeps
 * the recorder's lock until recorder_after_fork(), which the parent calls. The thread starts again
 * there if may_start is set, else in recorder_resume() or at the first wait for it. The forked
 * child calls recorder_abandon() instead. */
void recorder_before_fork(struct recorder *recorder);
void recorder_after_fork(struct recorder *recorder, int may_start);
void recorder_resume(struct recorder *recorder);
/* Before exec: when this returns, everything recorded so far is in the file, and the control page
 * says that the program was replaced. */
void recorder_before_exec(struct recorder *recorder);
/* After an exec that failed: the control page says again that the program runs. */
void recorder_after_failed_exec(struct recorder *recorder);

/* Copies the recording, as it is now, into a new file. The host keeps threads from recording,
 * beginning and ending meanwhile. */
RL_CHECKED rl_status recorder_snapshot(struct recorder *recorder, const char *path,
                                       struct rl_err *err);
/* Waits until everything recorded so far is in the file, as recorder_snapshot() does. */
void recorder_settle(struct recorder *recorder);

/* A ring that is restarted has no event from before, and counts no loss. Definitions and texts of
 * source files stay, and so do the numbers of frames. A host cuts one running recording into parts
 * so: what it wants of a part, it copies before the restart.
 *
 * recorder_make_room() comes first: it writes definitions that would not fit a slot, and may wait.
 * recorder_restart() writes the others into the slot of `own`, a lane of the calling thread or
 * NULL. The host keeps threads from recording, beginning and ending during recorder_restart().
 * Lanes of threads that are in the middle of an event keep their slot with `spares_others`, where
 * some are. */
void recorder_make_room(struct recorder *recorder);
void recorder_restart(struct recorder *recorder, struct lane *own, int spares_others);

/* [thread] Makes a zeroed lane this thread's and records thread_start. */
void recorder_lane_begin(struct recorder *recorder, struct lane *lane, void *owner,
                         uint64_t native_thread);
/* [thread] Does the same for a thread whose name is known (UTF-8). */
void recorder_lane_begin_named(struct recorder *recorder, struct lane *lane, void *owner,
                               uint64_t native_thread, const uint8_t *name, size_t len);
/* Gives the lane's thread a name (a string's id). Called by that thread, or while it records
 * nothing. */
void recorder_lane_name(struct lane *lane, uint32_t name);
/* [thread] Records thread_end and hands over the last slot. */
void recorder_lane_end(struct lane *lane);

/* [thread] Return the id of a string or a code object: the same id for equal content, 0 without
 * memory. Where `lane` is not NULL, its slot has the definition before the id is returned, so a
 * crash leaves no id without a name. */
uint32_t recorder_string(struct recorder *recorder, struct lane *lane, const void *utf8,
                         size_t len);
uint32_t recorder_code(struct recorder *recorder, struct lane *lane, const struct code_def *def);

/* [thread] Returns the id of a name in the definition of a code object. The dictionary may forget
 * such a name; an equal name then gets another id. */
uint32_t recorder_name(struct recorder *recorder, struct lane *lane, const void *utf8, size_t len);

/* [thread] Defines a code object under the id that it has already, in the generation that began
 * since. Returns that id. */
uint32_t recorder_code_again(struct recorder *recorder, struct lane *lane, uint32_t id,
                             const struct code_def *def);

/* [thread] Asks the writer thread for the text of a source file, once by its name. recorder may be
 * NULL. */
void recorder_source(struct recorder *recorder, const struct source_file *file);

/* Generations bound the memory that definitions take (docs/architecture.md, "Functions without
 * end"). Rows of a new generation name nothing that an earlier one defined. In a ring, the
 * definitions of a generation therefore leave the file with its last slot. Without a ring, only the
 * dictionary in memory is emptied. */
int recorder_is_ring(const struct recorder *recorder);
/* [thread] Returns whether the next generation is due. */
int recorder_wants_generation(struct recorder *recorder);
/* Begins the next generation. Ids of strings become void; in a ring, ids of code objects are void
 * too until recorder_code_again(). The host keeps threads from recording, beginning and ending
 * meanwhile. Returns 0, and changes nothing in a ring, while a thread is inside lane_refill() or
 * older definitions are not in the file yet. */
int recorder_next_generation(struct recorder *recorder);

/* [thread] Calls `visit` for every string of recorder_string(), in no order, unless there are still
 * `known` entries as at the last call. Returns how many entries there are. The bytes live until the
 * next generation begins. The recorder's lock is held during the calls. */
uint32_t recorder_each_string(struct recorder *recorder, uint32_t known,
                              void (*visit)(uint32_t id, const void *utf8, size_t len));

/* [thread] Counts n events as lost, by reason, on the control page. */
void recorder_count_loss(struct recorder *recorder, enum rl_loss_reason reason, uint64_t n);

/* Returns "mapped", or why slots are written every 100 ms instead. Static storage. */
const char *recorder_live_mode(const struct recorder *recorder);
const char *recorder_path(const struct recorder *recorder);
const uint8_t *recorder_run_id(const struct recorder *recorder); /* 16 bytes */

#endif
