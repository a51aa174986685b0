/* CPython 3.8: what is its own in a frame. */
#ifndef FRAME_308_H
#define FRAME_308_H

#include <internal/pycore_pystate.h> /* interp->eval_frame */

#define NATIVE_IS_SUSPENDED(f) ((f)->f_stacktop != NULL)
#define NATIVE_BYTE_OFFSET(f)  ((f)->f_lasti)

#include "frame_object.h"

#endif
