/* What the program calls its threads, as `threading` has it. Looked up, never made: no module is
 * imported and no thread is registered for it. Runs no Python code. Under the GIL. */
#ifndef THREADNAME_H
#define THREADNAME_H

#include "compat.h"

/* {ident: Thread} of threading: borrowed, NULL where nobody has imported it. */
PyObject *threadname_registry(void);
/* The name of a thread: borrowed or NULL. */
PyObject *threadname_of(unsigned long ident);
/* The same of the thread that runs. */
PyObject *threadname_now(void);

#endif
