/* What the program writes to stdout and stderr, as events (--output). The streams stay the
 * program's own objects: the C functions behind their write() are replaced in place, as in exits.c.
 * A text is recorded after it was written. What C code writes to the descriptors: native_output.h.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

/* 0, or -1 with an exception. */
int output_start(void);
void output_stop(void);

#endif
