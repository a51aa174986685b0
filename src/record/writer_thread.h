/* The writer thread: it starts, does the work of work.h, pauses for a fork, ends. recorder_state.h
 * draws its states. The recorder's lock is held in every function. Private to src/record. */
#ifndef WRITER_THREAD_H
#define WRITER_THREAD_H

#include "recorder_state.h"

/* Starts the thread. Returns -1 where the system refuses. */
int writer_thread_start(struct recorder *recorder);
/* Ends the thread before a fork, where its descriptor can be kept. Releases the lock meanwhile. */
void writer_thread_pause(struct recorder *recorder);
/* Starts a paused thread again. Where that fails, the caller has its work from now on. */
void writer_thread_need(struct recorder *recorder);
/* Takes the file of a paused thread, so that the caller can do its work. */
void writer_thread_take_over(struct recorder *recorder);
/* Waits until the thread has done something; the caller then checks its condition again. Starts a
 * paused thread. Returns at once where there is no thread: the caller must do the work. */
void writer_thread_wait(struct recorder *recorder);

#endif
