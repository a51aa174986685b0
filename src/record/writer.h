/* The writer: the file of a recording, and everything that is appended to it.
 *
 * Belongs to the writer thread; where no thread could be had, to whoever holds the recorder's lock.
 * Every append first makes sure that the descriptor still is our file (a program that closes all
 * descriptors and opens its own must never find our bytes in them). */
#ifndef WRITER_H
#define WRITER_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "block.h"
#include "header.h"
#include "rec.h"
#include "slots.h"
#include "summary.h"

struct writer {
    int fd;
    int is_gone;              /* the file was truncated or its descriptor taken: write no more */
    _Atomic int bus_hit;      /* a mapped slot lost its file (set by the guard) */
    int is_mapped;            /* LIVE blocks are shared memory */
    const char *why_unmapped; /* static text, NULL where is_mapped */
    uint64_t identity[2];
    uint64_t offset;           /* end of the file: where the next block goes */
    struct block_coder *coder; /* owned */
    struct chunk_maker maker;
    struct summary summary;
    struct bytes_out block;
    struct bytes_out index;
    struct index_coder index_coder;
    uint64_t events, chunks;
};

RL_CHECKED rl_status writer_open(struct writer *writer, const char *path,
                                 struct file_header *header, const uint8_t *meta, size_t meta_len,
                                 struct rl_err *err);
/* Appends a LIVE block for `count` slots; says in *live where it is, in memory and in the file. */
RL_CHECKED rl_status writer_live(struct writer *writer, uint32_t slot_size, uint32_t count,
                                 struct live *live);
/* Where mapping is not safe: writes what the slots hold now. */
void writer_sync_live(struct writer *writer, const struct live *live);
RL_CHECKED rl_status writer_dict(struct writer *writer, const uint8_t *entries, size_t len);
/* Encodes and appends the rows of a handed-over slot. On failure nothing of it is in the file. */
RL_CHECKED rl_status writer_chunk(struct writer *writer, const struct slot *slot);
/* Gives the space of LIVE blocks back, but for their control page. */
void writer_punch_live(struct writer *writer, const struct live *live);
/* Index, summary (where with_summary) and footer; then the first LIVE block says `closed`. */
RL_CHECKED rl_status writer_finish(struct writer *writer, uint64_t lost, int with_summary,
                                   const struct live *first);
void writer_close(struct writer *writer);
/* Whether the file is still ours and whole; sets is_gone where not. */
int writer_is_sound(struct writer *writer);

#endif
