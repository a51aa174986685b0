/* A captured value as it lies in a recording (docs/format.md, "Values"), taken apart one node at a
 * time and checked on the way: nothing here trusts the bytes. */
#ifndef VALUE_H
#define VALUE_H

#include <relive/rl_format.h>
#include <relive/rl_status.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct value {
    unsigned tag; /* enum rl_value_tag; small ints come as RL_VALUE_INT */
    int64_t number;
    uint64_t identity;    /* 0 = not kept for this kind */
    uint32_t type;        /* string id, 0 = the tag says it */
    uint32_t label;       /* LABEL: string id of its text */
    uint32_t flags;       /* RL_TEXT_*, RL_EXCEPTION_*; big ints: 1 = negative */
    uint64_t len;         /* items, characters, bytes or bits of the whole object */
    uint64_t shown;       /* so many of its items, pairs or fields follow */
    const uint8_t *bytes; /* text, bytes, magnitude, the 8 or 16 bytes of floats; borrowed */
    size_t size;
    const uint8_t *odd; /* STR_ODD: varints, indexes of characters that repr() escapes; borrowed */
    uint32_t odd_count;
};

/* The next node; RL_END where no byte is left, RL_DAMAGED where it is no value. The values that
 * belong to it follow, value_children() of them. */
RL_CHECKED rl_status value_next(struct bytes_in *in, struct value *value);

/* How many values follow that are inside this one. A dictionary has two a pair; an object has the
 * varint of a name's string id before each. */
uint64_t value_children(const struct value *value);

/* The number in the 8 bytes of a float, or in half of a complex one's. */
static inline double value_float(const uint8_t *at)
{
    uint64_t bits = get64(at);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Passes over one whole value. */
RL_CHECKED rl_status value_skip(struct bytes_in *in);

/* Whether something of it (not of what is inside) was left out. */
int value_is_cut(const struct value *value);

#endif
