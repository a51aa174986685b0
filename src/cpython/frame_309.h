/* CPython 3.9: what is its own in a frame. */
#ifndef FRAME_309_H
#define FRAME_309_H

#include <internal/pycore_interp.h>

#define NATIVE_IS_SUSPENDED(f) ((f)->f_stacktop != NULL)
#define NATIVE_BYTE_OFFSET(f)  ((f)->f_lasti)

#include "frame_object.h"

#endif
