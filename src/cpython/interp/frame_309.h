/* CPython 3.9: what is its own in a frame. */
#ifndef FRAME_309_H
#define FRAME_309_H

#include <internal/pycore_interp.h>

#define NATIVE_IS_SUSPENDED(f) ((f)->f_stacktop != NULL)
#define NATIVE_BYTE_OFFSET(f)  ((f)->f_lasti)
#define NATIVE_SENT(f)                                                                             \
    ((f)->f_stacktop != NULL && (f)->f_stacktop > (f)->f_valuestack ? (f)->f_stacktop[-1] : NULL)

#include "frame_object.h"

#endif
