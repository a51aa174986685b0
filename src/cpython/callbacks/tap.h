/* Callbacks inside the program: sinks get each event as it happens, from the rows that the recorder
 * has just written for it.
 *
 *   recording_event_slow() -> tap_event() -> recording_event() -> rows in the lane
 *                                       -> the same rows, found again -> each sink that wants it
 *
 * While there are sinks, no gate is open, so every event takes the slow path (gate.h). Without
 * sinks this room costs nothing. What a callback runs is not recorded. Under the GIL. */
#ifndef TAP_H
#define TAP_H

#include "backend.h"

struct thread;

/* Suppresses recording in this thread (1), or ends the suppression (0). Returns 0 without memory.
 */
int tap_suppress(int is_on);
/* Adds the types and functions to the module, and sets `listener`. Returns 0, or -1 with an
 * exception. */
int tap_add(PyObject *module);

#endif
