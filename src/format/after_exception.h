/* What stands behind the exception of an event (docs/format.md, "Behind an exception"): where the
 * frames above stand, or what kind of handler has met it. Nothing here trusts the bytes. */
#ifndef AFTER_EXCEPTION_H
#define AFTER_EXCEPTION_H

#include <relive/rl_format.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct after_exception {
    int is_outermost;        /* unwind: nothing called the frame that is left */
    int is_earlier;          /* raise: it was raised before, in a recorded frame */
    int is_again;            /* raise: by the handler that had caught it, which is not captured */
    enum rl_handler handler; /* handled */
    uint32_t handler_line;   /* 0 = not known */
    uint64_t frame;          /* of the last caller, at first the event's own */
    struct bytes_in callers; /* those that are left */
};

/* Whether a value with this tag is an exception, or is written in the place of one. */
static inline int after_exception_may_follow(unsigned tag)
{
    return tag == RL_VALUE_EXCEPTION || tag == RL_VALUE_NONE || tag == RL_VALUE_REDACTED ||
           tag == RL_VALUE_DROPPED || tag == RL_VALUE_CUT;
}

/* Of an event of this kind in this frame; all 0 where its values say nothing. */
struct after_exception after_exception_of(unsigned kind, uint64_t frame, const uint8_t *values,
                                          size_t len);
/* The same from the bytes behind the exception alone. */
struct after_exception after_exception_rest(unsigned kind, uint64_t frame, struct bytes_in in);
/* The next caller, outwards, and the line that it stands at; 0 where there is none. */
int after_exception_caller(struct after_exception *after, uint64_t *frame, uint32_t *line);

#endif
