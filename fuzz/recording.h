/* What the targets that read any bytes as a recording have in common. */
#ifndef FUZZ_RECORDING_H
#define FUZZ_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "reader_open.h"

/* Opens the bytes as a file, and asks about it, and about recordings inside it where it is a pack.
 * Returns 0, as a target does. */
int fuzz_recording(const uint8_t *data, size_t size, void (*ask)(struct reader *reader));

#endif
