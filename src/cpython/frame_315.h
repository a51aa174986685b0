/* CPython 3.15: what is its own in a frame. */
#ifndef FRAME_315_H
#define FRAME_315_H

/* Read and run: 3.15 keeps what 3.14 has. The layout may move with any version, hence this file. */
#include "frame_314.h"

#endif
