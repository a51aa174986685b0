/* sys.monitoring, as both of its users here need it: tool ids, callbacks of our own type, events.
 * An id is taken only where it is free: the wanted one, else 4, 3 or 5. By convention 0, 1 and 2
 * belong to debuggers, coverage tools and profilers. */
#ifndef MONITORING_H
#define MONITORING_H

#include "compat.h"

#if HAS_MONITORING && !IS_FREE_THREADED
#define CAN_MONITOR 1

/* All but the first: 0, or -1 with an exception. */
PyObject *monitoring_disable(void); /* borrowed; NULL with an exception */
int monitoring_choose(int wanted);  /* a free id, or -1 without an exception */
int monitoring_take(int wanted, int *tool);
void monitoring_free(int tool);
/* Sets the callback of an event by its name; its bit. */
int monitoring_register(int tool, const char *event, vectorcallfunc function, long *bit);
int monitoring_set(int tool, long events);
int monitoring_set_local(int tool, PyCodeObject *code, long events);
/* Enables disabled locations again, those of all tools. */
int monitoring_restart(void);
/* Whether the id is still ours, with events. */
int monitoring_is_ours(int tool);
#else
#define CAN_MONITOR 0
#endif

#endif
