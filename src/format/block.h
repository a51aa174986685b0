/* Blocks: the units that a recording is appended in (docs/format.md, "Blocks").
 *
 *   0       4      6       8     12       16      24       28      32
 *   | magic | type | codec | raw | stored | sum   | prefix | check | stored bytes | 0..7 zero bytes
 * |
 *                                                                  |
 *                                        stored bytes:  | prefix (not coded) | raw or zstd bytes |
 *
 *   type      written when                              coded
 *   META      once, at the start                        yes
 *   PAD       before a LIVE block; where a block was    no
 *   LIVE      when lanes need more slots                no, mapped and written by lanes
 *   DICT      before a chunk that needs definitions     yes
 *   CHUNK     when a slot was handed over               yes, behind an uncoded prefix
 *   INDEX     at the close                              yes
 *   SUMMARY   at the close, not for a ring              yes
 *   FOOTER    at the close, last                        no, so that it has a fixed size
 *
 * Blocks begin at multiples of 8. A header has a check of its own, so a reader that meets damage
 * finds the next block by searching for one that is whole. */
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
    uint32_t raw;    /* bytes after decoding, without the prefix */
    uint32_t stored; /* bytes in the file, with the prefix */
    uint32_t prefix;
    uint64_t sum; /* of the stored bytes; 0 in LIVE and PAD, whose bytes change or do not matter */
};

/* Returns the distance from a block's first byte to the next block. */
uint64_t block_span(const struct block_header *header);

void block_header_put(uint8_t *at, const struct block_header *header);
/* Reads a header. RL_DAMAGED where the bytes are none, or their numbers cannot be right. */
RL_CHECKED rl_status block_header_get(const uint8_t *at, struct block_header *header);

/* The state of the compressor; one for each thread. */
struct block_coder;
struct block_coder *block_coder_new(void);
/* Makes blocks smaller, and takes its time for it. */
struct block_coder *block_coder_new_small(void);
void block_coder_free(struct block_coder *coder);

/* How the raw bytes of a block divide, in their order. Each part that is not empty becomes a zstd
 * frame. In noise hardly anything comes twice, as in the times between events: a search for
 * repetitions would cost more than all the rest. */
struct block_parts {
    size_t first, noise, last;
};

/* Appends a whole block to `out`. Where zstd does not make it smaller, it is stored as it is. */
RL_CHECKED rl_status block_seal(struct block_coder *coder, enum rl_block_type type,
                                const void *prefix, size_t prefix_len, const void *raw,
                                const struct block_parts *parts, struct bytes_out *out);

/* Compares the sum of the stored bytes and decodes what follows the prefix into `out`, which is
 * emptied first. RL_DAMAGED, or RL_NEWER for a codec that this version does not know. */
RL_CHECKED rl_status block_unpack(struct block_coder *coder, const struct block_header *header,
                                  const uint8_t *stored, struct bytes_out *out);

uint64_t block_checksum(const void *data, size_t len);
/* Returns whether the data has this sum. A fuzzing build always says so: a fuzzer cannot guess one.
 */
int block_sum_matches(const void *data, size_t len, uint64_t sum);
/* Does the same for the 32 bits of a sum that a block header has. */
int block_check_matches(const void *data, size_t len, uint32_t check);
/* Returns the version of the zstd that is linked in, such as "1.5.4". */
const char *block_zstd_version(void);

#endif
