/* What one run is: its name, its files, and the variable that children find it by.
 *
 * RELIVE_RUN holds a JSON object: id, path (of the first process's file), mono (start of the run),
 * spare (a folder for it where path cannot be written), parent (pid), state ("start" until the
 * first process has begun, then "child"), pid (of that first process), report, forced, config
 * (settings), filter (recipe.h). Nothing here imports a module: the program is to find sys.modules
 * as without us. All of it runs under the GIL. */
#ifndef RUN_H
#define RUN_H

#include "compat.h"

#define RUN_VARIABLE "RELIVE_RUN"

/* A variable of the program's environment, as os.environ has it now: new; NULL without an exception
 * where it is not there. */
PyObject *run_variable(const char *name);
/* Takes it away. -1 with an exception. */
int run_forget_variable(const char *name);
/* The run that this process belongs to: new; NULL without an exception: none, or no valid one. */
PyObject *run_read(void);
/* What the variable says of a run: new. */
PyObject *run_variable_text(PyObject *run);
/* Tells children how to join: 0, or -1 with an exception. */
int run_write(PyObject *run);

/* opening_start(), and the recording that is on is of this run from then on. */
int run_open(PyObject *path, PyObject *run, unsigned how);
/* Opens this process's own file of the run, beside the first one, and tells its children. */
int run_join(PyObject *run, unsigned how);
/* The run of the recording that was opened last: borrowed; NULL: none was. */
PyObject *run_opened(void);
/* Writes the variable by which its children join. -1 with an exception. */
int run_become_parent(void);

/* One line on stderr, whatever state the program is in; nothing in a forked child, whose descriptor
 * 2 may be a connection or a file of the program. Leaves the exception that is set. */
void run_complain(const char *what, PyObject *text);
/* In a forked child, without Python. */
void run_forked(void);

#endif
