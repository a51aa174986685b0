/* An answer in pieces: some rows at a time, so that signals get their turn. `calls` and `timeline`
 * answer so. */
#ifndef PIECES_H
#define PIECES_H

#include "reader_object.h"

/* Appends rows to a list. RL_END at the end of the answer; RL_NOMEM with or without an exception.
 */
typedef rl_status pieces_fill(void *self, struct reader *reader, PyObject *list);

/* Returns the next rows: an empty list where they need more time, None behind the last. New. */
PyObject *pieces_next(struct reader_object *reader, int *has_ended, pieces_fill *fill, void *self);
/* Returns {why an expression has no answer: how often}, without those that never happened. New. */
PyObject *pieces_reasons(const uint64_t *reasons);

#endif
