/* What an exception meets in the frame that it was raised in, or came to, as the bytecode says: an
 * except clause catches it; a with may swallow it; a finally lets it go on unless it is left by
 * return, break or continue. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include "compat.h"

#include <relive/rl_format.h>

struct exc_handler {
    enum rl_handler kind;
    uint32_t line; /* of the with, of what leaves the finally, else where that begins; 0 unknown */
};

/* What begins at this offset (in bytes). Under the GIL; runs nothing of the program. */
struct exc_handler handlers_look(PyCodeObject *code, Py_ssize_t offset);
/* Where in its code the frame goes on with an exception that comes up now; -1: it is left. */
Py_ssize_t handlers_find(native_frame *frame);
/* Where the handler begins that the frame has just come to with an exception; -1: it has not. */
Py_ssize_t handlers_entered(native_frame *frame);

#endif
