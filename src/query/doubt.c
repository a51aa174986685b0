/* Why: a value on the screen is believed. So what can have changed without an event is found from
 * its structure, not from its text. */
#include "doubt.h"

#include <string.h>

#include "value.h"

enum {
    COMPARED_ITEMS = 32, /* items of one container that the recorder compares */
    COMPARED_BYTES = 64  /* at either end of a bytearray */
};

static int is_text(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static int begins_text(struct text text, const char *word)
{
    return text.len >= strlen(word) && memcmp(text.data, word, strlen(word)) == 0;
}

/* Returns whether a text stands for an instance that cannot change. It has one of these types, or
 * is a member of an enum, as <Colour.RED: 1>. */
static int is_fixed_text(const struct reader *reader, const struct value *value)
{
    static const char *const types[] = {
        "decimal.Decimal", "uuid.UUID", "re.Match",        "generator", "coroutine",
        "frame",           "traceback", "async_generator", "code",
    };
    struct text type = reader_string(reader, value->type), name = type;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (is_text(type, types[i])) {
            return 1;
        }
    }
    if (begins_text(type, "datetime.") || begins_text(type, "pathlib.")) {
        return 1;
    }
    for (size_t i = 0; i < type.len; i++) {
        if (type.data[i] == '.') {
            name = (struct text){type.data + i + 1, type.len - i - 1};
        }
    }
    return value->size > name.len + 2 && value->bytes[0] == '<' &&
           memcmp(value->bytes + 1, name.data, name.len) == 0 && value->bytes[name.len + 1] == '.';
}

static enum change change_below(const struct reader *reader, const struct value *value,
                                struct bytes_in *in, unsigned depth);

/* Takes one value and returns what of it can change. */
static enum change next_change(const struct reader *reader, struct bytes_in *in, unsigned depth)
{
    struct value value;
    if (depth > RL_VALUE_DEPTH_MAX || value_next(in, &value) != RL_OK) {
        in->bad = 1;
        return CHANGE_DEEP;
    }
    struct bytes_in held = *in;
    enum change inner = change_below(reader, &value, in, depth);
    switch (value.tag) {
    case RL_VALUE_LIST:
    case RL_VALUE_SET:
    case RL_VALUE_DICT:
    case RL_VALUE_OBJECT:
        return inner != CHANGE_FIXED || value.len > COMPARED_ITEMS ? CHANGE_DEEP : CHANGE_OWN;
    case RL_VALUE_WRAPPED: {
        struct text type = reader_string(reader, value.type);
        if (is_text(type, "bytearray") && value_next(&held, &value) == RL_OK) {
            return value.len > UINT64_C(2) * COMPARED_BYTES ? CHANGE_DEEP : CHANGE_OWN;
        }
        return is_text(type, "mappingproxy") ? CHANGE_DEEP : inner;
    }
    case RL_VALUE_DEEP:
        return value.len != 0 ? CHANGE_OWN : CHANGE_FIXED;
    case RL_VALUE_EXCEPTION:
        return CHANGE_DEEP;
    case RL_VALUE_TEXT:
        return is_fixed_text(reader, &value) ? CHANGE_FIXED : CHANGE_DEEP;
    default:
        return inner != CHANGE_FIXED ? CHANGE_DEEP : CHANGE_FIXED;
    }
}

/* Takes what is inside a value. Returns the worst of it. */
static enum change change_below(const struct reader *reader, const struct value *value,
                                struct bytes_in *in, unsigned depth)
{
    enum change worst = CHANGE_FIXED;
    uint64_t n = value_children(value);
    for (uint64_t i = 0; i < n && !in->bad; i++) {
        if (value->tag == RL_VALUE_OBJECT) {
            (void)bytes_varint(in);
        }
        enum change change = next_change(reader, in, depth + 1);
        worst = change > worst ? change : worst;
    }
    return worst;
}

enum change doubt_change(const struct reader *reader, const uint8_t *bytes, size_t len)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    enum change change = next_change(reader, &in, 0);
    return in.bad ? CHANGE_DEEP : change;
}

int doubt_takes_turns(const uint8_t *bytes, size_t len)
{
    struct bytes_in in = bytes_in_of(bytes, len);
    struct value value;
    if (value_next(&in, &value) != RL_OK) {
        return 1;
    }
    switch (value.tag) {
    case RL_VALUE_UNSET:
    case RL_VALUE_NONE:
    case RL_VALUE_FALSE:
    case RL_VALUE_TRUE:
    case RL_VALUE_INT:
    case RL_VALUE_BIG_INT:
    case RL_VALUE_BIG_INT_CUT:
    case RL_VALUE_FLOAT:
    case RL_VALUE_STR:
    case RL_VALUE_STR_CUT:
    case RL_VALUE_STR_ODD:
    case RL_VALUE_BYTES:
    case RL_VALUE_BYTES_CUT:
    case RL_VALUE_TUPLE:
    case RL_VALUE_LABEL:
        return 0;
    default:
        return 1;
    }
}
