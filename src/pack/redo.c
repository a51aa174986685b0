/* Why: see redo.h. This file knows what the values of each kind of event are; redo_value.c knows
 * values. */
#include "redo.h"

#include <relive/rl_filter.h>
#include <string.h>

#include "alloc.h"

enum { NAME_MOST = 2 * 1100 };

/* Names of the fields that join sessions, requests and answers: no rule applies to them. */
static const char *const joining[] = {"id",   "trace_id", "parent_id", "span_id", "exchange",
                                      "side", "method",   "status",    "dt_ns",   "level"};

struct text redo_type_name(enum redo_type type)
{
    static const struct text names[] = {
#define REDO_TYPE_TEXT(word) {#word, sizeof #word - 1},
        REDO_TYPE_TABLE(REDO_TYPE_TEXT)
#undef REDO_TYPE_TEXT
    };
    return names[type];
}

rl_status redo_begin(struct redo *redo, struct texts *texts, struct reader *reader,
                     int hides_values, uint32_t first_id)
{
    *redo = (struct redo){.texts = texts, .reader = reader, .hides_values = hides_values};
    for (unsigned i = 0; i < REDO_TYPES; i++) {
        redo->types[i] = first_id + i;
    }
    redo->own = filter_default_set(texts->filter);
    return redo->own != NULL ? RL_OK : RL_NOMEM;
}

void redo_fini(struct redo *redo)
{
    u64map_fini(&redo->sets);
    rl_free(redo->set_of);
    bytes_out_fini(&redo->out);
}

/* Returns the name of a function without those of its classes. */
static struct filter_text last_part(struct text name)
{
    size_t i = name.len;
    while (i > 0 && name.data[i - 1] != '.') {
        i--;
    }
    return (struct filter_text){name.data + i, name.len - i};
}

/* Finds the set of a function, by what its definition says. */
static rl_status find_set(struct redo *redo, uint32_t code)
{
    const uint64_t *known = u64map_get(&redo->sets, code + UINT64_C(1));
    void *sets = redo->set_of;
    if (known != NULL) {
        redo->set = redo->set_of[*known - 1];
        return RL_OK;
    }
    struct code_text text = reader_code(redo->reader, code);
    struct filter_verdict verdict;
    const struct filter_scope scope = {
        .module = {text.module.data, text.module.len},
        .qualname = {text.qualname.data, text.qualname.len},
        .name = last_part(text.qualname),
        .file = {text.file.data, text.file.len},
    };
    if (filter_decide(redo->texts->filter, &scope, &verdict) != RL_OK ||
        rl_grow(&sets, &redo->set_cap, redo->set_count + 1, sizeof *redo->set_of) != 0) {
        return RL_NOMEM;
    }
    redo->set_of = sets;
    redo->set = redo->set_of[redo->set_count++] = verdict.set;
    return u64map_put(&redo->sets, code + UINT64_C(1), redo->set_count) == 0 ? RL_OK : RL_NOMEM;
}

/* Returns the action for a name. */
static enum filter_action action_of(struct redo *redo, enum filter_kind kind, struct text name)
{
    return redo->hides_values ? FILTER_REDACT
                              : filter_value(redo->texts->filter, redo->set, kind,
                                             (struct filter_text){name.data, name.len});
}

/* Returns the action for what a function returns, yields (`word` has its name then) or raises. */
static enum filter_action result_action(struct redo *redo, uint32_t code, enum rl_sentinel word)
{
    char object[NAME_MOST];
    struct code_text text = reader_code(redo->reader, code);
    enum filter_action action = FILTER_ALLOW;
    if (text.module.len + text.qualname.len + 1 <= sizeof object) {
        memcpy(object, text.module.data, text.module.len);
        object[text.module.len] = '.';
        memcpy(object + text.module.len + 1, text.qualname.data, text.qualname.len);
        action = action_of(redo, FILTER_RET,
                           (struct text){object, text.module.len + 1 + text.qualname.len});
    }
    if (word != RL_SENTINEL_REDACTED) {
        const char *name = rl_sentinel_text(word);
        enum filter_action own = action_of(redo, FILTER_RET, (struct text){name, strlen(name)});
        action = own != FILTER_ALLOW || word == RL_SENTINEL_UNWIND ? own : action;
    }
    return action;
}

/* Copies what follows the value that was copied. */
static void copy_rest(struct redo *redo)
{
    bytes_put(&redo->out, redo->in.at, bytes_left(&redo->in));
}

