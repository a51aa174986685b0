/* Finds what a recording holds: by its index, or block by block. Private to src/reader. */
#ifndef SCAN_H
#define SCAN_H

#include "reader.h"

/* Fills chunks, dictionaries, meta and losses. Damage becomes problems. */
RL_CHECKED rl_status scan_file(struct reader *reader);
/* Takes a definition, where its id has none yet. */
RL_CHECKED rl_status scan_define(struct reader *reader, unsigned kind, uint32_t id,
                                 const uint8_t *data, size_t len);

#endif
