/* The writer thread: it begins, does the work of work.h, pauses and ends. All with the lock held.
 * Private to src/record. */
#ifndef WRITER_THREAD_H
#define WRITER_THREAD_H

#include "recorder_state.h"

/* Begins the writer thread; -1 where the system has none. */
int writer_thread_start(struct recorder *recorder);
/* Ends it for a fork, where that can be; unlocks meanwhile. */
void writer_thread_pause(struct recorder *recorder);
/* Begins a paused one again. */
void writer_thread_need(struct recorder *recorder);
/* The work of a writer that is paused, or of none at all, is the caller's from now on. */
void writer_thread_take_over(struct recorder *recorder);
/* Waits until the writer has done something. A paused one is begun again; where that cannot be, its
 * work is the caller's from now on and nothing is waited for. */
void writer_thread_wait(struct recorder *recorder);

#endif
