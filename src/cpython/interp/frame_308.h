/* CPython 3.8: what is its own in a frame. */
#ifndef FRAME_308_H
#define FRAME_308_H

#include <internal/pycore_pystate.h> /* interp->eval_frame */

#define NATIVE_IS_SUSPENDED(f) ((f)->f_stacktop != NULL)
#define NATIVE_BYTE_OFFSET(f)  ((f)->f_lasti)
#define NATIVE_SENT(f)                                                                             \
    ((f)->f_stacktop != NULL && (f)->f_stacktop > (f)->f_valuestack ? (f)->f_stacktop[-1] : NULL)

#include "frame_object.h"

#endif
