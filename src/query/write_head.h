/* The values of a WRITE event, taken apart (docs/format.md, "Values of an event").
 *
 * Threads: pure functions of their arguments. */
#ifndef WRITE_HEAD_H
#define WRITE_HEAD_H

#include "cursor.h"

struct write_head {
    unsigned scope;     /* enum rl_write_scope */
    unsigned what;      /* enum rl_item of the one that alone has changed, 0 = the whole value */
    uint32_t name;      /* string id of the variable, 0 = not known */
    const uint8_t *key; /* index, key or name of that item; NULL = none */
    size_t key_len;
    const uint8_t *value;
    size_t value_len;
};

/* Reads the values of a WRITE. Returns 0 where they are damaged. */
int write_head_read(const struct reader *reader, const struct event_out *event,
                    struct write_head *out);

#endif
