/* Whether chunks of two recordings have the same events, whatever their times. Then a question that
 * compares both need not look at each event.
 *
 *   chunk of A   | tokens | times | values |
 *                    ==                ==       byte by byte
 *   chunk of B   | tokens | times | values |
 *
 * Equal bytes mean the same only where the ids in them do: twins_share_words() says so.
 *
 * Threads: as for the reader, one at a time. The two readers may be one. */
#ifndef TWINS_H
#define TWINS_H

#include "reader.h"

/* A chunk with its decoded bytes. The memory is kept from chunk to chunk. */
struct twin {
    struct bytes_out raw; /* owned */
    struct chunk_info info;
};

/* Returns whether each string and code id that both recordings define means the same in both. An id
 * that only one defines can then be in no chunk of the other. */
int twins_share_words(const struct reader *a, const struct reader *b);
/* Returns the place in the table of the chunk that has this event, or chunk_count. `from` is a
 * place to begin at. */
size_t twins_find(const struct reader *reader, uint32_t thread, uint64_t seq, size_t from);
/* Loads a chunk of each. *are_equal: their events differ in nothing but times. A chunk that cannot
 * be read is equal to none. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status twins_load(struct reader *const readers[2], const size_t refs[2],
                                struct twin twins[2], int *are_equal);
void twin_fini(struct twin *twin);

#endif
