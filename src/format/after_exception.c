/* Why: the reader's cursor, stories and callbacks need the same few facts behind an exception.
 *
 * Invariant: damage ends the callers; it is never an error of its own. */
#include "after_exception.h"

#include "value.h"

struct after_exception after_exception_of(unsigned kind, uint64_t frame, const uint8_t *values,
                                          size_t len)
{
    struct bytes_in in = bytes_in_of(values, len);
    if (len == 0 || value_skip(&in) != RL_OK) {
        in = bytes_in_of(NULL, 0);
    }
    return after_exception_rest(kind, frame, in);
}

struct after_exception after_exception_rest(unsigned kind, uint64_t frame, struct bytes_in in)
{
    struct after_exception after = {.frame = frame};
    if (bytes_left(&in) == 0) {
        return after;
    }
    if (kind == RL_EVENT_RAISE || kind == RL_EVENT_UNWIND) {
        uint64_t flags = bytes_varint(&in);
        after.is_outermost = (flags & RL_EXCEPTION_OUTERMOST) != 0;
        after.is_earlier = (flags & RL_EXCEPTION_EARLIER) != 0;
        after.is_again = (flags & RL_EXCEPTION_ONCE_MORE) != 0;
        after.callers = in;
    } else if (kind == RL_EVENT_HANDLED) {
        uint64_t handler = bytes_varint(&in), line = bytes_varint(&in);
        if (handler <= RL_HANDLER_BREAK && line <= RL_LINE_MAX) {
            after.handler = (enum rl_handler)handler;
            after.handler_line = (uint32_t)line;
        }
    }
    return after;
}

int after_exception_caller(struct after_exception *after, uint64_t *frame, uint32_t *line)
{
    if (bytes_left(&after->callers) == 0) {
        return 0;
    }
    uint64_t delta = bytes_varint(&after->callers), number = bytes_varint(&after->callers);
    after->frame += (uint64_t)unzigzag(delta);
    *frame = after->frame;
    *line = (uint32_t)number;
    return !after->callers.bad && number <= RL_LINE_MAX;
}
