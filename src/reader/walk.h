/* Every event of a recording, chunk by chunk. Cheaper than a cursor, for counts that need no order
 * between threads. */
#ifndef WALK_H
#define WALK_H

#include "reader.h"

/* What to call. The arguments are borrowed until the function returns. */
struct walk {
    void *self;
    void (*chunk)(void *self, const struct chunk_info *info); /* before the events of each */
    void (*event)(void *self, const struct rec *rec);
};
/* Walks over all chunks in the order in which they begin. RL_OK or RL_NOMEM: a damaged chunk
 * becomes a problem and is skipped. */
RL_CHECKED rl_status walk_chunks(struct reader *reader, const struct walk *walk);

#endif
