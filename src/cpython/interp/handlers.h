/* The handler that an exception meets in a frame, found in the bytecode. An except clause catches
 * the exception; a with may swallow it; a finally passes it on unless it is left by return, break
 * or continue. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include "compat.h"

#include <relive/rl_format.h>

struct exc_handler {
    enum rl_handler kind;
    uint32_t line; /* of the with, of what leaves the finally, else where that begins; 0 unknown */
};

/* Returns what begins at this offset (in bytes). Under the GIL; runs nothing of the program. */
struct exc_handler handlers_look(PyCodeObject *code, Py_ssize_t offset);
/* Returns the offset of the handler for an exception at the frame's current instruction; -1: none,
 * the exception leaves the frame. */
Py_ssize_t handlers_find(native_frame *frame);
/* Returns the offset of the handler that the frame has just entered with an exception, or -1. */
Py_ssize_t handlers_entered(native_frame *frame);

#endif
