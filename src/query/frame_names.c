/* Why: see frame_names.h. */
#include "frame_names.h"

#include <string.h>

#include "alloc.h"
#include "instant_parts.h"
#include "value.h"

rl_status frame_names_open(struct instant *instant, const struct instant_frame *frame,
                           struct frame_names *out)
{
    *out = (struct frame_names){.instant = instant, .frame = *frame};
    return instant_variables(instant, frame, &out->variables);
}

void frame_names_fini(struct frame_names *names)
{
    variables_fini(&names->variables);
}

static int is_same_text(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* ---- variables ---- */

/* Returns the variable of a name, or NULL. Locals come before globals in the list. */
static const struct variable *find_variable(const struct frame_names *names, struct text name)
{
    for (size_t i = 0; i < names->variables.count; i++) {
        const struct variable *variable = &names->variables.items[i];
        if (is_same_text(reader_string(names->instant->reader, variable->name), name)) {
            return variable;
        }
    }
    return NULL;
}

/* Returns whether a write of this frame is one of the module's own variable `name`. */
static int is_of_module(const struct reader *reader, const struct record *record,
                        const struct written *written, struct text name)
{
    static const char body[] = "<module>";
    struct text qualname = reader_code(reader, record->code).qualname;
    int is_body = is_same_text(qualname, (struct text){body, sizeof body - 1});
    return (written->scope == RL_WRITE_GLOBAL ||
            (written->scope == RL_WRITE_NAMESPACE && is_body)) &&
           is_same_text(reader_string(reader, written->name), name);
}

/* Returns the last known write of a variable of the frame's module, or NULL. */
static const struct written *find_global(const struct frame_names *names, struct text name)
{
    const struct instant *instant = names->instant;
    struct text module = reader_code(instant->reader, names->frame.code).module;
    const struct written *found = NULL;
    for (size_t i = 0; i < instant->record_count; i++) {
        const struct record *record = &instant->records[i];
        if (record->frame == 0 ||
            !is_same_text(reader_code(instant->reader, record->code).module, module)) {
            continue;
        }
        for (size_t k = 0; k < record->written_count; k++) {
            const struct written *written = &record->written[k];
            if (is_of_module(instant->reader, record, written, name) &&
                (found == NULL || written->thread != found->thread || written->seq > found->seq)) {
                found = written;
            }
        }
    }
    return found;
}

static struct operand take_bytes(const uint8_t *bytes, size_t len, struct operand_scope *scope)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    if (bytes == NULL || len == 0 || bytes[0] == RL_VALUE_UNSET) {
        return operand_unknown(OPERAND_NOT_RECORDED);
    }
    return operand_take(&in, scope);
}

static struct operand take_variable(struct frame_names *names, const struct variable *variable,
                                    struct operand_scope *scope)
{
    if (variable->bytes == NULL && variable->state == VARIABLE_CUT) {
        return operand_unknown(OPERAND_CUT);
    }
    names->is_doubtful |= variable->state == VARIABLE_MAY_HAVE_CHANGED;
    return take_bytes(variable->bytes, variable->len, scope);
}

/* ---- the last event ---- */

static struct operand load_result(const struct frame_names *names, struct operand_scope *scope)
{
    const struct event_out *last = &names->instant->last;
    int is_result = (last->kind == RL_EVENT_RETURN || last->kind == RL_EVENT_YIELD) &&
                    last->frame == names->frame.frame;
    return is_result ? take_bytes(last->values, last->values_len, scope)
                     : operand_unknown(OPERAND_NOT_RECORDED);
}

static int has_exception(unsigned kind)
{
    return kind == RL_EVENT_RAISE || kind == RL_EVENT_UNWIND || kind == RL_EVENT_THROW ||
           kind == RL_EVENT_HANDLED;
}

static struct operand load_exception(const struct frame_names *names, int wants_message,
                                     struct operand_scope *scope)
{
    const struct event_out *last = &names->instant->last;
    struct bytes_in in = bytes_in_of(last->values, last->values_len);
    struct value value;
    if (!has_exception(last->kind)) {
        return (struct operand){.kind = OPERAND_NONE};
    }
    int is_captured = last->values_len != 0 && value_next(&in, &value) == RL_OK &&
                      value.tag == RL_VALUE_EXCEPTION;
    if (wants_message) {
        return is_captured ? operand_take(&in, scope) : operand_unknown(OPERAND_NOT_RECORDED);
    }
    uint32_t type = last->exc != 0 ? last->exc : is_captured ? value.type : 0;
    return type != 0 && strings_has(scope->strings, type)
               ? operand_name(strings_get(scope->strings, type))
               : operand_unknown(OPERAND_NOT_RECORDED);
}

enum known_name {
#define KNOWN_ENUM(name, meaning) KNOWN_##name,
    FRAME_NAMES(KNOWN_ENUM)
#undef KNOWN_ENUM
        KNOWN_COUNT
};

static struct operand number_or_none(uint64_t number)
{
    return number != 0 ? operand_integer((int64_t)number) : (struct operand){.kind = OPERAND_NONE};
}

static struct operand load_known(const struct frame_names *names, struct text name,
                                 struct operand_scope *scope)
{
    static const char *const known[] = {
#define KNOWN_TEXT(name, meaning) #name,
        FRAME_NAMES(KNOWN_TEXT)
#undef KNOWN_TEXT
    };
    unsigned which = 0;
    while (which < KNOWN_COUNT &&
           !is_same_text(name, (struct text){known[which], strlen(known[which])})) {
        which++;
    }
    switch (which) {
    case KNOWN_ret:
        return load_result(names, scope);
    case KNOWN_exc:
    case KNOWN_message:
        return load_exception(names, which == KNOWN_message, scope);
    case KNOWN_line:
        return number_or_none(names->frame.line);
    case KNOWN_thread:
        return number_or_none(names->frame.thread);
    case KNOWN_task:
        return number_or_none(names->frame.task);
    default:
        return operand_unknown(OPERAND_NOT_RECORDED);
    }
}

static struct operand load_name(void *self, uint32_t number, struct operand_scope *scope)
{
    struct frame_names *names = self;
    size_t count;
    const struct where_name *name = &where_names(names->where, &count)[number];
    const struct variable *variable = NULL;
    const struct written *global;
    if (!name->is_of_call) {
        variable = find_variable(names, name->text);
    }
    if (variable != NULL && variable->state != VARIABLE_NOT_RECORDED) {
        return take_variable(names, variable, scope);
    }
    if (!name->is_of_call && variable == NULL &&
        (global = find_global(names, name->text)) != NULL) {
        names->is_doubtful = 1; /* other functions may have bound it since */
        return take_bytes(global->bytes, global->len, scope);
    }
    return variable != NULL ? operand_unknown(OPERAND_NOT_RECORDED)
                            : load_known(names, name->text, scope);
}

struct operand frame_names_run(struct frame_names *names, struct where *where)
{
    struct where_row row = {names, load_name, &names->instant->reader->strings};
    names->where = where;
    names->is_doubtful = 0;
    return where_run(where, &row);
}
