/* Code without a file of its own (`<string>`, or no name at all): which class it was made for, and
 * which module it counts to. Under the GIL; no Python code runs. */
#ifndef GENERATED_H
#define GENERATED_H

#include "compat.h"

struct code_home {
    PyObject *globals;  /* borrowed: those of the module that the code counts to */
    PyObject *qualname; /* owned; NULL: no class has the code */
};

/* The home of code that runs in `frame`; its own globals and no name where it has a file. */
struct code_home generated_home(PyCodeObject *code, native_frame *frame);

#endif
