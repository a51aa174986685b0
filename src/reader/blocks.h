/* The blocks of a file, one after the other, over damage. For src/reader and src/cut. */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "reader.h"

/* Finds the next block from *at on: *offset is its place, *header its header, *at the place behind
 * it. Bytes that are no block are skipped and become a problem. RL_END at the end of the file. */
RL_CHECKED rl_status blocks_next(struct reader *reader, uint64_t *at, uint64_t *offset,
                                 struct block_header *header);

/* Reads one block, compares its sum and decodes it into *raw. reader->stored begins with the
 * prefix. RL_DAMAGED where the block is cut or its sum is wrong. */
RL_CHECKED rl_status blocks_unpack(struct reader *reader, uint64_t offset,
                                   const struct block_header *header, struct bytes_out *raw);

#endif
