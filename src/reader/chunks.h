/* The table of chunks: which there are, and where. Private to src/reader. */
#ifndef CHUNKS_H
#define CHUNKS_H

#include "reader.h"

/* Appends to the table, in no order. */
RL_CHECKED rl_status chunks_add(struct reader *reader, const struct chunk_ref *ref);
/* By thread and chunk number, each once: a block before its live copy. */
void chunks_sort(struct reader *reader);
/* Of a file that grows while its slots are read, a chunk may be found and the one before it not.
 * Where nothing was lost, such a chunk is newer than the moment that the reader shows. */
void chunks_drop_ahead(struct reader *reader);
/* The chunk of that thread and number, or NULL. */
const struct chunk_ref *chunks_find(const struct reader *reader, const struct chunk_info *info);
/* The decoded bytes of a chunk that is in its place; RL_DAMAGED where it is not, or its sum is
 * wrong. */
RL_CHECKED rl_status chunks_load(struct reader *reader, const struct chunk_ref *ref,
                                 struct bytes_out *raw);
#endif
