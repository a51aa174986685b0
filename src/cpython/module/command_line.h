/* The command line of the process, as it may be written into a recording. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include "compat.h"

/* The words without the secrets in them: what options hold that are named like one, and texts that
 * look like one; of `-c CODE` no text in quotes, since a recording holds no source. A new list;
 * NULL with an exception. */
PyObject *command_line_clean(PyObject *words);

#endif
