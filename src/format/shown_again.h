/* Objects that are shown again (docs/format.md). A chunk's values name an object that was shown
 * before in the chunk by its number; nothing above the reader sees these numbers:
 *
 *    REMEMBERED 7 OBJECT ...      ->  OBJECT ...
 *    AGAIN 7                      ->  OBJECT ...      the same bytes
 *    CHANGED 7 1 2 value          ->  OBJECT ...      with this value in its third field, also from
 *                                                     here on
 *
 * Events are given in their order. */
#ifndef SHOWN_AGAIN_H
#define SHOWN_AGAIN_H

#include "bytes.h"
#include "rec.h"

struct shown_again {
    struct showing {
        const uint8_t *at;    /* in the chunk's bytes, or in `own` */
        size_t size;          /* 0 = none has the number */
        struct bytes_out own; /* an object of which fields have changed */
    } *of;                    /* owned: RL_REMEMBERED, or NULL */
    struct bytes_out out;     /* the values of the last event that was changed */
};

void shown_again_fini(struct shown_again *shown);
/* Forgets the numbers: a chunk begins. */
void shown_again_begin(struct shown_again *shown);
/* Replaces the values of the record by what they mean: borrowed until the next call. Values that
 * are damaged, or name what was never shown, are left as they are. They may have given a number to
 * something else, so all numbers are forgotten then. RL_OK or RL_NOMEM. */
RL_CHECKED rl_status shown_again_put(struct shown_again *shown, struct rec *rec);

#endif
