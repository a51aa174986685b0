/* What an event has captured, as operands of a where-expression (operand.h). What was not recorded,
 * or is not there, is UNKNOWN or RAISES, with the reason.
 *
 * Threads: pure functions of their arguments. */
#ifndef EVENT_OPERAND_H
#define EVENT_OPERAND_H

#include "cursor.h"
#include "operand.h"

/* Gives parameter `number`, from 0, of a call that begins. */
struct operand event_parameter(const struct event_out *begin, uint32_t number,
                               struct operand_scope *scope);
/* Gives the result by which a frame ended, or the value of another event that has one alone. */
struct operand event_result(const struct event_out *end, struct operand_scope *scope);
/* Gives the name of the type of the exception that an event has, or its message. */
struct operand event_exception(const struct event_out *event, int wants_message,
                               struct operand_scope *scope);

#endif
