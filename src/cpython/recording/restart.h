/* A recording begins again inside its file: what came before is gone. For the tests of a run, of
 * which each failed one becomes a recording. */
#ifndef RESTART_H
#define RESTART_H

/* Begins again. Returns 0 where nothing is recorded into a ring. May give the GIL away. */
int recording_restart(void);

#endif
