/* Why: see find.h.
 *
 *    values of an event      CALL   one for each parameter
 *                            WRITE  head, the value of the variable
 *                            21-26  a dictionary of fields
 *                            others the value or exception
 *
 * A walk over one event may be interrupted by a place that was found. It goes on with the values
 * that are left (`in`), and the containers around them (`open`).
 *
 * Numbers of calls are counted on the way, so the cost of a row does not depend on them. */
#include "find.h"

#include <string.h>

#include "alloc.h"
#include "map.h"
#include "value.h"
#include "write_head.h"

/* A container that the walk is inside of. */
struct open_value {
    unsigned tag;
    uint64_t left, done;
    const uint8_t *begin;
    const uint8_t *key; /* of a dictionary: the last key, behind which its value comes */
    size_t key_len;
    uint32_t name;
};

struct find {
    struct reader *reader;
    struct cursor *cursor; /* owned */
    struct find_question question;
    struct operand wanted; /* borrows from the expression */
    struct bytes_out form; /* recorded form of `wanted`, where equal values have equal bytes */
    int has_form;
    struct event_out event;
    struct bytes_in in;
    struct open_value open[FIND_DEPTH];
    size_t depth;
    uint32_t parameter; /* of a call, the next one */
    uint32_t name;      /* of what the walk is in */
    struct write_head head;
    int is_inside; /* an event is being walked over */
    struct find_place place;
    uint64_t count;
    struct u64map function_of; /* code + 1 -> the first code of that function */
    struct u64map calls_of;    /* that code + 1 -> calls so far */
    struct u64map number_of;   /* frame -> number of its call */
};

/* ---- numbers of calls ---- */

static rl_status join_codes(struct find *find)
{
    struct strmap functions = {0};
    struct bytes_out key = {0};
    const struct reader *reader = find->reader;
    rl_status status = RL_OK;
    for (size_t i = 0; i < reader->codes.capacity && status == RL_OK; i++) {
        if (reader->codes.entries[i].key == 0) {
            continue;
        }
        uint32_t id = (uint32_t)reader->codes.entries[i].key;
        struct code_text code = reader_code(reader, id);
        bytes_out_reset(&key);
        bytes_put(&key, code.module.data, code.module.len);
        bytes_put(&key, "", 1);
        bytes_put(&key, code.qualname.data, code.qualname.len);
        bytes_put(&key, "", 1);
        bytes_put(&key, code.file.data, code.file.len);
        const uint32_t *known = key.failed ? NULL : strmap_get(&functions, key.data, key.len);
        uint32_t first = known != NULL ? *known : id;
        if (key.failed || strmap_put(&functions, key.data, key.len, first) != 0 ||
            u64map_put(&find->function_of, (uint64_t)id + 1, first) != 0) {
            status = RL_NOMEM;
        }
    }
    strmap_fini(&functions);
    bytes_out_fini(&key);
    return status;
}

/* Counts a begin, and forgets a frame that has ended before. */
static rl_status count_call(struct find *find)
{
    const struct event_out *event = &find->event;
    if (!kind_begins(event->kind) || event->frame == 0) {
        return RL_OK;
    }
    const uint64_t *first = u64map_get(&find->function_of, (uint64_t)event->id + 1);
    uint64_t key = first != NULL ? *first + 1 : (uint64_t)event->id + 1;
    const uint64_t *known = u64map_get(&find->calls_of, key);
    uint64_t number = known != NULL ? *known + 1 : 1;
    return u64map_put(&find->calls_of, key, number) == 0 &&
                   u64map_put(&find->number_of, event->frame, number) == 0
               ? RL_OK
               : RL_NOMEM;
}

/* ---- what is wanted ---- */

static struct operand load_nothing(void *self, uint32_t name, struct operand_scope *scope)
{
    (void)self;
    (void)name;
    (void)scope;
    return operand_unknown(OPERAND_NOT_RECORDED);
}

static struct operand load_value(void *self, uint32_t name, struct operand_scope *scope)
{
    struct bytes_in in = *(const struct bytes_in *)self;
    (void)name;
    return operand_take(&in, scope);
}

/* Finds the value of the expression. Equal whole numbers have the same bytes, and so do equal texts
 * of ASCII, and floats other than 0.0, which equals -0.0. NaN equals nothing. */
static rl_status take_wanted(struct find *find)
{
    struct where_row row = {NULL, load_nothing, &find->reader->strings};
    if (find->question.is_about_x) {
        return RL_OK;
    }
    find->wanted = where_run(find->question.where, &row);
    unsigned kind = find->wanted.kind;
    if (kind == OPERAND_UNKNOWN || kind == OPERAND_RAISES) {
        return RL_USAGE;
    }
    int is_ascii = 1;
    for (size_t i = 0; kind == OPERAND_STR && i < find->wanted.size; i++) {
        is_ascii = is_ascii && find->wanted.bytes[i] < 128;
    }
    if (kind == OPERAND_BOOL || kind == OPERAND_INT || kind == OPERAND_NONE ||
        (kind == OPERAND_FLOAT && (find->wanted.number < 0 || find->wanted.number > 0)) ||
        (kind == OPERAND_STR && is_ascii)) {
        find->has_form = operand_put(&find->form, &find->wanted);
    }
    return find->form.failed ? RL_NOMEM : RL_OK;
}

