/* The folded call tree of a recording, and its counts (summary.h). */
#ifndef TOTALS_H
#define TOTALS_H

#include "reader.h"

/* Fills *summary from the SUMMARY block, or from every event where there is none. Where `session`
 * is not 0, only calls made in that session count. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status totals_summary(struct reader *reader, uint32_t session,
                                    struct summary *summary);

#endif
