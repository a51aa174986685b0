/* One walk over the rows of a slot: its chunk and its part of the summary.
 *
 *                      .--> tokens, times, values    struct chunk_maker --> CHUNK
 *   rows of a slot ----|
 *                      '--> folded call tree         struct summary     --> SUMMARY
 *
 * The bytes are those of rows_next(), chunk_maker_add() and summary_add() for each event. */
#ifndef SLOT_WALK_H
#define SLOT_WALK_H

#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "rec.h"
#include "summary.h"

/* Walks the rows of a slot with this header. Begins with summary_mark(): whoever does not get the
 * chunk into the file calls summary_take_back(), also where this fails. */
RL_CHECKED rl_status slot_walk(const struct chunk_info *info, const uint8_t *data, size_t len,
                               struct chunk_maker *maker, struct summary *summary);

#endif
