/* CPython 3.10: what is its own in a frame. */
#ifndef FRAME_310_H
#define FRAME_310_H

#include <internal/pycore_interp.h>

#define NATIVE_JUMP_BYTES      ((Py_ssize_t)sizeof(_Py_CODEUNIT))
#define NATIVE_IS_SUSPENDED(f) ((f)->f_state == FRAME_SUSPENDED)
#define NATIVE_BYTE_OFFSET(f)  ((f)->f_lasti * (int)sizeof(_Py_CODEUNIT))
/* Behind GEN_START. */
#define NATIVE_BODY(code)                                                                          \
    ((code)->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)                         \
         ? (int)sizeof(_Py_CODEUNIT)                                                               \
         : 0)
#define NATIVE_SENT(f) ((f)->f_stackdepth > 0 ? (f)->f_valuestack[(f)->f_stackdepth - 1] : NULL)

#include "frame_object.h"

#endif
