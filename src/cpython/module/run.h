/* What one run is: its name, its files, and the variable by which children find it.
 *
 * RELIVE_RUN holds a JSON object:
 *
 *     id, mono         name and start of the run
 *     path             file of the first process
 *     spare            a folder for the file where path cannot be written
 *     parent           pid
 *     state            "start" until the first process has begun, then "child"
 *     pid              of that first process
 *     report, forced   what `relive record` was given
 *     config, filter   settings and recipe (recipe.h)
 *
 * Nothing here imports a module that the program would not find without us; settings with dump_on
 * import relive.dumps. All of it runs under the GIL. */
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
/* Returns the text of the variable for a run: new, or NULL with an exception. */
PyObject *run_variable_text(PyObject *run);
/* Writes the variable by which children join. Returns 0, or -1 with an exception. */
int run_write(PyObject *run);

/* opening_start(), and the recording that is on is of this run from then on. */
int run_open(PyObject *path, PyObject *run, unsigned how);
/* Opens this process's own file of the run, beside the first one, and tells its children. */
int run_join(PyObject *run, unsigned how);
/* The run of the recording that was opened last: borrowed; NULL: none was. */
PyObject *run_opened(void);
/* Writes the variable by which its children join. -1 with an exception. */
int run_become_parent(void);

/* Writes one line to stderr, whatever state the program is in. In a forked child it writes nothing,
 * since descriptor 2 may be a connection or a file of the program. Keeps the pending exception. */
void run_complain(const char *what, PyObject *text);
/* In a forked child, without Python. */
void run_forked(void);

#endif
