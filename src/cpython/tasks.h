/* Tasks of asyncio and trio: which of them a thread runs. Told when the event loop enters a task's
 * outermost coroutine, and when that is suspended or ends; nothing is asked of the program in
 * between.
 *
 *   TASK_START   first seen: its name, its coroutine, which task made it, and where
 *   TASK_SWITCH  the next frame that is entered is the task's outermost one
 *   TASK_END     that frame has ended */
#ifndef TASKS_H
#define TASKS_H

#include "compat.h"

#include <stdint.h>

struct event;
struct thread;

#define TASKS_NESTED 8 /* eager tasks begin inside others */

struct running_task {
    uint64_t frame; /* its outermost */
    PyObject *task; /* compared only */
    uint32_t serial;
};

/* Whether asyncio or trio is there; looked at when a recording starts and when its module runs. */
void tasks_look_for_loops(void);
void tasks_forget(void);
/* Whether calls of this code are to be told to tasks_made(); name of its module, or NULL. */
int tasks_are_made_by(const PyCodeObject *code, PyObject *module);
/* A function of asyncio that makes tasks is about to be entered: whose place that is. */
void tasks_made(struct thread *t, const struct event *event);
/* The name of the task that runs in the calling thread, as it is now: owned or NULL. `t` is what
 * the recorder knows of it, or NULL. */
PyObject *tasks_name_now(struct thread *t);
/* The task that runs in this thread, to be compared only; 0 for none. */
uintptr_t tasks_identity_now(void);
/* The task that runs in this thread: owned, or NULL for none. */
PyObject *tasks_now(void);
/* A coroutine is about to be entered, by something that is no coroutine. */
void tasks_enter(struct thread *t, const struct event *event, int is_first);
/* The row that entered it has this frame. */
void tasks_entered(struct thread *t, uint64_t frame, int is_throw);
/* A frame is left; it ends unless it only is suspended. */
void tasks_leave(struct thread *t, uint64_t frame, int has_ended);

#endif
