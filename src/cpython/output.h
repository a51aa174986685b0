/* What the program writes to stdout and stderr, as events (--output). The streams stay the
 * program's own objects: the C functions behind their write() are wrapped in place, as in exits.c,
 * and what they wrote is recorded after it went where it was to go. What C code writes to the
 * descriptors itself is native_output.h's. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stddef.h>
#include <stdint.h>

struct thread;

#define OUTPUT_PIECE 4000 /* bytes of one event, at most */

/* Under the GIL: one event of a recorded thread. `bytes` may be read up to 15 bytes beyond `len`,
 * which is at most OUTPUT_PIECE. */
void output_put(struct thread *thread, unsigned stream, const uint8_t *bytes, size_t len);
/* The room that takes, in rows, at most. */
uint32_t output_units(uint32_t len);

/* 0, or -1 with an exception. */
int output_start(void);
void output_stop(void);

#endif
