/* What a ring does otherwise. All with the lock held. Private to src/record. */
#ifndef RING_H
#define RING_H

#include "recorder_state.h"

/* Slots may be made: within the ring, or because there is no other way. */
int ring_may_grow(const struct recorder *recorder);
/* Which ones, where `count` of that size are wanted. */
void ring_fit(const struct recorder *recorder, uint32_t *slot_size, uint32_t *count);
void ring_make_shelf(struct recorder *recorder);
/* Puts definitions on the shelf; unlocks while it writes. */
rl_status ring_define(struct recorder *recorder, uint32_t generation, const uint8_t *entries,
                      size_t len);

#endif
