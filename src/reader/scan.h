/* Finds what a recording holds: by its index, or block by block. Private to src/reader. */
#ifndef SCAN_H
#define SCAN_H

#include "reader.h"

/* Fills chunks, dictionaries, meta and losses. Damage becomes problems. */
RL_CHECKED rl_status scan_file(struct reader *reader);
/* Reads, checks and decodes one block; the prefix stands in reader->stored. */
RL_CHECKED rl_status scan_unpack(struct reader *reader, uint64_t offset,
                                 const struct block_header *header, struct bytes_out *raw);

#endif