rl_status find_open(struct reader *reader, const struct find_question *question, struct find **out)
{
    struct find *find = rl_zalloc(1, sizeof *find);
    rl_status status = find != NULL ? RL_OK : RL_NOMEM;
    if (find != NULL) {
        find->reader = reader;
        find->question = *question;
        status = take_wanted(find);
        status = status == RL_OK ? join_codes(find) : status;
        status = status == RL_OK ? cursor_open(reader, &find->cursor) : status;
    }
    if (status != RL_OK) {
        find_close(find);
        return status;
    }
    *out = find;
    return RL_OK;
}

void find_close(struct find *find)
{
    if (find == NULL) {
        return;
    }
    cursor_close(find->cursor);
    bytes_out_fini(&find->form);
    u64map_fini(&find->function_of);
    u64map_fini(&find->calls_of);
    u64map_fini(&find->number_of);
    rl_free(find);
}

uint64_t find_count(const struct find *find)
{
    return find->count;
}

/* Returns whether the bytes of an event can have the value. */
static int may_have(const struct find *find, const struct event_out *event)
{
    const uint8_t *at = event->values;
    size_t left = event->values_len;
    if (!find->has_form) {
        return left != 0;
    }
    while (left >= find->form.len) {
        const uint8_t *found = memchr(at, find->form.data[0], left - find->form.len + 1);
        if (found == NULL) {
            return 0;
        }
        if (memcmp(found, find->form.data, find->form.len) == 0) {
            return 1;
        }
        left -= (size_t)(found + 1 - at);
        at = found + 1;
    }
    return 0;
}

/* Returns whether one value, whose bytes are those of `one` up to its end, is what is wanted. */
static int is_wanted(struct find *find, const struct value *value, const uint8_t *begin,
                     const uint8_t *end)
{
    size_t len = (size_t)(end - begin);
    struct bytes_in one = bytes_in_of(begin, len);
    struct operand_scope scope = {&find->reader->strings, OPERAND_STEPS};
    if (find->has_form) {
        return len == find->form.len && memcmp(begin, find->form.data, len) == 0;
    }
    if (find->question.is_about_x) {
        int is_text = value->tag == RL_VALUE_STR || value->tag == RL_VALUE_STR_CUT ||
                      value->tag == RL_VALUE_STR_ODD || value->tag == RL_VALUE_TEXT;
        struct where_row row = {&one, load_value, &find->reader->strings};
        if (!is_text) {
            return 0;
        }
        struct operand answer = where_run(find->question.where, &row);
        return where_answer(&answer) == WHERE_YES;
    }
    struct operand found = operand_take(&one, &scope);
    if (found.kind != find->wanted.kind) {
        return 0;
    }
    struct operand answer = operand_equals(&found, &find->wanted, &scope);
    return where_answer(&answer) == WHERE_YES;
}

/* ---- the walk over one event ---- */

/* Begins with the values of the event. */
static int begin_event(struct find *find)
{
    const struct event_out *event = &find->event;
    find->in = bytes_in_of(event->values, event->values_len);
    find->depth = 0;
    find->parameter = 0;
    find->name = 0;
    find->head = (struct write_head){0};
    if (event->kind == RL_EVENT_WRITE) {
        if (!write_head_read(find->reader, event, &find->head)) {
            return 0;
        }
        find->in = bytes_in_of(find->head.value, find->head.value_len);
        find->name = find->head.name;
        return 1;
    }
    if (find->question.only_writes) {
        return 0;
    }
    return kind_begins(event->kind) ||
           (event->kind >= RL_EVENT_RETURN && event->kind <= RL_EVENT_HANDLED) ||
           (event->kind >= RL_EVENT_LOG && event->kind <= RL_EVENT_MARK);
}

/* Counts a value that was read in its container. */
static void end_value(struct find *find, const uint8_t *begin)
{
    if (find->depth != 0) {
        struct open_value *open = &find->open[find->depth - 1];
        if (open->tag == RL_VALUE_DICT && open->done % 2 == 0) {
            open->key = begin;
            open->key_len = (size_t)(find->in.at - begin);
        }
        open->done++;
    }
}

/* Reads what comes before the next value: the name of a parameter or of a field. Returns 0 where no
 * value is left. */
