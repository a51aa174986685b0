/* Makes an index, or adds to one that covers a part of its recording.
 *
 *    index_builder_open() --> index_builder_step() ... until RL_END --> index_builder_close()
 *
 * The new file begins with the pairs of the old one. It is whole after each step, so whoever is
 * interrupted closes the builder and keeps it.
 *
 * Memory: what is open in the recording, and the stretch that is being made.
 *
 * Threads: as for the reader, one at a time. */
#ifndef INDEX_BUILD_H
#define INDEX_BUILD_H

#include "index.h"
#include "landmarks.h"

struct index_builder;

/* Returns whether an index would cover `least` events more than `known` does (NULL = none), and an
 * eighth more. A ring, or a damaged recording, has none. */
int index_is_wanted(const struct reader *reader, const struct index *known, uint64_t least);
/* Begins. Writes to an empty file; the descriptor stays the caller's. `share` bounds the size:
 * 1/share of the recording; 0 = no bound. `stretch` is the least number of events in a stretch; 0 =
 * a good one. `plan` = NULL makes no landmarks. */
RL_CHECKED rl_status index_builder_open(struct reader *reader, const struct index *known, int fd,
                                        unsigned share, uint64_t stretch,
                                        const struct landmarks_plan *plan,
                                        struct index_builder **out);
/* Takes so many events. RL_OK, RL_END where there are no more that an index may cover, RL_IO or
 * RL_NOMEM. */
RL_CHECKED rl_status index_builder_step(struct index_builder *builder, uint64_t events);
/* Returns how many events are covered. */
uint64_t index_builder_covered(const struct index_builder *builder);
void index_builder_close(struct index_builder *builder);

#endif
