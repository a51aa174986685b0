/* Blocks: the append-only units of a recording (docs/format.md, "Blocks").
 *
 *   | header 32 | prefix (uncoded) | raw or zstd bytes | 0..7 zero bytes |
 *
 * A header carries its own check, so a reader that lost its way finds the next one. */
#ifndef BLOCK_H
#define BLOCK_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct block_header {
    uint16_t type;
    uint16_t codec;
    uint32_t raw;
    uint32_t stored;
    uint32_t prefix;
    uint64_t sum;
};

/* Distance from a block's first byte to the next block. */
uint64_t block_span(const struct block_header *header);

void block_header_put(uint8_t *at, const struct block_header *header);
/* RL_DAMAGED where the bytes are no header or claim what cannot be. */
RL_CHECKED rl_status block_header_get(const uint8_t *at, struct block_header *header);

/* Compression state, one a thread. */
struct block_coder;
struct block_coder *block_coder_new(void);
void block_coder_free(struct block_coder *coder);

/* Appends a whole block to out; stored raw where zstd would not make it smaller. */
RL_CHECKED rl_status block_seal(struct block_coder *coder, enum rl_block_type type,
                                const void *prefix, size_t prefix_len, const void *raw,
                                size_t raw_len, struct bytes_out *out);

/* Checks the sum of `stored` bytes and decodes what follows the prefix into out (emptied first). */
RL_CHECKED rl_status block_unpack(struct block_coder *coder, const struct block_header *header,
                                  const uint8_t *stored, struct bytes_out *out);

uint64_t block_checksum(const void *data, size_t len);
/* Whether the data has this sum. Always so in a fuzzing build, which could not guess one. */
int block_sum_matches(const void *data, size_t len, uint64_t sum);
/* The same for the half that a block header has. */
int block_check_matches(const void *data, size_t len, uint32_t check);
/* "1.5.4": the zstd that is linked in. */
const char *block_zstd_version(void);

#endif
