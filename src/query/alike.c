/* Why: `diff` compares millions of events of two runs, of which nearly all are equal.
 *
 * Invariants: values are walked as value.h gives them, so nesting is bounded. Where the bytes are
 * no value, the rest of them is left out of the hash: the reader has said that they are damaged.
 * Where there is no memory for the table of a text, its hash is computed each time. */
#include "alike.h"

#include <string.h>

#include "after_exception.h"
#include "alloc.h"
#include "map.h"
#include "value.h"

enum { ADDRESS_DIGITS_MIN = 7 }; /* in a repr: objects are above 16 MiB */

void alike_init(struct alike *alike, const struct reader *reader, const struct siphash_key *key)
{
    *alike = (struct alike){.reader = reader, .key = *key};
    alike->seed = siphash(key, "seed", 4);
    alike->factor = siphash(key, "factor", 6) | 1;
    alike->base = siphash(key, "base", 4) % (ALIKE_PRIME - 2) + 2;
}

void alike_fini(struct alike *alike)
{
    rl_free(alike->texts.items);
    rl_free(alike->functions.items);
    alike->texts = alike->functions = (struct alike_words){0};
}

void alike_run_join(const struct alike *alike, struct alike_run *run, const struct alike_run *more)
{
    uint64_t power = 1, square = alike->base;
    for (uint64_t left = more->events; left != 0; left >>= 1) {
        power = (left & 1) != 0 ? alike_multiply(power, square, 0) : power;
        square = alike_multiply(square, square, 0);
    }
    run->sum = alike_multiply(run->sum, power, more->sum);
    run->events += more->events;
}

/* ---- words ---- */

/* Returns the entry of an id, which may be new; NULL = it is to be computed each time. `count` is
 * how many ids the recording has: they are numbered from 1. */
static struct alike_word *word_of(struct alike_words *words, uint32_t id, size_t count)
{
    if (id < words->cap) {
        return &words->items[id];
    }
    if (id > count) {
        return NULL;
    }
    size_t cap = words->cap;
    void *items = words->items;
    if (rl_grow(&items, &words->cap, (size_t)id + 1, sizeof *words->items) != 0) {
        return NULL;
    }
    words->items = items;
    memset(words->items + cap, 0, (words->cap - cap) * sizeof *words->items);
    return &words->items[id];
}

/* Returns the hash of a text by its id. */
static uint64_t text_hash(struct alike *alike, uint32_t id)
{
    struct alike_word *word = word_of(&alike->texts, id, alike->reader->strings.count);
    if (word != NULL && word->hash != 0) {
        return word->hash;
    }
    struct text text = reader_string(alike->reader, id);
    uint64_t hash = siphash(&alike->key, text.data, text.len);
    if (word != NULL) {
        word->hash = hash;
    }
    return hash;
}

/* Returns the hash of a function's module and name, and its first line. */
static struct alike_word function_of(struct alike *alike, uint32_t id)
{
    struct alike_word *word = word_of(&alike->functions, id, alike->reader->code_count);
    if (word != NULL && word->hash != 0) {
        return *word;
    }
    struct code_text code = reader_code(alike->reader, id);
    struct alike_word made = {
        alike_add(alike, siphash(&alike->key, code.module.data, code.module.len),
                  siphash(&alike->key, code.qualname.data, code.qualname.len)),
        code.line};
    if (word != NULL) {
        *word = made;
    }
    return made;
}

/* ---- values ---- */

static int is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Returns the end of the address whose "x" is at `x`; NULL = it is no address. In a text that
 * stands for an object each 0x7f01 is one. In a string of the program an address needs the form of
 * a repr: <object at 0x7f01a2b3>. A number such as 0xff may be what the program has computed. */
