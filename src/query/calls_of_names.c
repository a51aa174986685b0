/* Part of calls_of.h: what the names of an expression mean for one call.
 *
 *    price(item, total):   item > 3    a parameter, by its place: one row of bindings a function
 *                          total       the parameter; call.total is the time
 *                          ret         of the end; at the begin it is not known yet, so UNKNOWN
 *
 * Where several functions have the name, a parameter of one is not recorded of another. */
#include "calls_of_parts.h"

#include <string.h>

#include "alloc.h"
#include "event_operand.h"

/* Where a name of an expression gets its value. */
enum source {
    SOURCE_NONE, /* this function has no such parameter */
    SOURCE_PARAMETER,
#define SOURCE_ENUM(name, meaning) SOURCE_##name,
    CALLS_OF_NAMES(SOURCE_ENUM)
#undef SOURCE_ENUM
};

const char *calls_of_name(size_t i, const char **meaning)
{
    static const char *const names[][2] = {
#define NAME_ROW(name, meaning) {#name, meaning},
        CALLS_OF_NAMES(NAME_ROW)
#undef NAME_ROW
    };
    if (i >= sizeof names / sizeof *names) {
        return NULL;
    }
    *meaning = names[i][1];
    return names[i][0];
}

/* ---- names ---- */

static int is_text(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* Returns where a name gets its value in a function: a parameter wins. */
static struct binding bind_name(const struct reader *reader, const struct code_text *code,
                                const struct where_name *name)
{
    const char *meaning, *known;
    for (uint32_t i = 0; !name->is_of_call && i < code->args && i < code->name_count; i++) {
        struct text text = reader_string(reader, code->names[i]);
        if (text.len == name->text.len && memcmp(text.data, name->text.data, text.len) == 0) {
            return (struct binding){SOURCE_PARAMETER, i};
        }
    }
    for (uint32_t i = 0; where_may_be_own(name) && (known = calls_of_name(i, &meaning)) != NULL;
         i++) {
        if (is_text(name->text, known)) {
            return (struct binding){SOURCE_PARAMETER + 1 + i, 0};
        }
    }
    return (struct binding){SOURCE_NONE, 0};
}

static int is_known(const struct reader *reader, const struct u64map *codes,
                    const struct where_name *name)
{
    for (size_t i = 0; i < codes->capacity; i++) {
        if (codes->entries[i].key != 0) {
            struct code_text code = reader_code(reader, (uint32_t)(codes->entries[i].key - 1));
            if (bind_name(reader, &code, name).source != SOURCE_NONE) {
                return 1;
            }
        }
    }
    return 0;
}

const struct where_name *calls_of_unknown_name(const struct reader *reader,
                                               const struct u64map *codes,
                                               const struct where *where)
{
    size_t count;
    const struct where_name *names = where_names(where, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_known(reader, codes, &names[i])) {
            return &names[i];
        }
    }
    return NULL;
}

rl_status calls_of_bind(const struct reader *reader, const struct u64map *functions,
                        struct where *where, struct bound *bound)
{
    size_t count = 0;
    if (where == NULL) {
        return RL_OK;
    }
    const struct where_name *names = where_names(where, &count);
    bound->where = where;
    bound->names = count;
    bound->bindings = rl_zalloc(functions->count * count + 1, sizeof *bound->bindings);
    if (bound->bindings == NULL) {
        return RL_NOMEM;
    }
    for (size_t i = 0; i < functions->capacity; i++) {
        const struct u64map_entry *entry = &functions->entries[i];
        if (entry->key != 0) {
            struct code_text code = reader_code(reader, (uint32_t)(entry->key - 1));
            for (size_t k = 0; k < count; k++) {
                bound->bindings[entry->value * count + k] = bind_name(reader, &code, &names[k]);
            }
        }
    }
    return RL_OK;
}

/* ---- values of names ---- */

static struct operand load_caller(const struct call_row *row)
{
    struct text name;
    if (row->caller == 0) {
        return (struct operand){.kind = OPERAND_NONE};
    }
    name = reader_code(row->reader, row->caller).qualname;
    return operand_name(name);
}

/* Names of the end; none of them is known of a call that was not seen to begin and end. */
static struct operand load_of_end(const struct call_row *row, uint32_t source,
                                  struct operand_scope *scope)
{
    if (row->end == NULL) {
        return operand_unknown(OPERAND_OPEN);
    }
    int is_return = row->end->kind == RL_EVENT_RETURN;
    switch (source) {
    case SOURCE_ret:
        return event_result(row->end, scope);
    case SOURCE_exc:
    case SOURCE_message:
        return is_return ? (struct operand){.kind = OPERAND_NONE}
               : row->end->kind == RL_EVENT_UNWIND
                   ? event_exception(row->end, source == SOURCE_message, scope)
                   : operand_unknown(OPERAND_NOT_RECORDED);
    default:
        break;
    }
    if (row->end->kind == RL_EVENT_CLOSED || row->start->kind == RL_EVENT_RUNNING) {
        return operand_unknown(OPERAND_NOT_RECORDED);
    }
    return operand_integer(source == SOURCE_total ? (int64_t)(row->end->t - row->start->t)
                                                  : (int64_t)row->call->self);
}

static struct operand load_name(void *self, uint32_t name, struct operand_scope *scope)
{
    const struct call_row *row = self;
    const struct binding *binding = &row->bindings[name];
    switch (binding->source) {
    case SOURCE_NONE:
        return operand_unknown(OPERAND_NOT_RECORDED);
    case SOURCE_PARAMETER:
        return event_parameter(row->start, binding->parameter, scope);
    case SOURCE_t:
        return operand_integer((int64_t)row->start->t);
    case SOURCE_thread:
        return operand_integer(row->start->thread);
    case SOURCE_task:
        return row->start->task != 0 ? operand_integer(row->start->task)
                                     : (struct operand){.kind = OPERAND_NONE};
    case SOURCE_n:
        return operand_integer((int64_t)row->number);
    case SOURCE_caller:
        return load_caller(row);
    default:
        return load_of_end(row, binding->source, scope);
    }
}

struct operand calls_of_run(const struct bound *bound, const struct u64map *functions,
                            struct call_row *row)
{
    const uint64_t *place = u64map_get(functions, (uint64_t)row->start->id + 1);
    struct where_row names = {row, load_name, &row->reader->strings};
    row->bindings = bound->bindings + (place != NULL ? *place : 0) * bound->names;
    return where_run(bound->where, &names);
}
