/* The ends of a process, at which a recording is closed.
 *
 *     Py_FinalizeEx         exits_register(): an atexit function, then Py_AtExit
 *     os._exit              exits_guard(): stops the recording first
 *     os.execv, execve      exits_guard(): readies the recording, and takes that back on failure
 *     exit(3)               after Py_FinalizeEx: writes the exit status into the closed file
 *
 * Under the GIL, apart from exits_forked(). */
#ifndef EXITS_H
#define EXITS_H

#include "compat.h"

#include "recorder.h"

/* Puts our functions before the three, in place, so that their objects stay what they are.
 * Idempotent. -1 with an exception where the posix module is not as expected. */
int exits_guard(void);

/* At the end of a recording, one line on stderr: events, size, losses, and what to type next. That
 * begins with `words`, by which the user reaches the command line. "" wants no such line. */
void exits_want_report(const char *words);
/* In a forked child: descriptor 2 may be anything, so nothing is reported. */
void exits_forked(void);
void exits_report(const struct recorder_stats *stats, const char *path);

/* Registers with the interpreter what runs at its end: the last look at the hook, and the stop. */
int exits_register(void);

#endif
