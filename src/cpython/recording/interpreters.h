/* Interpreters other than the main one of the process. The engine does not run in them, since they
 * may have a GIL of their own: nothing of them is recorded, and they are counted. */
#ifndef INTERPRETERS_H
#define INTERPRETERS_H

#include "compat.h"

int interpreter_is_main(void);
/* All that the module does in another one. */
int interpreters_exec(PyObject *module);
/* A recording begins beside those that are there already. */
void interpreters_begin(void);

#endif
