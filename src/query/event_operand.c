/* Why: expressions about calls and about events ask for the same values. */
#include "event_operand.h"

#include "value.h"

struct operand event_parameter(const struct event_out *begin, uint32_t number,
                               struct operand_scope *scope)
{
    struct bytes_in in = bytes_in_of(begin->values, begin->values_len);
    for (uint32_t i = 0; i < number && bytes_left(&in) != 0; i++) {
        if (value_skip(&in) != RL_OK) {
            return operand_unknown(OPERAND_NOT_RECORDED);
        }
    }
    if (bytes_left(&in) == 0) {
        return operand_unknown(begin->values_len != 0 ? OPERAND_CUT : OPERAND_NOT_RECORDED);
    }
    return operand_take(&in, scope);
}

struct operand event_result(const struct event_out *end, struct operand_scope *scope)
{
    if (end->kind == RL_EVENT_UNWIND) {
        return operand_raises(OPERAND_NO_RESULT);
    }
    if (end->kind == RL_EVENT_CLOSED || end->values_len == 0) {
        return operand_unknown(OPERAND_NOT_RECORDED);
    }
    struct bytes_in in = bytes_in_of(end->values, end->values_len);
    return operand_take(&in, scope);
}

struct operand event_exception(const struct event_out *event, int wants_message,
                               struct operand_scope *scope)
{
    struct bytes_in in = bytes_in_of(event->values, event->values_len);
    struct value exception;
    int is_captured = event->values_len != 0 && value_next(&in, &exception) == RL_OK &&
                      exception.tag == RL_VALUE_EXCEPTION;
    if (wants_message) {
        return is_captured ? operand_take(&in, scope) : operand_unknown(OPERAND_NOT_RECORDED);
    }
    uint32_t type = event->exc != 0 ? event->exc : is_captured ? exception.type : 0;
    return type != 0 && strings_has(scope->strings, type)
               ? operand_name(strings_get(scope->strings, type))
               : operand_unknown(OPERAND_NOT_RECORDED);
}