/* A call has a value for each parameter, as far as there was room. */
static rl_status redo_call(struct redo *redo, uint32_t code)
{
    struct code_text text = reader_code(redo->reader, code);
    rl_status status = RL_OK;
    for (uint32_t i = 0; status == RL_OK && i < text.args && bytes_left(&redo->in) != 0; i++) {
        struct text name =
            i < text.name_count ? reader_string(redo->reader, text.names[i]) : (struct text){"", 0};
        status = redo_value(redo, action_of(redo, FILTER_ARG, name));
    }
    return status;
}

/* A write says which variable got the value, by its number in the function or by a string id. Where
 * one item alone has changed, its key or name comes first: it is copied as any value. */
static rl_status redo_write(struct redo *redo, uint32_t code)
{
    uint64_t head = bytes_varint(&redo->in);
    rl_status status = RL_OK;
    bytes_put_varint(&redo->out, head);
    if ((head & 3) == RL_WRITE_ITEM) {
        status = redo_value(redo, FILTER_ALLOW);
        head = bytes_varint(&redo->in);
        bytes_put_varint(&redo->out, head);
    }
    uint64_t number = head >> 3;
    struct code_text text = reader_code(redo->reader, code);
    struct text name = {"", 0};
    if ((head & 3) != RL_WRITE_SLOT) {
        name = number <= RL_ID_MAX ? reader_string(redo->reader, (uint32_t)number) : name;
    } else if (number < text.name_count) {
        name = reader_string(redo->reader, text.names[number]);
    }
    enum filter_kind kind = (head & 3) == RL_WRITE_GLOBAL ? FILTER_GLOBAL : FILTER_LOCAL;
    return status == RL_OK && !redo->in.bad ? redo_value(redo, action_of(redo, kind, name))
                                            : RL_DAMAGED;
}

/* An exception that a rule hides keeps its type and loses its messages. */
static rl_status redo_raised(struct redo *redo, const struct rec *rec)
{
    static const char thrown[] = "exception";
    enum filter_action action =
        rec->kind == RL_EVENT_THROW
            ? action_of(redo, FILTER_ARG, (struct text){thrown, sizeof thrown - 1})
            : result_action(redo, rec->id, RL_SENTINEL_UNWIND);
    rl_status status = redo_exception(redo, action == FILTER_REDACT || action == FILTER_DROP);
    copy_rest(redo);
    return status;
}

/* What the program wrote: bytes of any kind. */
static void redo_output(struct redo *redo)
{
    static const char mark[] = RL_REDACTED_TEXT;
    struct text text = {(const char *)redo->in.at, bytes_left(&redo->in)};
    int ends_line = text.len != 0 && text.data[text.len - 1] == '\n';
    enum text_change change =
        redo->hides_values ? TEXT_SECRET : texts_clean(redo->texts, redo->set, 0, &text);
    redo->changed += change != TEXT_SAME;
    if (change == TEXT_SECRET) {
        bytes_put(&redo->out, mark, sizeof mark - 1);
        bytes_put(&redo->out, "\n", (size_t)ends_line);
    } else {
        bytes_put(&redo->out, text.data, text.len);
    }
}

