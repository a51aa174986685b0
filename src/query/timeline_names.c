/* Part of timeline.h: what the names of an expression mean for one event.
 *
 *    kind == "call" and func == "price" and item == "tea"
 *                                           a parameter, of a call that begins
 *
 * An event may have nothing for a name, as a call that begins has no `ret`. Such a name is UNKNOWN,
 * so the other side of an `or` decides. The event is not counted as unknown. */
#include "timeline_parts.h"

#include <string.h>

#include "alloc.h"
#include "event_operand.h"
#include "rec.h"
#include "write_head.h"

enum source {
#define SOURCE_ENUM(name, meaning) SOURCE_##name,
    TIMELINE_NAMES(SOURCE_ENUM)
#undef SOURCE_ENUM
        SOURCE_COUNT
};

static const char *const names[][2] = {
#define NAME_ROW(name, meaning) {#name, meaning},
    TIMELINE_NAMES(NAME_ROW)
#undef NAME_ROW
};

const char *timeline_name(size_t i, const char **meaning)
{
    if (i >= SOURCE_COUNT) {
        return NULL;
    }
    *meaning = names[i][1];
    return names[i][0];
}

/* One row, as the names of an expression see it. */
struct named_row {
    const struct reader *reader;
    const struct where_name *names;
    const uint8_t *sources; /* of each of these names; SOURCE_COUNT = only a parameter */
    const struct timeline_row *row;
    struct timeline_loads loads;
};

static int is_same(struct text text, struct text other)
{
    return text.len == other.len && memcmp(text.data, other.data, text.len) == 0;
}

/* Gives the parameter with this name of a call that begins. Returns 0 where there is none. */
static int load_parameter(const struct named_row *named, struct text name,
                          struct operand_scope *scope, struct operand *out)
{
    const struct event_out *event = &named->row->event;
    if (event->kind != RL_EVENT_CALL) {
        return 0;
    }
    struct code_text code = reader_code(named->reader, event->id);
    for (uint32_t i = 0; i < code.args && i < code.name_count; i++) {
        if (is_same(reader_string(named->reader, code.names[i]), name)) {
            *out = event_parameter(event, i, scope);
            return 1;
        }
    }
    return 0;
}

/* Gives name or value of what was written. */
static struct operand load_write(const struct named_row *named, int wants_name,
                                 struct operand_scope *scope)
{
    struct write_head head;
    if (!write_head_read(named->reader, &named->row->event, &head)) {
        return operand_unknown(OPERAND_NOT_RECORDED);
    }
    struct bytes_in in = bytes_in_of(head.value, head.value_len);
    if (!wants_name) {
        return operand_take(&in, scope);
    }
    struct text text = reader_string(named->reader, head.name);
    return (struct operand){.kind = OPERAND_STR,
                            .bytes = (const uint8_t *)text.data,
                            .size = text.len,
                            .len = text.len};
}

static struct operand make_text(const char *text)
{
    size_t len = strlen(text);
    return (struct operand){
        .kind = OPERAND_STR, .bytes = (const uint8_t *)text, .size = len, .len = len};
}

static struct operand lack_name(struct named_row *named)
{
    named->loads.lacks_name = 1;
    return operand_unknown(OPERAND_NOT_RECORDED);
}

/* Returns whether all events of one kind and id have the same for a name, as that they have
 * nothing. */
static int is_same_for_all(unsigned kind, unsigned source)
{
    switch (source) {
    case SOURCE_kind:
    case SOURCE_func:
    case SOURCE_COUNT:
        return 1;
    case SOURCE_ret:
        return kind != RL_EVENT_RETURN;
    case SOURCE_exc:
    case SOURCE_message:
        return kind < RL_EVENT_THROW || kind > RL_EVENT_HANDLED;
    case SOURCE_total:
        return !kind_ends(kind);
    case SOURCE_n:
        return !kind_ends(kind) && !kind_begins(kind);
    case SOURCE_name:
        return kind != RL_EVENT_WRITE;
    case SOURCE_value:
        return kind != RL_EVENT_WRITE && kind != RL_EVENT_RETURN && kind != RL_EVENT_YIELD &&
               kind != RL_EVENT_RESUME;
    default:
        return 0;
    }
}

