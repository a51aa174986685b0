/* Tasks of asyncio and trio: which of them a thread runs. The event loop is looked at when it
 * enters the outermost coroutine of a task, and when that is suspended or ends; never in between.
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

void tasks_forget(void);
/* A function of asyncio that makes tasks is about to be entered: whose place that is. */
void tasks_made(struct thread *t, const struct event *event);
/* A coroutine is about to be entered, by something that is no coroutine. */
void tasks_enter(struct thread *t, const struct event *event, int is_first);
/* The row that entered it has this frame. */
void tasks_entered(struct thread *t, uint64_t frame, int is_throw);
/* A frame is left; it ends unless it only is suspended. */
void tasks_leave(struct thread *t, uint64_t frame, int has_ended);

#endif
