/* Messages that repeat what a frame has as a redacted argument: f(password) raises "bad login:
 * hunter2". The frames are those that are open, and those that a traceback holds. */
#ifndef REPEATS_H
#define REPEATS_H

#include "compat.h"

struct capture;
struct thread;

/* Looks the arguments up, for the exception that is captured next; repeats_end() forgets them. */
void repeats_begin(struct capture *c, const struct thread *t, PyObject *exc);
/* The same for what is printed: of the exception that is being handled, or ends the program. */
void repeats_begin_output(struct capture *c, const struct thread *t);
void repeats_end(struct capture *c);

#endif
