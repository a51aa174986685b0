/* The parts of an instance as it is shown: its head, and a part for each field. Proof and showing
 * have the same parts. So where one field has changed, it alone is proven and encoded again:
 *
 *    words   | type, keys | place of a, its content | place of b, its content |
 *    bytes   | OBJECT ... | name of a | value       | name of b | value       |
 *
 * Between the parts are words of the head. Where one of these differs, all is shown again. */
#ifndef PARTS_H
#define PARTS_H

#include "compat.h"

#include <stdint.h>

enum { PARTS_MOST = 16 };

struct part {
    uint16_t word, words;  /* where its words begin, and how many there are */
    uint16_t value, after; /* where its value begins and ends in the bytes */
    uint8_t action;        /* enum filter_action of its name */
};

struct parts {
    unsigned count; /* of fields that are shown; beyond PARTS_MOST, they have no parts */
    unsigned noted; /* of those that were encoded too */
    struct part of[PARTS_MOST];
};

/* Adds a part that is then filled in. Returns NULL where there is no place for it. */
static inline struct part *parts_add(struct parts *parts)
{
    return parts->count++ < PARTS_MOST ? &parts->of[parts->count - 1] : (struct part *)0;
}

#endif
