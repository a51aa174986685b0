/* Refusals of the engine: _core.Error(code, text), which Python turns into a ReliveError. Under the
 * GIL.
 *
 *     return refuse(RL_USAGE, "there is no backend %s", name);     raises; gives NULL */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "compat.h"

#include <relive/rl_status.h>

/* Makes the class, once a process, and adds it to the module. -1 with an exception. */
int refusal_init(PyObject *module);
/* The class: borrowed. */
PyObject *refusal_class(void);

/* Raises it; always NULL. Without memory it is a MemoryError. The text may hold the name of a file,
 * cut anywhere. */
void *refusal_raise(rl_status status, const char *text);
/* The same, formatted. */
void *refuse(rl_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with a str. */
void refusal_raise_text(rl_status status, PyObject *text);

/* Whether the exception that is set is such a refusal. */
int refusal_is(rl_status status);
/* The text of the refusal that is set, which is taken away: new; NULL without an exception. */
PyObject *refusal_take(void);

#endif
