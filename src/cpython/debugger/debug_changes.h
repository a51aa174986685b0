/* What has changed of the data that is watched, until the thread that changed it stops, or ends.
 *
 *   a write to a dictionary (debug_writes.c), or a line that finds another value (debug_data.c)
 *     --debug_change_note()--> struct change
 *   the stop --debug_changes_take()--> what has changed, and where
 *
 * Invariants: a struct change keeps the old and the new value alive until it is taken. The list is
 * bounded; the oldest one goes. No code of the program runs here but the __del__ of a value that is
 * dropped. Under the GIL. */
#ifndef DEBUG_CHANGES_H
#define DEBUG_CHANGES_H

#include "compat.h"

/* Notes a change, made in a frame: `frame` NULL means that no thread made it. The values are
 * borrowed; NULL: there is none, or it is not known. */
void debug_change_note(unsigned number, const char *kind, PyObject *old, PyObject *new,
                       native_frame *frame);
/* A thread ends: whichever stops next takes what it has changed. */
void debug_changes_leave(unsigned long thread);
/* Drops what was noted under a number. */
void debug_changes_forget(unsigned number);
/* Returns what the calling thread has changed since the last call, and which dictionaries ended:
 * owned, NULL with an exception. A row is (number, kind, (old,) or (), (new,) or (), code or None,
 * line). The kinds are "set", "deleted" and "gone" of watched writes. Of compared values they are
 * "changed", and "bound" where there was none. */
PyObject *debug_changes_take(void);
/* Forgets all changes. */
void debug_changes_clear(void);

#endif
