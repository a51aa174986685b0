/* Copies a recording that is being written. Private to src/record. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <relive/rl_status.h>
#include <stdint.h>

/* Copies `source` into a new file, whose control page says that it is a snapshot; `state_at` is
 * where the page says so. Nobody may write the source meanwhile. */
RL_CHECKED rl_status snapshot_copy(const char *source, const char *path, uint64_t state_at,
                                   struct rl_err *err);

#endif
