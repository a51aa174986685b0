/* The end of a recording's LIVE blocks: a closed file has no holes. */
#ifndef COMPACT_H
#define COMPACT_H

#include "slots.h"
#include "writer.h"

/* Moves blocks from the end of the file into the space of its slots, and cuts the file there. No
 * slot may be mapped, none holds rows any more, and nothing but CHUNK and DICT blocks follows the
 * first LIVE block. `lives` is newest first. Where it cannot be done the slots become holes. */
void compact_file(struct writer *writer, const struct live *lives);

#endif
