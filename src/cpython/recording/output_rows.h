/* Rows of output: what the program has written to a stream, without the secrets in it. */
#ifndef OUTPUT_ROWS_H
#define OUTPUT_ROWS_H

#include "state.h"

#define OUTPUT_PIECE 4000 /* bytes of one event, at most */

/* Under the GIL: one event of a recorded thread. `bytes` may be read up to 15 bytes beyond `len`,
 * which is at most OUTPUT_PIECE. */
void output_row(struct thread *thread, unsigned stream, const uint8_t *bytes, size_t len);
/* The room that takes, in rows, at most. */
uint32_t output_units(uint32_t len);

#endif
