/* Which child processes --children-exclude leaves out. Under the GIL.
 *
 *     python3 -u jobs/worker.py 7             names: worker.py, jobs/worker.py, python3
 *     python3 -m joblib.externals.loky ...    names: joblib.externals.loky, python3
 *     python3 -c "from multiprocessing.spawn import spawn_main; ..."
 *                                             names: multiprocessing.spawn, -c, python3
 *     python3 -                               names: -, python3
 *
 * A pattern is a glob (dialect.h) and must match one name as a whole. A forked child has the names
 * of its parent, whose program it runs. */
#ifndef CHILD_NAMES_H
#define CHILD_NAMES_H

#include "compat.h"

/* Returns whether a pattern of these settings matches this process; -1 with an exception. Settings
 * without the key, which an earlier Relive wrote, exclude nothing. */
int child_is_excluded(PyObject *config);

/* Returns a name for this process's recording, after its script or module: new; "python" where it
 * runs neither. Letters, digits and _.- alone are kept. */
PyObject *child_make_stem(void);

int child_names_add(PyObject *module);

#endif
