/* A ring that began again gives the space of its slots back. The recorder's lock is held.
 *
 * Private to src/record. */
#ifndef SHRINK_H
#define SHRINK_H

#include "recorder_state.h"

/* Gives up LIVE blocks of which every slot is free, all but the first one. */
void work_shrink(struct recorder *recorder);

#endif
