/* Every event of a recording, chunk by chunk. */
#ifndef WALK_H
#define WALK_H

#include "reader.h"

/* Every event, chunk by chunk in the order in which they began; not merged. RL_NOMEM, or RL_OK:
 * damaged chunks become problems and are passed over. */
struct walk {
    void *self;
    void (*chunk)(void *self, const struct chunk_info *info); /* before the events of each */
    void (*event)(void *self, const struct rec *rec);         /* borrowed until it returns */
};
RL_CHECKED rl_status walk_chunks(struct reader *reader, const struct walk *walk);

#endif
