/* The writer: the file of a recording, and everything that is appended to it.
 *
 *   | file header | META | PAD | LIVE | DICT | CHUNK | CHUNK | ... | INDEX | SUMMARY | FOOTER |
 *                                 ^                                ^
 *                          mapped: lanes write it               offset, until writer_finish()
 *
 * Threads: belongs to the writer thread. Where the system refused a thread, it belongs to whoever
 * holds the recorder's lock. `bus_hit` alone is also written from a signal handler.
 *
 * Every write first checks that the descriptor still is the file that writer_open() created. A
 * program may close all descriptors and open its own; those must never receive our bytes. */
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
    int is_gone;         /* truncated, or another file has the descriptor: nothing is written */
    _Atomic int bus_hit; /* a mapped page lost its file (set by os_guard()) */
    int is_mapped;       /* LIVE blocks are shared memory */
    const char *why_unmapped;  /* static text, NULL where is_mapped */
    uint64_t identity[2];      /* device and inode */
    uint64_t offset;           /* end of the file, where the next block is appended */
    struct block_coder *coder; /* owned */
    struct chunk_maker maker;
    struct summary summary;
    struct bytes_out block;
    struct bytes_out index;
    struct index_coder index_coder;
    uint64_t events, chunks;
};

/* Creates and locks the file, and writes file header and META. */
RL_CHECKED rl_status writer_open(struct writer *writer, const char *path,
                                 struct file_header *header, const uint8_t *meta, size_t meta_len,
                                 struct rl_err *err);
/* Appends a LIVE block for `count` slots. Fills *live with its place in memory and in the file. */
RL_CHECKED rl_status writer_live(struct writer *writer, uint32_t slot_size, uint32_t count,
                                 struct live *live);
/* Where LIVE blocks are not mapped: writes the control page and the rows that slots hold now. */
void writer_sync_live(struct writer *writer, const struct live *live);
/* Appends a DICT block. */
RL_CHECKED rl_status writer_dict(struct writer *writer, const uint8_t *entries, size_t len);
/* Appends a SOURCE block, unless it takes more than `most` bytes (RL_LIMIT). */
RL_CHECKED rl_status writer_source(struct writer *writer, const uint8_t *entries, size_t len,
                                   uint64_t most);
/* Encodes the rows of a slot that was handed over and appends them as a CHUNK block. On failure
 * nothing of the slot is in the file. */
RL_CHECKED rl_status writer_chunk(struct writer *writer, const struct slot *slot);
/* Frees the disk space of a LIVE block's slots (a hole); its control page stays. */
void writer_punch_live(struct writer *writer, const struct live *live);
/* Makes a LIVE block that is not mapped any more PAD, and frees its space. Returns 0 where the file
 * cannot be written. */
int writer_give_up_live(struct writer *writer, const struct live *live);
/* Appends INDEX, SUMMARY (where with_summary) and FOOTER, then marks the first LIVE block closed.
 */
RL_CHECKED rl_status writer_finish(struct writer *writer, uint64_t lost, int with_summary,
                                   const struct live *first);
/* Before blocks move and the file gets shorter: its size on the control page becomes unknown. */
void writer_forget_end(struct writer *writer, const struct live *first);
/* Closes the descriptor and frees all memory. */
void writer_close(struct writer *writer);
/* Returns whether the descriptor still is our file and the file is whole; otherwise sets is_gone.
 */
int writer_is_sound(struct writer *writer);

#endif