static const uint8_t *address_end(const struct value *text, const uint8_t *from, const uint8_t *x)
{
    static const char before[] = " at 0";
    const size_t len = sizeof before - 1;
    const uint8_t *end = text->bytes + text->size, *digit = x + 1;
    while (digit < end && is_hex(*digit)) {
        digit++;
    }
    if (text->tag == RL_VALUE_TEXT) {
        return x > from && x[-1] == '0' && digit > x + 1 ? digit : NULL;
    }
    int is_cut = text->tag == RL_VALUE_STR_CUT || text->tag == RL_VALUE_BYTES_CUT;
    int is_long = digit - x - 1 >= ADDRESS_DIGITS_MIN || (digit == end && is_cut);
    int is_shown = (size_t)(x - from) > len && memcmp(x - len, before, len) == 0 &&
                   memchr(from, '<', (size_t)(x - from)) != NULL;
    return is_shown && is_long ? digit : NULL;
}

/* Returns the hash of a text or a string without the addresses in it. *left_out gets their size. */
static uint64_t shown_hash(const struct alike *alike, const struct value *text, size_t *left_out)
{
    const uint8_t *from = text->bytes, *at = from, *end = from + text->size;
    uint64_t hash = alike->seed;
    *left_out = 0;
    while (at < end && (at = memchr(at, 'x', (size_t)(end - at))) != NULL) {
        const uint8_t *after = address_end(text, from, at++);
        if (after != NULL) {
            hash = alike_add(alike, hash, siphash(&alike->key, from, (size_t)(at - from)));
            *left_out += (size_t)(after - at);
            from = at = after;
        }
    }
    return alike_add(alike, hash, siphash(&alike->key, from, (size_t)(end - from)));
}

/* Returns whether a value is a text, or a string or bytes of the program. */
static int has_text(const struct value *value)
{
    switch (value->tag) {
    case RL_VALUE_TEXT:
    case RL_VALUE_STR:
    case RL_VALUE_STR_ODD:
    case RL_VALUE_STR_CUT:
    case RL_VALUE_BYTES:
    case RL_VALUE_BYTES_CUT:
        return 1;
    default:
        return 0;
    }
}

static uint64_t value_hash(struct alike *alike, struct bytes_in *in);

/* Returns the hash of a set's items, in whatever order they come. Where only some are shown, chance
 * has chosen them: 0. */
static uint64_t set_hash(struct alike *alike, struct bytes_in *in, const struct value *set)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < set->shown && !in->bad; i++) {
        sum += map_mix(value_hash(alike, in));
    }
    return set->shown == set->len ? sum : 0;
}

static uint64_t number_hash(const struct alike *alike, uint64_t number)
{
    return alike_add(alike, alike->seed + RL_VALUE_INT, number);
}

/* Returns the hash of what a node itself says. A tag has either the number or the rest. */
static uint64_t node_hash(struct alike *alike, const struct value *value)
{
    size_t left_out = 0;
    uint64_t text = 0;
    if (value->tag == RL_VALUE_INT) {
        return number_hash(alike, (uint64_t)value->number);
    }
    uint64_t hash = alike_add(alike, alike->seed, value->tag | (uint64_t)value->flags << 32);
    if (value->tag == RL_VALUE_FLOAT && value->size == 8) {
        return alike_add(alike, hash, get64(value->bytes));
    }
    if (value->bytes != NULL) {
        text = has_text(value) ? shown_hash(alike, value, &left_out)
                               : siphash(&alike->key, value->bytes, value->size);
    }
    hash = alike_add(alike, hash, (uint64_t)value->number);
    hash = alike_add(alike, hash, value->tag != RL_VALUE_TEXT ? value->len - left_out : 0);
    if (value->type != 0) {
        hash = alike_add(alike, hash, text_hash(alike, value->type));
    }
    if (value->label != 0) {
        hash = alike_add(alike, hash, text_hash(alike, value->label));
    }
    return value->bytes != NULL ? alike_add(alike, hash, text) : hash;
}

