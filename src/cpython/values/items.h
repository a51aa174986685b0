/* Which one item of a list or dict, or attribute of an instance, has changed between two looks:
 * each item is summed up in a word. Of containers with up to ITEMS_MOST items. */
#ifndef ITEMS_H
#define ITEMS_H

#include "compat.h"

#include <stdint.h>

struct typeinfo;
struct capture;

enum { ITEMS_MOST = 32 };
struct items {
    uint32_t count; /* ITEMS_MOST + 1: too many to tell, or nothing that has items */
    uint64_t words[ITEMS_MOST];
};

void items_look(PyObject *container, const struct typeinfo *info, struct items *items);
/* The index of the one item that differs, or was put behind the others; -1 = none, or several. */
int items_difference(const struct items *before, const struct items *now);
/* What that item is called: RL_ITEM_* and its index, key or name as a value, before the head of a
 * WRITE. */
void items_put(struct capture *c, PyObject *container, const struct typeinfo *info, int index);

#endif
