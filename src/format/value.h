/* A captured value (docs/format.md, "Values"), decoded one node at a time. Nothing is trusted.
 *
 *   {"a": [1, 2]}   DICT id len=1 shown=1            value_next(), value_children() == 2
 *                     STR "a"                        value_next(): the key
 *                     LIST id len=2 shown=2          value_next(), value_children() == 2
 *                       INT 1, INT 2                 two small ints of one byte each
 *
 * Nodes follow each other in depth-first order, so a decoder needs no memory but its stack.
 *
 *   tags                          fields of struct value
 *   INT, small ints               number
 *   BIG_INT                       flags, bytes (magnitude, low byte first)
 *   FLOAT, COMPLEX                bytes: value_float()
 *   STR, BYTES and their _CUT     bytes, size, len of the whole; STR_ODD also odd
 *   LIST, TUPLE, SETs, DICT       identity, len, shown
 *   OBJECT                        identity, type, len and shown of its fields
 *   EXCEPTION                     identity, type, flags; children: message, cause, context
 *   TEXT, LABEL                   identity, type, and what is shown in place of the object
 *   CYCLE, DEEP, CUT              why the recorder went no further
 *   REDACTED, DROPPED             why a filter left it out */
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
    uint64_t identity;    /* 0 = none is recorded for this kind */
    uint32_t type;        /* string id, 0 = the tag says it */
    uint32_t label;       /* LABEL: string id of its text */
    uint32_t flags;       /* RL_TEXT_*, RL_EXCEPTION_*; big ints: 1 = negative */
    uint64_t len;         /* items, characters, bytes or bits of the whole object */
    uint64_t shown;       /* how many of its items, pairs or fields follow */
    const uint8_t *bytes; /* text, bytes, magnitude, the 8 or 16 bytes of floats; borrowed */
    size_t size;
    const uint8_t *odd; /* STR_ODD: varints, indexes of characters that repr() escapes; borrowed */
    uint32_t odd_count;
};

/* Decodes the next node. Its value_children() follow it. RL_END where no byte is left, RL_DAMAGED
 * where the bytes are no value. */
RL_CHECKED rl_status value_next(struct bytes_in *in, struct value *value);

/* Returns how many values inside this one follow. A dictionary has two for each pair. In an object,
 * the varint of a name's string id comes before each. */
uint64_t value_children(const struct value *value);

/* Returns the number in the 8 bytes of a float, or in one half of a complex number. */
static inline double value_float(const uint8_t *at)
{
    uint64_t bits = get64(at);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Skips one whole value. */
RL_CHECKED rl_status value_skip(struct bytes_in *in);
/* Skips one that is inside another value. */
RL_CHECKED rl_status value_skip_inside(struct bytes_in *in);

/* Returns whether a part of the node itself was left out (children are not looked at). */
int value_is_cut(const struct value *value);

#endif
