/* The work of the writer thread: all that is done with the file. Without that thread whoever holds
 * the lock does it. All with the lock held. Private to src/record. */
#ifndef WORK_H
#define WORK_H

#include "recorder_state.h"

/* Creates the file; is_open and open_status say so. */
void work_open(struct recorder *recorder);
void work_grow(struct recorder *recorder);
/* The writer's turn: takes slots from the queue until it is empty. Unlocks while it writes. */
void work_drain(struct recorder *recorder);
void work_flush_definitions(struct recorder *recorder);
/* Once a tick: what is not driven by full slots. */
void work_tick(struct recorder *recorder);
/* All lanes have ended: the rest of the file. */
void work_finish(struct recorder *recorder, struct recorder_stats *stats);

#endif
