/* From the settings of a run, which are Python's objects, to a recording that is on. */
#ifndef OPENING_H
#define OPENING_H

#include <stddef.h>

#include "compat.h"

/* The recording of a forked child; one of a process that has not come to its program yet. */
#define OPENING_FORKED  1u
#define OPENING_WAITING 2u

/* Begins a recording into a new file. `run` (run.h) has config and filter. It may have id, mono,
 * parent and child; a missing mono is put in. Returns 0, or -1 with an exception: _core.Error where
 * the recording is refused. */
int opening_start(PyObject *path, PyObject *run, unsigned how);

/* Whether this interpreter's frames can be read; `why` gets why not. */
int opening_reads_frames(char *why, size_t size);

#endif
