/* Part of redo.h. Why: a value is judged as the recorder judges objects. One value after the other,
 * each judged by its name and by what it says.
 *
 *   name of a variable, attribute, key, item before it  --> action
 *   action + the value                                  --> redact, drop, copy, or look inside
 *
 * Invariant: a value that is replaced is skipped with all that is inside it, so nothing of it is
 * copied. */
#include <stdio.h>
#include <string.h>

#include "redo.h"

enum { JUDGED_MOST = 1024, NAME_MOST = 64, BLANKS_MOST = 3 };

static rl_status copy_value(struct redo *redo, enum filter_action action, enum secret_class suspect,
                            unsigned depth);

/* Returns whether a value is a text, which may have secrets in it. */
static int is_text(const struct value *value)
{
    return value->bytes != NULL &&
           (value->tag == RL_VALUE_STR || value->tag == RL_VALUE_STR_CUT ||
            value->tag == RL_VALUE_STR_ODD || value->tag == RL_VALUE_BYTES ||
            value->tag == RL_VALUE_BYTES_CUT || value->tag == RL_VALUE_TEXT);
}

/* Returns the string id of a value's type. */
static uint32_t type_of(const struct redo *redo, const struct value *value)
{
    static const struct {
        uint8_t tag, type;
    } types[] = {
        {RL_VALUE_INT, REDO_int},           {RL_VALUE_BIG_INT, REDO_int},
        {RL_VALUE_BIG_INT_CUT, REDO_int},   {RL_VALUE_FLOAT, REDO_float},
        {RL_VALUE_COMPLEX, REDO_complex},   {RL_VALUE_STR, REDO_str},
        {RL_VALUE_STR_CUT, REDO_str},       {RL_VALUE_STR_ODD, REDO_str},
        {RL_VALUE_BYTES, REDO_bytes},       {RL_VALUE_BYTES_CUT, REDO_bytes},
        {RL_VALUE_LIST, REDO_list},         {RL_VALUE_TUPLE, REDO_tuple},
        {RL_VALUE_SET, REDO_set},           {RL_VALUE_FROZENSET, REDO_frozenset},
        {RL_VALUE_DICT, REDO_dict},         {RL_VALUE_RANGE, REDO_range},
        {RL_VALUE_SLICE, REDO_slice},       {RL_VALUE_TRUE, REDO_bool},
        {RL_VALUE_FALSE, REDO_bool},        {RL_VALUE_NONE, REDO_NoneType},
        {RL_VALUE_ELLIPSIS, REDO_ellipsis}, {RL_VALUE_NOT_IMPLEMENTED, REDO_NotImplementedType},
    };
    for (size_t i = 0; value->type == 0 && i < sizeof types / sizeof *types; i++) {
        if (types[i].tag == value->tag) {
            return redo->types[types[i].type];
        }
    }
    return value->type;
}

/* Returns whether there is nothing to take out: the value says only why there is none. */
static int is_nothing(const struct value *value)
{
    return value->tag == RL_VALUE_UNSET || value->tag == RL_VALUE_CUT ||
           value->tag == RL_VALUE_REDACTED || value->tag == RL_VALUE_DROPPED;
}

/* Writes what stands for a value that was taken out: only its type remains. */
static void put_redacted(struct redo *redo, uint32_t type)
{
    const uint8_t tag = RL_VALUE_REDACTED;
    bytes_put(&redo->out, &tag, sizeof tag);
    bytes_put_varint(&redo->out, type);
    redo->changed++;
}

/* Skips what is inside a node that was read. */
static rl_status skip_inside(struct redo *redo, const struct value *value)
{
    rl_status status = RL_OK;
    for (uint64_t n = value_children(value); status == RL_OK && n > 0; n--) {
        if (value->tag == RL_VALUE_OBJECT) {
            (void)bytes_varint(&redo->in);
        }
        status = value_skip(&redo->in) == RL_OK ? RL_OK : RL_DAMAGED;
    }
    return status;
}

/* Remembers all texts of a value that is taken out, which begins at `from`. */
static void know_texts(struct redo *redo, const uint8_t *from)
{
    struct bytes_in in = bytes_in_of(from, (size_t)(redo->in.at - from));
    struct value value;
    while (redo->texts->collects && !redo->hides_values && value_next(&in, &value) == RL_OK) {
        if (is_text(&value) && texts_know(redo->texts, value.bytes, value.size) != RL_OK) {
            redo->status = RL_NOMEM;
        }
        if (value.tag == RL_VALUE_OBJECT) {
            return; /* names of fields are between the values */
        }
    }
}

