/* Compaction: when a recording ends, its last blocks move into the space of its LIVE blocks. A
 * closed file has no holes. */
#ifndef COMPACT_H
#define COMPACT_H

#include "slots.h"
#include "writer.h"

/* Moves blocks into the space of the slots and truncates the file. `lives` is newest first. No slot
 * may be mapped or hold rows, and only CHUNK, DICT and LIVE blocks may follow the first LIVE block.
 * Where a step fails, the space of the slots becomes holes of the file instead. */
void compact_file(struct writer *writer, const struct live *lives);

#endif
