/* How other processes of the run end: whoever waits for one writes its wait status into that one's
 * recording. So a child that was killed says by which signal. Under the GIL. */
#ifndef WAITS_H
#define WAITS_H

#include "compat.h"

/* From now on, os.wait, wait3, wait4, waitpid and waitid of this process are listened to, in place.
 * `path` is the first file of the run. */
void waits_begin(PyObject *path);

#endif