/* Takes one whole value and returns its hash. */
static uint64_t value_hash(struct alike *alike, struct bytes_in *in)
{
    struct value value;
    if (bytes_left(in) != 0 && *in->at >= RL_VALUE_SMALL) { /* a small int is its tag */
        uint64_t number = (uint64_t)*in->at++ - RL_VALUE_SMALL_ZERO;
        return number_hash(alike, number);
    }
    if (value_next(in, &value) != RL_OK) {
        in->bad = 1;
        return 0;
    }
    uint64_t hash = node_hash(alike, &value), count = value_children(&value);
    if (value.tag == RL_VALUE_SET || value.tag == RL_VALUE_FROZENSET) {
        return alike_add(alike, hash, set_hash(alike, in, &value));
    }
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        if (value.tag == RL_VALUE_OBJECT) {
            hash = alike_add(alike, hash, text_hash(alike, (uint32_t)bytes_varint(in)));
        }
        hash = alike_add(alike, hash, value_hash(alike, in));
    }
    return hash;
}

/* Returns the hash of values that follow each other. */
static uint64_t values_hash(struct alike *alike, struct bytes_in *in)
{
    uint64_t hash = alike->seed;
    while (bytes_left(in) != 0 && !in->bad) {
        hash = alike_add(alike, hash, value_hash(alike, in));
    }
    return hash;
}

/* Returns the hash of the variable that a write names, and moves behind the name. */
static uint64_t written_name(struct alike *alike, const struct event_out *event,
                             struct bytes_in *in)
{
    uint64_t hash = alike->seed, word = bytes_varint(in);
    if ((word & 3) == RL_WRITE_ITEM) {
        hash = alike_add(alike, hash + word, value_hash(alike, in));
        word = bytes_varint(in);
    }
    uint64_t number = word >> 3;
    if ((word & 3) == RL_WRITE_SLOT) {
        struct code_text code = reader_code(alike->reader, event->id);
        number = number < code.name_count ? code.names[number] : 0;
    }
    return alike_add(alike, hash, text_hash(alike, (uint32_t)number));
}

/* Returns a line as its distance from the function's first one: lines above may have been added. */
static uint64_t line_in(struct alike_word function, const struct event_out *event)
{
    return event->line != 0 ? event->line - function.line + 1 : 0;
}

uint64_t alike_step(struct alike *alike, const struct event_out *event)
{
    uint64_t hash = alike_add(alike, alike->seed + event->kind, function_of(alike, event->id).hash);
    int has_type = event->kind == RL_EVENT_UNWIND || event->kind == RL_EVENT_THROW;
    return has_type && event->exc != 0 ? alike_add(alike, hash, text_hash(alike, event->exc))
                                       : hash;
}

struct alike_event alike_of(struct alike *alike, const struct event_out *event, int has_values)
{
    struct bytes_in in = bytes_in_of(event->values, has_values ? event->values_len : 0);
    unsigned kind = event->kind == RL_EVENT_RUNNING ? RL_EVENT_CALL : event->kind;
    struct alike_event found = {alike->seed + kind, 0};
    if (kind == RL_EVENT_OUTPUT) {
        found.what = alike_add(alike, found.what, event->id);
        const struct value text = {.tag = RL_VALUE_STR, .bytes = in.at, .size = bytes_left(&in)};
        size_t left_out;
        found.with = shown_hash(alike, &text, &left_out);
        return found;
    }
    struct alike_word function = function_of(alike, event->id);
    found.what = alike_add(alike, found.what, function.hash);
    switch (kind) {
    case RL_EVENT_LINE:
        found.what = alike_add(alike, found.what, line_in(function, event));
        return found;
    case RL_EVENT_WRITE:
        if (bytes_left(&in) != 0) {
            found.what = alike_add(alike, found.what, written_name(alike, event, &in));
        }
        break;
    case RL_EVENT_RAISE:
    case RL_EVENT_UNWIND:
    case RL_EVENT_THROW:
    case RL_EVENT_HANDLED:
        found.what =
            alike_add(alike, found.what, event->exc != 0 ? text_hash(alike, event->exc) : 0);
        found.what = alike_add(alike, found.what, line_in(function, event));
        found.with = bytes_left(&in) != 0 ? value_hash(alike, &in) : 0; /* frames follow it */
        return found;
    default:
        break;
    }
    found.with = bytes_left(&in) != 0 ? values_hash(alike, &in) : 0;
    return found;
}
