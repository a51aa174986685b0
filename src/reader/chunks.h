/* The table of chunks in a reader: which chunks there are, and their places. Private to src/reader.
 *
 * scan_file() appends in any order; chunks_sort() orders the table once. From then on the order
 * stays and only places change (follow.h). */
#ifndef CHUNKS_H
#define CHUNKS_H

#include "reader.h"

/* Appends a chunk. */
RL_CHECKED rl_status chunks_add(struct reader *reader, const struct chunk_ref *ref);
/* Sorts by thread and chunk number, and keeps each chunk once: its block rather than its slot. */
void chunks_sort(struct reader *reader);
/* Drops chunks after a gap, in a file that grows while it is read. There, the scan may find a chunk
 * and miss the one before it. Unless the recorder lost events, such a chunk is newer than the
 * moment that the reader shows. */
void chunks_drop_ahead(struct reader *reader);
/* Returns the chunk of that thread and number, or NULL. The table is sorted. */
const struct chunk_ref *chunks_find(const struct reader *reader, const struct chunk_info *info);
/* Reads the decoded bytes of a chunk into *raw. RL_DAMAGED where its sum is wrong, or something
 * else is in its place. */
RL_CHECKED rl_status chunks_load(struct reader *reader, const struct chunk_ref *ref,
                                 struct bytes_out *raw);
#endif