/* Returns what a value under a name with this action must look like, to be a secret. */
static enum secret_class class_of(enum filter_action action)
{
    return action == FILTER_SECRET  ? SECRET_ALWAYS
           : action == FILTER_CODE  ? SECRET_CODE
           : action == FILTER_LOGIN ? SECRET_LOGIN
           : action == FILTER_TOKEN ? SECRET_TOKEN
                                    : SECRET_NONE;
}

/* Returns ALLOW, REDACT, DROP or LOOK_INSIDE for a value whose name has this action. */
static enum filter_action judge(enum filter_action action, const struct value *value)
{
    enum secret_class class = class_of(action);
    if (action == FILTER_ALLOW || action == FILTER_REDACT || action == FILTER_DROP) {
        return action;
    }
    if (class == SECRET_NONE || value->tag == RL_VALUE_NONE || value->tag == RL_VALUE_TRUE ||
        value->tag == RL_VALUE_FALSE || value->tag == RL_VALUE_LABEL) {
        return FILTER_ALLOW;
    }
    if (class == SECRET_ALWAYS || value->tag == RL_VALUE_BIG_INT ||
        value->tag == RL_VALUE_BIG_INT_CUT) {
        return FILTER_REDACT;
    }
    if (value->tag == RL_VALUE_INT) {
        return secret_number(class, value->number) ? FILTER_REDACT : FILTER_ALLOW;
    }
    if (is_text(value)) {
        size_t n = value->size < JUDGED_MOST ? value->size : JUDGED_MOST;
        return secret_value(class, (const char *)value->bytes, n) ? FILTER_REDACT : FILTER_ALLOW;
    }
    int is_pair = (value->tag == RL_VALUE_LIST || value->tag == RL_VALUE_TUPLE) && value->len == 2;
    return class == SECRET_LOGIN && is_pair ? FILTER_REDACT : FILTER_LOOK_INSIDE;
}

/* Returns whether a `value:` pattern hides a number. */
static int is_hidden_number(struct redo *redo, const struct value *value)
{
    char text[40];
    int n = 0;
    if (!filter_has_patterns(redo->set)) {
        return 0;
    }
    if (value->tag == RL_VALUE_INT) {
        n = snprintf(text, sizeof text, "%lld", (long long)value->number);
    } else if (value->tag == RL_VALUE_FLOAT) {
        n = snprintf(text, sizeof text, "%.17g", value_float(value->bytes));
    }
    return n > 0 &&
           filter_number(redo->texts->filter, redo->set, (struct filter_text){text, (size_t)n});
}

/* Copies a text without its secrets. A text that stays as it was is copied with its tag. */
static void copy_text(struct redo *redo, const uint8_t *from, const struct value *value,
                      enum secret_class suspect)
{
    struct text text = {(const char *)value->bytes, value->size};
    int is_cut = value_is_cut(value);
    enum text_change change = TEXT_SECRET;
    if (suspect == SECRET_NONE || !secret_value(suspect, text.data, text.len)) {
        change = texts_clean(redo->texts, redo->set, is_cut, &text);
    }
    if (change == TEXT_SECRET) {
        know_texts(redo, from);
        put_redacted(redo, type_of(redo, value));
    } else if (change == TEXT_SAME) {
        bytes_put(&redo->out, from, (size_t)(redo->in.at - from));
    } else {
        int is_bytes = value->tag == RL_VALUE_BYTES || value->tag == RL_VALUE_BYTES_CUT;
        uint8_t tag = value->tag == RL_VALUE_TEXT ? RL_VALUE_TEXT
                      : is_bytes                  ? (is_cut ? RL_VALUE_BYTES_CUT : RL_VALUE_BYTES)
                      : is_cut                    ? RL_VALUE_STR_CUT
                                                  : RL_VALUE_STR;
        bytes_put(&redo->out, &tag, sizeof tag);
        if (tag == RL_VALUE_TEXT) {
            uint8_t identity[RL_IDENTITY_BYTES];
            memcpy(identity, from + 1, sizeof identity);
            bytes_put(&redo->out, identity, sizeof identity);
            bytes_put_varint(&redo->out, value->type);
            bytes_put_varint(&redo->out, value->flags);
        } else if (is_cut) {
            bytes_put_varint(&redo->out, value->len + text.len);
        }
        bytes_put_varint(&redo->out, text.len);
        bytes_put(&redo->out, text.data, text.len);
        redo->changed++;
    }
}

