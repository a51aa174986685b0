/* What the program writes to stdout and stderr, as events (--output). The streams stay the
 * program's own objects: the C functions behind their write() are wrapped in place, as in exits.c,
 * and what they wrote is recorded after it went where it was to go. What C code writes to the
 * descriptors itself is native_output.h's. */
#ifndef OUTPUT_H
#define OUTPUT_H

/* 0, or -1 with an exception. */
int output_start(void);
void output_stop(void);

#endif
