/* The folders of code that is not the program's own: libraries and Relive itself. Under the GIL. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include "compat.h"

/* The folders of the standard library and of installed packages, each with its last slash, sorted:
 * a new list of str; NULL with an exception. */
PyObject *folders_of_libraries(void);
/* Passes the folders on to origin.h. */
void folders_know(PyObject *folders);
/* Passes our own folder on to origin.h: it is never recorded. Returns 0, or -1 with an exception.
 */
int folders_exclude_own(void);

#endif