/* ---- values that another value names (docs/security.md) ---- */

/* Returns the action for a value that this one names; ALLOW where it is no plain name. */
static enum filter_action named_by(struct redo *redo, const struct value *name)
{
    size_t blanks = 0;
    if (!is_text(name) || name->tag == RL_VALUE_TEXT || name->size > NAME_MOST) {
        return FILTER_ALLOW;
    }
    for (size_t i = 0; i < name->size; i++) {
        if (strchr("=,;?!\"'()\n", name->bytes[i]) != NULL) {
            return FILTER_ALLOW;
        }
        blanks += name->bytes[i] == ' ';
    }
    return blanks > BLANKS_MOST
               ? FILTER_ALLOW
               : filter_value(redo->texts->filter, redo->set, FILTER_KEY,
                              (struct filter_text){(const char *)name->bytes, name->size});
}

/* Returns the action for the item behind this one: ("token", x), ["--password", x]. In a list, two
 * words need not be a pair. */
static enum filter_action item_action(struct redo *redo, const struct value *list,
                                      const struct value *before, int is_last)
{
    enum filter_action action = named_by(redo, before);
    int is_option = before->size > 2 && before->bytes != NULL && before->bytes[0] == '-';
    int is_pair = list->tag == RL_VALUE_TUPLE
                      ? is_last && list->len <= 3
                      : is_last && list->len == 2 && action >= FILTER_SECRET;
    if (list->tag == RL_VALUE_SET || list->tag == RL_VALUE_FROZENSET || !(is_option || is_pair)) {
        return FILTER_ALLOW;
    }
    return action == FILTER_DROP ? FILTER_REDACT : action;
}

/* Copies the items of a list, tuple or set. An item may name the one behind it. */
static rl_status copy_items(struct redo *redo, const struct value *list, enum secret_class suspect,
                            unsigned depth)
{
    enum filter_action action = FILTER_ALLOW;
    rl_status status = RL_OK;
    for (uint64_t i = 0; status == RL_OK && i < list->shown; i++) {
        struct bytes_in ahead = redo->in;
        struct value item;
        if (value_next(&ahead, &item) != RL_OK) {
            return RL_DAMAGED;
        }
        status = copy_value(redo, action, suspect, depth);
        action = item_action(redo, list, &item, i + 2 == list->len);
    }
    return status;
}

/* Returns the action of the value under "value", by the one under "name", wherever that is. */
static enum filter_action named_in(struct redo *redo, uint64_t pairs)
{
    struct bytes_in in = redo->in;
    struct value key, value;
    while (pairs-- > 0 && value_next(&in, &key) == RL_OK && is_text(&key)) {
        struct bytes_in at = in;
        if (value_next(&at, &value) == RL_OK &&
            secret_role((const char *)key.bytes, key.size) == SECRET_NAMES) {
            return named_by(redo, &value);
        }
        if (value_skip(&in) != RL_OK) {
            break;
        }
    }
    return FILTER_ALLOW;
}

/* Copies keys and values of a dictionary. A key names its value; in {"name": x, "value": y} the
 * value x does, wherever it is. */
static rl_status copy_pairs(struct redo *redo, const struct value *dict, enum secret_class suspect,
                            unsigned depth)
{
    enum filter_action named = named_in(redo, dict->shown);
    rl_status status = RL_OK;
    for (uint64_t i = 0; status == RL_OK && i < dict->shown; i++) {
        struct bytes_in ahead = redo->in;
        struct value key;
        enum filter_action action = FILTER_ALLOW;
        if (value_next(&ahead, &key) != RL_OK) {
            return RL_DAMAGED;
        }
        if (is_text(&key) && key.tag != RL_VALUE_TEXT) {
            struct filter_text name = {(const char *)key.bytes, key.size};
            action = filter_value(redo->texts->filter, redo->set, FILTER_KEY, name);
            action = action == FILTER_NAMED   ? named
                     : action == FILTER_NAMES ? FILTER_ALLOW
                                              : action;
        }
        status = copy_value(redo, FILTER_ALLOW, SECRET_NONE, depth); /* the key */
        if (status == RL_OK) {
            status =
                copy_value(redo, action == FILTER_DROP ? FILTER_REDACT : action, suspect, depth);
        }
    }
    return status;
}

