/* The ways out of a process that skip Py_FinalizeEx: os._exit, os.execv and os.execve. */
#ifndef EXITS_H
#define EXITS_H

#include "compat.h"

#include "recorder.h"

/* Puts our functions before the three, in place, so that their objects stay what they are.
 * Idempotent. -1 with an exception where the posix module is not as expected. */
int exits_guard(void);

/* At the end of a recording, one line on stderr: file, events, size, losses, what to type next. */
void exits_want_report(int wanted);
/* In a forked child: descriptor 2 may be anything, so nothing is reported. */
void exits_forked(void);
void exits_report(const struct recorder_stats *stats, const char *path);

/* Registers with the interpreter what runs at its end: the last look at the hook, and the stop. */
int exits_register(void);

#endif
