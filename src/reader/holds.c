/* Why: a question about one object reads back through millions of events that have nothing of it.
 */
#include "holds.h"

#include <string.h>

#include "follow.h"

/* Returns a place among the wanted bytes that is seldom zero in others. */
static size_t pick_byte(const uint8_t *wanted)
{
    size_t place = 1; /* the first byte of an address has few values */
    while (place < HOLDS_BYTES - 1 && wanted[place] == 0) {
        place++;
    }
    return wanted[place] != 0 ? place : 0;
}

int holds_bytes(struct reader *reader, size_t ref, const uint8_t *wanted, struct bytes_out *scratch)
{
    struct chunk_ref chunk = reader->chunks[ref];
    size_t picked = pick_byte(wanted);
    rl_status status = follow_load(reader, &chunk, scratch);
    if (status == RL_NOMEM) {
        return -1;
    }
    if (status != RL_OK || scratch->len < HOLDS_BYTES) {
        return status != RL_OK;
    }
    const uint8_t *at = scratch->data + picked;
    const uint8_t *end = scratch->data + scratch->len - HOLDS_BYTES + 1 + picked;
    while (at < end && (at = memchr(at, wanted[picked], (size_t)(end - at))) != NULL) {
        if (memcmp(at - picked, wanted, HOLDS_BYTES) == 0) {
            return 1;
        }
        at++;
    }
    return 0;
}