/* Copies the attributes of an object, each with the string id of its name. */
static rl_status copy_fields(struct redo *redo, const struct value *object,
                             enum secret_class suspect, unsigned depth)
{
    rl_status status = RL_OK;
    for (uint64_t i = 0; status == RL_OK && i < object->shown; i++) {
        uint32_t id = (uint32_t)bytes_varint(&redo->in);
        struct text name = reader_string(redo->reader, id);
        enum filter_action action = filter_value(redo->texts->filter, redo->set, FILTER_ATTR,
                                                 (struct filter_text){name.data, name.len});
        bytes_put_varint(&redo->out, id);
        status = copy_value(redo, action == FILTER_DROP ? FILTER_REDACT : action, suspect, depth);
    }
    return status;
}

/* ---- any value ---- */

/* Copies what is inside a value whose own bytes were copied. */
static rl_status copy_inside(struct redo *redo, const struct value *value,
                             enum secret_class suspect, unsigned depth)
{
    rl_status status = RL_OK;
    switch (value->tag) {
    case RL_VALUE_LIST:
    case RL_VALUE_TUPLE:
    case RL_VALUE_SET:
    case RL_VALUE_FROZENSET:
        return copy_items(redo, value, suspect, depth);
    case RL_VALUE_DICT:
        return copy_pairs(redo, value, suspect, depth);
    case RL_VALUE_OBJECT:
        return copy_fields(redo, value, suspect, depth);
    default:
        for (uint64_t n = value_children(value); status == RL_OK && n > 0; n--) {
            status = copy_value(redo, FILTER_ALLOW, suspect, depth);
        }
        return status;
    }
}

/* Copies a value, or writes what stands for it. `suspect`: a name outside makes every text in here
 * one that may be a secret. */
static rl_status copy_value(struct redo *redo, enum filter_action action, enum secret_class suspect,
                            unsigned depth)
{
    const uint8_t *from = redo->in.at;
    struct value value;
    if (value_next(&redo->in, &value) != RL_OK || depth > RL_VALUE_DEPTH_MAX) {
        return RL_DAMAGED;
    }
    enum filter_action judged = is_nothing(&value) ? FILTER_ALLOW : judge(action, &value);
    if (judged == FILTER_REDACT || judged == FILTER_DROP || is_hidden_number(redo, &value)) {
        rl_status status = skip_inside(redo, &value);
        know_texts(redo, from);
        put_redacted(redo, type_of(redo, &value));
        return status;
    }
    if (judged == FILTER_LOOK_INSIDE) {
        suspect = class_of(action);
    }
    if (is_text(&value)) {
        copy_text(redo, from, &value, suspect);
        return RL_OK;
    }
    bytes_put(&redo->out, from, (size_t)(redo->in.at - from));
    return copy_inside(redo, &value, suspect, depth + 1);
}

rl_status redo_value(struct redo *redo, enum filter_action action)
{
    return copy_value(redo, redo->hides_values ? FILTER_REDACT : action, SECRET_NONE, 0);
}

/* Copies an exception, or what is recorded in place of one. */
static rl_status copy_exception(struct redo *redo, int is_hidden, unsigned depth)
{
    const uint8_t *from = redo->in.at;
    struct value value;
    if (value_next(&redo->in, &value) != RL_OK || depth > RL_VALUE_DEPTH_MAX) {
        return RL_DAMAGED;
    }
    if (value.tag != RL_VALUE_EXCEPTION) {
        redo->in.at = from;
        return copy_value(redo, FILTER_ALLOW, SECRET_NONE, depth);
    }
    bytes_put(&redo->out, from, (size_t)(redo->in.at - from));
    rl_status status =
        copy_value(redo, is_hidden ? FILTER_REDACT : FILTER_ALLOW, SECRET_NONE, depth + 1);
    for (int i = 0; status == RL_OK && i < 2; i++) {
        status = copy_exception(redo, is_hidden, depth + 1); /* cause, context */
    }
    return status;
}

rl_status redo_exception(struct redo *redo, int is_hidden)
{
    return copy_exception(redo, is_hidden, 0);
}
