/* Whether a recorded value can be out of date.
 *
 *                            nothing recorded    compared with what was      just
 *    inside the value        it since            there right before          written
 *
 *    FIXED    1, 'a', (1,)   known *             known                       known
 *    OWN      [1], Box(1)    may have changed    known                       known
 *    DEEP     [[1]]          may have changed    may have changed            known
 *
 *    * where each binding has an event; otherwise it may have changed
 *
 * At level lines the recorder compares a container's own items and an instance's own attributes
 * (docs/compat.md, "What level lines can miss"). What is deeper, or among more items than are
 * compared, changes without an event.
 *
 * Threads: pure functions of their arguments. */
#ifndef DOUBT_H
#define DOUBT_H

#include "reader.h"

enum change {
    CHANGE_FIXED, /* what is shown of the value cannot change */
    CHANGE_OWN,   /* its own items or attributes can, which a comparison finds */
    CHANGE_DEEP   /* more can */
};

/* Returns what of a value can change. Bytes that are no value are DEEP. */
enum change doubt_change(const struct reader *reader, const uint8_t *bytes, size_t len);
/* Returns whether the recorder may have no time to compare a variable with this value at each line
 * of a frame with many such variables. */
int doubt_takes_turns(const uint8_t *bytes, size_t len);

#endif
