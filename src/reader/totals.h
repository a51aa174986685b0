/* The folded call tree of a recording. */
#ifndef TOTALS_H
#define TOTALS_H

#include "reader.h"

/* The folded call tree: from the SUMMARY block, or by reading every event where there is none.
 * Where `session` is not 0 only of what was called in that session. */
RL_CHECKED rl_status totals_summary(struct reader *reader, uint32_t session,
                                    struct summary *summary);

#endif
