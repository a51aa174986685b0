/* What is different in a ring (--ring SIZE): the file keeps its size, whatever the program records
 * or defines. The recorder's lock is held in every function. Private to src/record. */
#ifndef RING_H
#define RING_H

#include "recorder_state.h"

/* Returns how many bytes of SOURCE blocks the file may have beside the ring. */
uint64_t ring_source_bytes(const struct recorder *recorder);
/* Returns whether the ring has room for another block of slots. */
int ring_has_room(const struct recorder *recorder);
/* Reduces the size and number of wanted slots to what the ring has room for; one slot at least. */
void ring_fit(const struct recorder *recorder, enum slot_size *size, uint32_t *count);
/* Makes the shelf for definitions; without one, they are appended to the file. */
void ring_make_shelf(struct recorder *recorder);
/* Puts definitions of one generation on the shelf. Releases the lock while it writes. */
rl_status ring_define(struct recorder *recorder, uint32_t generation, const uint8_t *entries,
                      size_t len);

#endif
