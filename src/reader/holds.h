/* Whether a chunk can have some bytes among its values: a look that decodes no event.
 *
 * Threads: as for the reader, one at a time. */
#ifndef HOLDS_H
#define HOLDS_H

#include "reader.h"

#define HOLDS_BYTES 6u /* that are looked for */

/* Returns whether chunk `ref` of the reader has these bytes, or cannot be read. -1 without memory.
 */
int holds_bytes(struct reader *reader, size_t ref, const uint8_t *wanted,
                struct bytes_out *scratch);

#endif
