/* CPython 3.15: what is its own in a frame. */
#ifndef FRAME_315_H
#define FRAME_315_H

/* Read and run: 3.15 keeps the layout of 3.14; its RESUME has a cache entry. */
#define NATIVE_RESUME_UNITS 2
#include "frame_314.h"

#endif
