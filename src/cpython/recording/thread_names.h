/* What the program calls its threads, as `threading` has it. Looked up, never made: no module is
 * imported and no thread is registered for it. Runs no Python code. Under the GIL. */
#ifndef THREAD_NAMES_H
#define THREAD_NAMES_H

#include "compat.h"

struct thread;

/* The thread's lane begins, with its name where that is known already. */
void thread_names_begin(struct thread *t);
/* Whether a thread may still get its first name: a new one is known to `threading` only after some
 * calls of its own. */
int thread_names_are_awaited(struct thread *t);
/* The calling thread's slot is full. */
void thread_names_filled(struct thread *t);
/* Its outermost frame has ended. */
void thread_names_emptied(struct thread *t);
/* The recording ends: what every thread is called. */
void thread_names_end(void);

#endif
