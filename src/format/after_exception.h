/* What follows the exception in an event's values (docs/format.md, "Behind an exception"). Nothing
 * is trusted.
 *
 *   raise, unwind   exception | flags | distance, line | distance, line | ...    the callers,
 * outwards handled         exception | kind of handler, its line */
#ifndef AFTER_EXCEPTION_H
#define AFTER_EXCEPTION_H

#include <relive/rl_format.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct after_exception {
    int is_outermost;        /* unwind: nothing called the frame that is left */
    int is_earlier;          /* raise: it was raised before, in a recorded frame */
    int is_again;            /* raise: raised again by its handler, and not captured */
    enum rl_handler handler; /* handled */
    uint32_t handler_line;   /* 0 = not known */
    uint64_t frame;          /* the caller given last; at first the event's own frame */
    struct bytes_in callers; /* not given yet */
};

/* Returns whether a value with this tag is an exception, or is written in place of one. */
static inline int after_exception_may_follow(unsigned tag)
{
    return tag == RL_VALUE_EXCEPTION || tag == RL_VALUE_NONE || tag == RL_VALUE_REDACTED ||
           tag == RL_VALUE_DROPPED || tag == RL_VALUE_CUT;
}

/* Decodes what the values of an event say; all 0 where they say nothing. */
struct after_exception after_exception_of(unsigned kind, uint64_t frame, const uint8_t *values,
                                          size_t len);
/* Does the same from the bytes behind the exception alone. */
struct after_exception after_exception_rest(unsigned kind, uint64_t frame, struct bytes_in in);
/* Gives the next caller, outwards, and its line. Returns 0 where there is none. */
int after_exception_caller(struct after_exception *after, uint64_t *frame, uint32_t *line);

#endif
