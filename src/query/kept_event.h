/* An event that outlives the next call of its cursor. */
#ifndef KEPT_EVENT_H
#define KEPT_EVENT_H

#include <string.h>

#include "alloc.h"
#include "cursor.h"

struct kept_event {
    struct event_out out; /* out.values is `values` */
    uint8_t *values;      /* owned */
};

/* Copies an event into an empty struct. Returns 0, or -1 without memory. */
static inline int kept_event_take(struct kept_event *kept, const struct event_out *event)
{
    kept->out = *event;
    kept->out.values = NULL;
    if (event->values_len != 0) {
        kept->values = rl_alloc(event->values_len, 1);
        if (kept->values == NULL) {
            return -1;
        }
        memcpy(kept->values, event->values, event->values_len);
        kept->out.values = kept->values;
    }
    return 0;
}

static inline void kept_event_fini(struct kept_event *kept)
{
    rl_free(kept->values);
    *kept = (struct kept_event){0};
}

#endif
