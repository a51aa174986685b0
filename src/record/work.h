/* The work of the writer thread: everything that a recorder does with its file. Where the system
 * refused a thread, whoever needs a result does the work, under the same lock.
 *
 * The recorder's lock is held in every function; most release it while they write. Private to
 * src/record. */
#ifndef WORK_H
#define WORK_H

#include "recorder_state.h"

/* Creates the file, its first LIVE block and a ring's shelf. Sets is_open and open_status. */
void work_open(struct recorder *recorder);
/* Adds the LIVE blocks that lanes want (supply.is_wanted). */
void work_grow(struct recorder *recorder);
/* Writes slots from the queue as chunks until the queue is empty or the writer must pause. */
void work_drain(struct recorder *recorder);
/* Writes pending definitions. A chunk that names them must come after them in the file. */
void work_flush_definitions(struct recorder *recorder);
/* Does what full slots do not drive, every 100 ms: heartbeat, definitions, slots of an unmapped
 * file. */
void work_tick(struct recorder *recorder);
/* After the last lane has ended: writes the rest of the file and closes it for readers. */
void work_finish(struct recorder *recorder, struct recorder_stats *stats);

#endif