/* Returns whether a field has one of those names. */
static int is_joining(const struct value *name)
{
    for (size_t i = 0; name->bytes != NULL && i < sizeof joining / sizeof *joining; i++) {
        if (strlen(joining[i]) == name->size && memcmp(joining[i], name->bytes, name->size) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Fields of logs, sessions, requests and marks. Their names are not judged: they are those of
 * Relive's own events, or of keyword arguments. */
static rl_status redo_fields(struct redo *redo)
{
    const uint8_t *from = redo->in.at;
    const struct filter_set *set = redo->set;
    struct value fields, name;
    rl_status status = value_next(&redo->in, &fields);
    if (status != RL_OK || fields.tag != RL_VALUE_DICT) {
        return RL_DAMAGED;
    }
    bytes_put(&redo->out, from, (size_t)(redo->in.at - from));
    for (uint64_t i = 0; status == RL_OK && i < fields.shown; i++) {
        from = redo->in.at;
        if (value_next(&redo->in, &name) != RL_OK || name.bytes == NULL) {
            return RL_DAMAGED;
        }
        bytes_put(&redo->out, from, (size_t)(redo->in.at - from));
        int is_ours = is_joining(&name), hides = redo->hides_values;
        struct text text = {(const char *)name.bytes, name.size};
        redo->set = is_ours ? redo->own : set;
        redo->hides_values = hides && !is_ours;
        status = redo_value(redo, is_ours ? FILTER_ALLOW : action_of(redo, FILTER_KEY, text));
        redo->hides_values = hides;
    }
    redo->set = set;
    return status;
}

/* Copies what the kind of an event has. */
static rl_status redo_kind(struct redo *redo, const struct rec *rec)
{
    rl_status status;
    switch (rec->kind) {
    case RL_EVENT_CALL:
        return redo_call(redo, rec->id);
    case RL_EVENT_RETURN:
        return redo_value(redo, result_action(redo, rec->id, RL_SENTINEL_REDACTED));
    case RL_EVENT_YIELD:
        return redo_value(redo, result_action(redo, rec->id, RL_SENTINEL_YIELD));
    case RL_EVENT_THROW:
    case RL_EVENT_UNWIND:
    case RL_EVENT_RAISE:
    case RL_EVENT_HANDLED:
        return redo_raised(redo, rec);
    case RL_EVENT_WRITE:
        return redo_write(redo, rec->id);
    case RL_EVENT_OUTPUT:
        redo_output(redo);
        return RL_OK;
    case RL_EVENT_LOG:
    case RL_EVENT_SESSION_START:
    case RL_EVENT_SESSION_END:
    case RL_EVENT_HTTP_REQUEST:
    case RL_EVENT_HTTP_RESPONSE:
    case RL_EVENT_MARK:
        return redo_fields(redo);
    case RL_EVENT_GC:
    case RL_EVENT_BUDGET:
    case RL_EVENT_FILTER:
        copy_rest(redo); /* numbers */
        return RL_OK;
    default:
        status = redo_value(redo, redo->hides_values ? FILTER_REDACT : FILTER_ALLOW);
        copy_rest(redo);
        return status;
    }
}

/* Returns whether an event's id is that of a function. */
static int has_code(unsigned kind)
{
    return kind <= RL_EVENT_C_RAISE || kind == RL_EVENT_RUNNING || kind == RL_EVENT_CLOSED;
}

/* Leaves out values that are damaged, or have no room with all their marks. */
static void leave_out(struct redo *redo, const struct rec *rec)
{
    redo->in = bytes_in_of(rec->data, rec->data_len);
    redo->changed++;
    if (rec->kind == RL_EVENT_OUTPUT) {
        redo->out.len = RL_VALUE_BYTES_MAX;
        return;
    }
    redo->out.len = 0;
    if (rec->kind == RL_EVENT_WRITE) {
        uint64_t head = bytes_varint(&redo->in);
        if ((head & 3) == RL_WRITE_ITEM && value_skip(&redo->in) == RL_OK) {
            head = bytes_varint(&redo->in);
        }
        const uint8_t cut = RL_VALUE_CUT;
        bytes_put_varint(&redo->out, (head & 3) != RL_WRITE_ITEM ? head : RL_WRITE_GLOBAL);
        bytes_put(&redo->out, &cut, sizeof cut);
    }
}

rl_status redo_variable(struct redo *redo, uint32_t name, unsigned scope, struct rec *rec)
{
    const uint8_t cut = RL_VALUE_CUT;
    enum filter_kind kind = scope == RL_WRITE_GLOBAL ? FILTER_GLOBAL : FILTER_LOCAL;
    if (find_set(redo, rec->id) != RL_OK) {
        return RL_NOMEM;
    }
    redo->in = bytes_in_of(rec->data, rec->data_len);
    bytes_out_reset(&redo->out);
    rl_status status = redo_value(redo, action_of(redo, kind, reader_string(redo->reader, name)));
    if (redo->out.failed || redo->status == RL_NOMEM) {
        return RL_NOMEM;
    }
    if (status != RL_OK || redo->out.len > RL_VALUE_BYTES_MAX) {
        redo->changed++;
        redo->out.len = 0;
        bytes_put(&redo->out, &cut, sizeof cut);
    }
    rec->data = redo->out.data;
    rec->data_len = (uint32_t)redo->out.len;
    return RL_OK;
}

rl_status redo_event(struct redo *redo, struct rec *rec)
{
    if (rec->data_len == 0) {
        return RL_OK;
    }
    redo->set = redo->own;
    if (has_code(rec->kind) && find_set(redo, rec->id) != RL_OK) {
        return RL_NOMEM;
    }
    redo->in = bytes_in_of(rec->data, rec->data_len);
    bytes_out_reset(&redo->out);
    rl_status status = redo_kind(redo, rec);
    if (redo->out.failed || redo->status == RL_NOMEM) {
        return RL_NOMEM;
    }
    if (status != RL_OK || redo->out.len > RL_VALUE_BYTES_MAX) {
        leave_out(redo, rec);
    }
    rec->data = redo->out.data;
    rec->data_len = (uint32_t)redo->out.len;
    return RL_OK;
}