/* Gives what only some kinds of events have. */
static struct operand load_of_kind(struct named_row *named, unsigned source,
                                   struct operand_scope *scope)
{
    const struct timeline_row *row = named->row;
    unsigned kind = row->event.kind;
    int has_value = kind == RL_EVENT_RETURN || kind == RL_EVENT_YIELD || kind == RL_EVENT_RESUME;
    int has_exception = kind >= RL_EVENT_THROW && kind <= RL_EVENT_HANDLED;
    if (source == SOURCE_func &&
        (kind <= RL_EVENT_C_RAISE || kind == RL_EVENT_RUNNING || kind == RL_EVENT_CLOSED)) {
        return operand_name(reader_code(named->reader, row->event.id).qualname);
    }
    if ((source == SOURCE_ret && kind == RL_EVENT_RETURN) ||
        (source == SOURCE_value && has_value)) {
        return event_result(&row->event, scope);
    }
    if ((source == SOURCE_name || source == SOURCE_value) && kind == RL_EVENT_WRITE) {
        return load_write(named, source == SOURCE_name, scope);
    }
    if (source == SOURCE_exc || source == SOURCE_message) {
        return has_exception ? event_exception(&row->event, source == SOURCE_message, scope)
                             : (struct operand){.kind = OPERAND_NONE};
    }
    if (source == SOURCE_total && row->has_began && kind != RL_EVENT_CLOSED) {
        return operand_integer((int64_t)(row->event.t - row->began));
    }
    if (source == SOURCE_line && row->event.line != 0) {
        return operand_integer(row->event.line);
    }
    if (source == SOURCE_n && row->number != 0) {
        return operand_integer((int64_t)row->number);
    }
    return lack_name(named);
}

static struct operand load_name(void *self, uint32_t index, struct operand_scope *scope)
{
    struct named_row *named = self;
    const struct where_name *name = &named->names[index];
    const struct event_out *event = &named->row->event;
    struct operand found;
    if (!name->is_of_call && load_parameter(named, name->text, scope, &found)) {
        named->loads.has_another = 1;
        return found;
    }
    named->loads.has_another |= !is_same_for_all(event->kind, named->sources[index]);
    switch (named->sources[index]) {
    case SOURCE_kind:
        return make_text(kind_name(event->kind));
    case SOURCE_t:
        return operand_integer((int64_t)event->t);
    case SOURCE_thread:
        return operand_integer(event->thread);
    case SOURCE_task:
        return event->task != 0 ? operand_integer(event->task)
                                : (struct operand){.kind = OPERAND_NONE};
    default:
        return load_of_kind(named, named->sources[index], scope);
    }
}

uint8_t *timeline_bind(const struct where *where)
{
    size_t count;
    const struct where_name *of_where = where_names(where, &count);
    uint8_t *sources = rl_alloc(count + 1, 1);
    for (size_t i = 0; sources != NULL && i < count; i++) {
        uint8_t source = where_may_be_own(&of_where[i]) ? 0 : SOURCE_COUNT;
        while (
            source < SOURCE_COUNT &&
            !is_same((struct text){names[source][0], strlen(names[source][0])}, of_where[i].text)) {
            source++;
        }
        sources[i] = source;
    }
    return sources;
}

int timeline_needs_calls(const struct where *where, const uint8_t *sources)
{
    size_t count;
    (void)where_names(where, &count);
    for (size_t i = 0; i < count; i++) {
        if (sources[i] == SOURCE_n || sources[i] == SOURCE_total) {
            return 1;
        }
    }
    return 0;
}

struct operand timeline_run(const struct reader *reader, struct where *where,
                            const uint8_t *sources, const struct timeline_row *row,
                            struct timeline_loads *loads)
{
    size_t count;
    struct named_row named = {reader, where_names(where, &count), sources, row, {0, 0}};
    struct where_row names_of_row = {&named, load_name, &reader->strings};
    struct operand result = where_run(where, &names_of_row);
    *loads = named.loads;
    return result;
}