static int begin_value(struct find *find)
{
    while (find->depth != 0 && find->open[find->depth - 1].left == 0) {
        find->depth--;
        end_value(find, find->open[find->depth].begin);
    }
    if (find->depth != 0) {
        struct open_value *open = &find->open[find->depth - 1];
        open->left--;
        open->name = open->tag == RL_VALUE_OBJECT ? (uint32_t)bytes_varint(&find->in) : 0;
        return bytes_left(&find->in) != 0;
    }
    if (bytes_left(&find->in) == 0) {
        return 0;
    }
    if (kind_begins(find->event.kind)) {
        struct code_text code = reader_code(find->reader, find->event.id);
        if (find->parameter >= code.args) {
            return 0;
        }
        find->name = code.names[find->parameter++];
        return 1;
    }
    return find->parameter++ == 0; /* behind the one value other facts follow */
}

/* Describes where the walk is. */
static void describe_place(struct find *find)
{
    struct find_place *place = &find->place;
    place->name = find->name;
    place->depth = find->depth;
    for (size_t i = 0; i < find->depth; i++) {
        const struct open_value *open = &find->open[i];
        struct find_step *step = &place->steps[i];
        *step = (struct find_step){.what = FIND_ITEM, .index = open->done};
        if (open->tag == RL_VALUE_OBJECT) {
            step->what = FIND_ATTRIBUTE;
            step->name = open->name;
        } else if (open->tag == RL_VALUE_DICT) {
            step->what = open->done % 2 == 0 ? FIND_KEY : FIND_VALUE;
            step->key = open->key;
            step->key_len = open->key_len;
        } else if (open->tag < RL_VALUE_LIST || open->tag > RL_VALUE_FROZENSET) {
            step->what = FIND_PART;
        }
    }
}

/* Returns whether the place is what the write has changed. */
static int is_written(const struct find *find)
{
    const struct write_head *head = &find->head;
    const struct find_step *step = &find->place.steps[0];
    if (find->place.depth == 0 || head->key == NULL) {
        return find->place.depth == 0 && head->key == NULL;
    }
    struct bytes_in in = bytes_in_of(head->key, head->key_len);
    struct value key;
    if (step->what == FIND_VALUE) {
        return step->key_len == head->key_len && memcmp(step->key, head->key, head->key_len) == 0;
    }
    if (value_next(&in, &key) != RL_OK) {
        return 0;
    }
    if (step->what == FIND_ATTRIBUTE) {
        struct text name = reader_string(find->reader, step->name);
        return key.size == name.len && memcmp(key.bytes, name.data, name.len) == 0;
    }
    return step->what == FIND_ITEM && key.tag == RL_VALUE_INT &&
           (uint64_t)key.number == step->index;
}

/* Returns whether a None only says that an exception has no cause, context or message. */
static int is_no_value(const struct find *find, const struct value *value)
{
    return value->tag == RL_VALUE_NONE && find->depth != 0 &&
           find->open[find->depth - 1].tag == RL_VALUE_EXCEPTION;
}

/* Takes the next value of the event. Returns 1 where it is a place, 0 where it is none, and -1 at
 * the end. */
static int take_value(struct find *find)
{
    struct value value;
    if (!begin_value(find)) {
        return -1;
    }
    const uint8_t *begin = find->in.at;
    if (value_next(&find->in, &value) != RL_OK) {
        return -1;
    }
    uint64_t children = value_children(&value);
    const uint8_t *end = find->in.at;
    int is_container = children != 0 && find->wanted.kind >= OPERAND_LIST;
    if (is_container) {
        struct bytes_in whole = bytes_in_of(begin, (size_t)(find->in.end - begin));
        end = value_skip(&whole) == RL_OK ? whole.at : end;
    }
    int is_found = (children == 0 || is_container) && !is_no_value(find, &value) &&
                   is_wanted(find, &value, begin, end);
    if (is_found) {
        describe_place(find);
        find->place.value = begin;
        find->place.value_len = (size_t)(end - begin);
    }
    if (children == 0) {
        end_value(find, begin);
        return is_found;
    }
    if (find->depth == FIND_DEPTH) {
        return -1; /* no recorder nests so deep */
    }
    find->open[find->depth++] =
        (struct open_value){.tag = value.tag, .left = children, .begin = begin};
    return is_found;
}

rl_status find_next(struct find *find, uint64_t *events, const struct find_place **out)
{
    *out = NULL;
    for (;;) {
        while (find->is_inside) {
            int found = take_value(find);
            find->is_inside = found >= 0;
            if (found == 1 && (!find->question.only_writes || is_written(find)) &&
                find->count++ >= find->question.skip) {
                const uint64_t *number = u64map_get(&find->number_of, find->event.frame);
                find->place.event = &find->event;
                find->place.number = number != NULL && find->event.frame != 0 ? *number : 0;
                *out = &find->place;
                return RL_OK;
            }
        }
        if (*events == 0) {
            return RL_OK;
        }
        --*events;
        if (find->event.frame != 0 && kind_ends(find->event.kind)) {
            (void)u64map_remove(&find->number_of, find->event.frame, NULL);
        }
        rl_status status = cursor_next(find->cursor, &find->event);
        status = status == RL_OK ? count_call(find) : status;
        if (status != RL_OK) {
            return status;
        }
        find->is_inside = may_have(find, &find->event) && begin_event(find);
    }
}
