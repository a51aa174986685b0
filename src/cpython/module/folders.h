/* Where code is that is not the program's own. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include "compat.h"

/* The folders of the standard library and of installed packages, each with its last slash, sorted:
 * a new list of str; NULL with an exception. */
PyObject *folders_of_libraries(void);
/* Tells codeinfo.h of them. */
void folders_know(PyObject *folders);
/* Tells codeinfo.h of our own folder, which is never recorded. -1 with an exception. */
int folders_exclude_own(void);

#endif
