/* Messages that repeat a redacted argument: f(password) raises "bad login: hunter2". Arguments are
 * taken from the open frames and from the frames of a traceback. Threads: under the GIL. */
#ifndef REPEATS_H
#define REPEATS_H

#include "compat.h"

struct capture;
struct thread;

/* Collects the redacted arguments, for the exception that is captured next. repeats_end() forgets
 * them. */
void repeats_begin(struct capture *c, const struct thread *t, PyObject *exc);
/* Does the same for printed output: with the exception that is being handled, or that ends the
 * program. */
void repeats_begin_output(struct capture *c, const struct thread *t);
void repeats_end(struct capture *c);

#endif
