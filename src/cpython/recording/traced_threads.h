/* Threads of the program: their state is made at their first event and goes when they end. */
#ifndef TRACED_THREADS_H
#define TRACED_THREADS_H

#include "state.h"

/* The calling thread's state, ready to record the event; NULL where it is not to be recorded. */
struct thread *threads_admit(const struct event *event);
/* The calling thread's state, made where it has none; NULL without memory. */
struct thread *threads_own(void);
/* Writes the calling thread's open frames now, not at its next event. */
void threads_join_here(void);
/* The next event of each thread re-checks everything. */
void threads_recheck(void);
/* The system calls this when a thread ends, without the GIL. */
void threads_ended(void *thread);

#endif
