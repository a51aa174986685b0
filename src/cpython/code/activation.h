/* --activate: recording begins when a file's first code runs and lasts to the end of the process.
 * Or it is on during the calls of one function, thread by thread. Until then each event takes the
 * slow path. Under the GIL. */
#ifndef ACTIVATION_H
#define ACTIVATION_H

#include "backend.h"

#include <stdint.h>

struct thread;

/* Sets the activation of a new recording: "" (always on), "/path/of/a/file.py" or
 * "module:qualname". `other` is the resolved path. */
void activation_begin(const char *text, const char *other);
/* Returns whether an activation is set that is not yet on everywhere. */
int activation_is_set(void);
/* Returns whether the activation is a function's; callers that run already are then not recorded.
 */
int activation_is_function(void);
/* Returns whether the event is to be recorded; it may be the one that switches recording on. t may
 * be NULL. */
int activation_has(const struct thread *t, const struct event *event);
/* Returns whether calls of this code switch recording on. */
int activation_is_code(PyCodeObject *code, PyObject *globals);

#endif
