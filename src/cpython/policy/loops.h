/* The event loops of asyncio and trio: which task the calling thread runs, and what it is called.
 * Nothing Python is expected to run for it. Under the GIL. */
#ifndef LOOPS_H
#define LOOPS_H

#include "state.h"

/* Sets recording.has_loops: whether asyncio or trio is there. Called when a recording starts and
 * when a coroutine is met. */
void loops_find(void);
/* Whether calls of this code make tasks; `module` is the name of its module, or NULL. */
int loops_make_tasks(const PyCodeObject *code, PyObject *module);

/* The task that runs in this thread: owned, or NULL for none. */
PyObject *loops_task(void);
/* The same, to be compared only; 0 for none. */
uintptr_t loops_task_identity(void);
/* The same of asyncio or trio, with recording off in the thread (`t` may be NULL): owned, NULL or
 * None. */
PyObject *loops_task_now(struct thread *t, int *is_trio);
/* The name that the task was given, or got: owned or NULL. */
PyObject *loops_name_of(PyObject *task, int is_trio);
/* The name of the task that runs in the calling thread: owned or NULL. `t` may be NULL. */
PyObject *loops_task_name(struct thread *t);

#endif
