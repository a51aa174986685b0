/* Which single item has changed between two looks at a list, a dict or an instance. Each item is
 * reduced to a word; only containers with at most ITEMS_MOST items.
 *
 *    before   w0 w1 w2        one word differs, or one is added:  the item is recorded
 *    now      w0 x1 w2        several differ:                     the whole container is recorded
 *
 * Threads: under the GIL. */
#ifndef ITEMS_H
#define ITEMS_H

#include "compat.h"

#include <stdint.h>

struct typeinfo;
struct capture;

enum { ITEMS_MOST = 32 };
struct items {
    uint32_t count; /* ITEMS_MOST + 1: too many items, or a value without items */
    uint64_t words[ITEMS_MOST];
};

void items_look(PyObject *container, const struct typeinfo *info, struct items *items);
/* Returns the index of the one item that differs or was added at the end; -1 = none, or several. */
int items_difference(const struct items *before, const struct items *now);
/* Writes which item that is, before the head of a WRITE: RL_ITEM_* and its index, key or name as a
 * value. */
void items_put(struct capture *c, PyObject *container, const struct typeinfo *info, int index);

#endif
