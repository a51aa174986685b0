/* Finds what a recording holds, by its index or block by block. Private to src/reader. */
#ifndef SCAN_H
#define SCAN_H

#include "reader.h"

/* Fills the reader's chunks, definitions, meta, losses and heartbeat. Damage becomes problems.
 * RL_OK or RL_NOMEM. */
RL_CHECKED rl_status scan_file(struct reader *reader);
/* Takes a definition (RL_ROW_DEF_*) unless its id has one. RL_LIMIT where definitions take too much
 * memory. */
RL_CHECKED rl_status scan_define(struct reader *reader, unsigned kind, uint32_t id,
                                 const uint8_t *data, size_t len);

#endif
