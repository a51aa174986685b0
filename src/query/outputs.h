/* What the program wrote to stdout and stderr, each write with the function and line that did it:
 * `relive out`. */
#ifndef OUTPUTS_H
#define OUTPUTS_H

#include "cursor.h"

struct written {
    struct event_out event; /* kind output; borrowed until the next one */
    uint32_t code;          /* of its frame; 0 = none is known */
    uint32_t line;          /* the last one that began in that frame; 0 = not known */
};

struct outputs;
/* Begins with the first event. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status outputs_open(struct reader *reader, struct outputs **out);
void outputs_close(struct outputs *outputs);
/* Gives the next write. Reads at most `*events` events, which it counts down. RL_OK with *is_found
 * 0 where those are used up; RL_END, RL_NOMEM. */
RL_CHECKED rl_status outputs_next(struct outputs *outputs, uint64_t *events,
                                  struct written *written, int *is_found);

#endif
