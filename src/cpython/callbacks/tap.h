/* Callbacks inside the program: sinks are told of each event as it happens, from the rows that the
 * recorder has just written for it.
 *
 *   recording_event_slow() -> tap_event() -> recording_event() -> rows in the lane
 *                                       -> the same rows, found again -> each sink that wants it
 *
 * While there are sinks every event goes the slow way (thread.gate stays 0); otherwise it costs
 * nothing. What a callback runs is not recorded. Under the GIL. */
#ifndef TAP_H
#define TAP_H

#include "backend.h"

struct thread;

/* Nothing of this thread is recorded, until it is undone by a 0. Whether there was memory for it.
 */
int tap_suppress(int is_on);
/* Adds types and functions that Python sees. 0, or -1 with an exception. */
int tap_add(PyObject *module);

#endif
