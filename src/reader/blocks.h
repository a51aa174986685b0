/* Reads the blocks of a file, over damage. Private to src/reader. */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "reader.h"

/* Shared by open and check: walks block headers from `at`, with resynchronisation. RL_END at the
 * end of the file. *offset is where the block begins. */
RL_CHECKED rl_status blocks_next(struct reader *reader, uint64_t *at, uint64_t *offset,
                                 struct block_header *header);

/* Reads, checks and decodes one block; the prefix stands in reader->stored. */
RL_CHECKED rl_status blocks_unpack(struct reader *reader, uint64_t offset,
                                   const struct block_header *header, struct bytes_out *raw);

#endif
