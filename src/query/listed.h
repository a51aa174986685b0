/* The events that stories_use() names, in their order. They are from the lists of an index, as far
 * as it has them. Otherwise all events are read, and others are given, too.
 *
 * Threads: as for the reader, one at a time. */
#ifndef LISTED_H
#define LISTED_H

#include "skim.h"

struct listed {
    struct reader *reader;
    const struct index_wanted *wanted; /* borrowed: in which stretches such events are */
    size_t stretch;                    /* that is next */
    int is_reading;
    struct skim skim;      /* where is_reading */
    struct bytes_out list; /* otherwise the stretch before */
    struct bytes_in left;
};

/* Begins at the first event. */
void listed_open(struct reader *reader, const struct index_wanted *wanted, struct listed *listed);
/* Gives the next event. *cursor becomes the cursor at the event; NULL where it is from a list.
 * RL_OK, RL_END or RL_NOMEM. */
RL_CHECKED rl_status listed_next(struct listed *listed, struct event_out *event,
                                 const struct cursor **cursor);
void listed_close(struct listed *listed);

#endif
