/* --activate: recording begins with a file's first code, to the end of the process, or is on during
 * the calls of one function, thread by thread. Until then each event goes the slow way. */
#ifndef ACTIVATION_H
#define ACTIVATION_H

#include "backend.h"

#include <stdint.h>

struct thread;

/* "" = always on; "/path/of/a/file.py", or "module:qualname". `other` is the path resolved. */
void activation_begin(const char *text, const char *other);
/* Whether there is one that is not on everywhere by now. */
int activation_is_set(void);
/* Whether it is a function's: then callers that run already are not part of it. */
int activation_is_function(void);
/* Whether the event is to be recorded; it may be the one that begins it. t may be NULL. */
int activation_has(const struct thread *t, const struct event *event);
/* Whether calls of this code switch it on. */
int activation_is_code(PyCodeObject *code, PyObject *globals);

#endif
