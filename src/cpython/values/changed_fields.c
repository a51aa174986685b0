/* Part of remembered_parts.h. Why: most instances that are shown again have changed in a field or
 * two. Only these are proven, encoded and written:
 *
 *    words | type, keys | place of a, its content | place of b, its content |
 *                         hold: skipped             differ: replaced, and so is the value in bytes
 *
 * A float, and an instance that is not opened, are what most fields get. Their words and bytes are
 * as many as before, so they are put over the old ones at once.
 *
 * Invariants: an object that cannot be written in this way is not written at all. Where some of its
 * showing was replaced by then, `words` becomes 0. Otherwise words and bytes are those of the
 * object now. */
#include <string.h>

#include "remembered_parts.h"

/* What an event has counted of secrets and redactions. */
struct counts {
    struct policy_stats stats;
    uint64_t taken_out;
    size_t least;
    unsigned secrets, key_lines;
    int is_reviewed;
};

/* An instance while its changed fields are written. */
struct change {
    struct capture *c;
    struct place *at;
    PyObject *object;
    unsigned written; /* fields */
    unsigned instances;
    int is_replaced;      /* some of the showing was replaced */
    int is_entered;       /* a value was captured inside the instance */
    struct counts before; /* it was entered */
};

static struct counts get_counts(const struct capture *c)
{
    return (struct counts){policy_stats,    policy_taken_out, c->least,
                           c->secret_count, c->key_lines,     c->is_reviewed};
}

static void set_counts(struct capture *c, const struct counts *counts)
{
    policy_stats = counts->stats;
    policy_taken_out = counts->taken_out;
    c->least = counts->least;
    c->secret_count = counts->secrets;
    c->key_lines = counts->key_lines;
    c->is_reviewed = counts->is_reviewed;
}

/* Puts new words in the place of those of a part. Returns 0 where they have no room. */
static int replace_words(struct remembered *r, struct place *at, unsigned part, size_t count)
{
    struct part *one = &at->parts.of[part];
    struct showing *showing = &at->whole;
    struct proof_word *words = words_of(r, showing);
    size_t after = (size_t)one->word + one->words, moved = count - one->words;
    if (moved != 0) {
        if (showing->words + moved > showing->word_room) {
            return 0;
        }
        memmove(words + after + moved, words + after, (showing->words - after) * sizeof *words);
        showing->words = (uint16_t)(showing->words + moved);
        for (unsigned i = part + 1; i < at->parts.count; i++) {
            at->parts.of[i].word = (uint16_t)(at->parts.of[i].word + moved);
        }
    }
    memcpy(words + one->word, &r->words[r->used_words], count * sizeof *words);
    one->words = (uint16_t)count;
    return 1;
}

/* Makes room for `grown` more bytes of a showing. Returns 0 where there is none. */
static int widen_bytes(struct remembered *r, struct showing *showing, size_t grown)
{
    size_t size = showing->bytes + grown, room = size + size / 4;
    if (size > SHOWING_MOST) {
        return 0;
    }
    if (size > showing->byte_room) {
        showing->byte_room = (uint16_t)(room < SHOWING_MOST ? room : SHOWING_MOST);
        memcpy(&r->bytes[r->used_bytes], bytes_of(r, showing), showing->bytes);
        showing->first_byte = r->used_bytes;
        r->used_bytes += showing->byte_room;
    }
    return 1;
}

/* Puts a new value of a field in the place of the old one. There is room. */
static void replace_value(uint8_t *bytes, struct place *at, unsigned changed, const uint8_t *from,
                          size_t size)
{
    struct parts *parts = &at->parts;
    struct part *part = &parts->of[changed];
    uint8_t *value = bytes + part->value, *after = bytes + part->after;
    ptrdiff_t moved = (ptrdiff_t)size - (after - value);
    if (moved != 0) {
        memmove(after + moved, after, (size_t)(bytes + at->whole.bytes - after));
        at->whole.bytes = (uint16_t)(at->whole.bytes + moved);
        part->after = (uint16_t)(part->after + moved);
        for (unsigned i = changed + 1; i < parts->count; i++) {
            parts->of[i].value = (uint16_t)(parts->of[i].value + moved);
            parts->of[i].after = (uint16_t)(parts->of[i].after + moved);
        }
    }
    memcpy(value, from, size);
}

/* Writes a field with an exact float in the place of a value of as many words and bytes. */
static inline void put_float(struct change *change, unsigned index, struct proof_word *words,
                             PyObject *value, uint8_t *kept)
{
    struct capture *c = change->c;
    uint64_t bits;
    memcpy(&bits, &((PyFloatObject *)value)->ob_fval, sizeof bits);
    proof_put_float(words, value, bits);
    change->is_replaced = 1;
    if (kept[0] == RL_VALUE_FLOAT && get64(kept + 1) == bits) {
        return; /* another object with the same value */
    }
    c->p[0] = (uint8_t)index;
    c->p = put_plain_float(c->p + 1, PyFloat_AS_DOUBLE(value));
    put_plain_float(kept, PyFloat_AS_DOUBLE(value));
    change->written++;
}

/* Returns whether a part is an instance that is not opened, and the value is one of the same type,
 * which has not changed. A container would have the word of its length. */
static inline int is_same_reference(const struct part *part, const struct proof_word *words,
                                    PyObject *value, const uint8_t *kept)
{
    return kept[0] == RL_VALUE_DEEP && part->words == PROOF_OF_REFERENCE &&
           words[1].word == (uint64_t)(uintptr_t)Py_TYPE(value) &&
           proof_is_of_type(words + 2, Py_TYPE(value));
}

/* Writes a field with such an instance: only its address is another one. */
static inline void put_same_reference(struct change *change, unsigned index,
                                      struct proof_word *words, PyObject *value, uint8_t *kept,
                                      size_t size)
{
    struct capture *c = change->c;
    uint64_t address = (uint64_t)(uintptr_t)value;
    words[0].word = address;
    words[1].at = &value->ob_type;
    change->is_replaced = 1;
    put32(kept + 1, (uint32_t)address);
    put16(kept + 5, (uint16_t)(address >> 32));
    c->p[0] = (uint8_t)index;
    memcpy(c->p + 1, kept, READ_AHEAD);
    c->p += 1 + size;
    change->written++;
}

/* Keeps what was written at `from` as the value of a field. Removes it where it has the same bytes
 * as before. Returns 0 where it has no room. */
static int keep_value(struct change *change, unsigned index, const uint8_t *from)
{
    struct capture *c = change->c;
    struct remembered *r = c->remembered;
    struct showing *showing = &change->at->whole;
    const struct part *part = &change->at->parts.of[index];
    size_t size = (size_t)(c->p - from), before = (size_t)(part->after - part->value);
    if (size == before && memcmp(from, bytes_of(r, showing) + part->value, size) == 0) {
        c->p -= 1 + size;
        return 1;
    }
    if (size > before && !widen_bytes(r, showing, size - before)) {
        return 0;
    }
    replace_value(bytes_of(r, showing), change->at, index, from, size);
    change->written++;
    return 1;
}

/* Proves and writes a field with any value. Returns 0 where that is not possible. */
static __attribute__((noinline)) int put_any_field(struct change *change, unsigned index,
                                                   PyObject *const *place)
{
    struct capture *c = change->c;
    struct remembered *r = c->remembered;
    const struct proof_room room = {&r->words[r->used_words], WORDS_MOST};
    size_t count = proof_collect_field(place, c->limits, c->lane, room);
    if (count == 0 || !replace_words(r, change->at, index, count)) {
        return 0;
    }
    change->is_replaced = 1;
    if (!change->is_entered) {
        change->before = get_counts(c);
        if (!captured_enter_fields(c, change->object)) {
            return 0;
        }
        change->is_entered = 1;
    }
    uint8_t *from = c->p + 1;
    *c->p = (uint8_t)index;
    c->p = captured_field(c, from, *place, change->at->parts.of[index].action);
    return keep_value(change, index, from);
}

/* Writes a field whose words have changed. Returns 0 where that is not possible. */
static inline int put_field(struct change *change, unsigned index)
{
    struct remembered *r = change->c->remembered;
    const struct part *part = &change->at->parts.of[index];
    struct proof_word *words = words_of(r, &change->at->whole) + part->word;
    uint8_t *kept = bytes_of(r, &change->at->whole) + part->value;
    PyObject *const *place = words[0].at;
    PyObject *value = *place;
    size_t size = (size_t)(part->after - part->value);
    if (value == NULL || change->c->p >= change->c->soft) {
        return 0;
    }
    if (part->action != FILTER_ALLOW) {
        return put_any_field(change, index, place);
    }
    if (Py_TYPE(value) == &PyFloat_Type && part->words == PROOF_OF_FLOAT &&
        size == 1 + sizeof(double)) {
        put_float(change, index, words, value, kept);
        return 1;
    }
    if (is_same_reference(part, words, value, kept)) {
        put_same_reference(change, index, words, value, kept, size);
        return 1;
    }
    return put_any_field(change, index, place);
}

/* Writes all fields that have changed. Returns 0 where something else has changed, or one of them
 * cannot be written. */
static inline int put_fields(struct change *change, size_t held)
{
    const struct place *at = change->at;
    const struct proof_word *words = words_of(change->c->remembered, &at->whole);
    size_t begin = 0; /* of the words of the head behind the part before */
    unsigned i = 0;
    for (; i < at->parts.count; i++) {
        size_t after = (size_t)at->parts.of[i].word + at->parts.of[i].words;
        if (after > held) {
            break;
        }
        begin = after;
    }
    for (; i < at->parts.count; i++) {
        const struct part *part = &at->parts.of[i];
        if (!proof_holds(words + begin, part->word - begin) ||
            (!proof_holds(words + part->word, part->words) && !put_field(change, i))) {
            return 0;
        }
        begin = (size_t)part->word + part->words;
    }
    return change->is_replaced && proof_holds(words + begin, at->whole.words - begin);
}

/* Ends an instance that was entered. Returns 0 where its showing may depend on how many instances
 * the event has shown. */
static int leave_fields(struct change *change)
{
    struct capture *c = change->c;
    struct showing *showing = &change->at->whole;
    int is_whole = c->instances != 0;
    captured_leave_fields(c);
    showing->instances = (uint8_t)(change->instances - c->instances);
    c->instances = change->instances;
    return is_whole;
}

/* Compares what is kept, after changes were written at `from`, with the showing in full. */
static void check_changes(struct capture *c, const struct showing *showing, uint8_t *from,
                          PyObject *object)
{
    uint8_t written[SHOWING_MOST];
    size_t size = (size_t)(c->p - from);
    memcpy(written, from, size);
    c->p = from;
    remembered_check(c, showing, object);
    memcpy(from, written, size);
    c->p = from + size;
}

int changed_fields_put(struct capture *c, struct place *at, PyObject *object, size_t held)
{
    struct showing *showing = &at->whole;
    if (showing->words == 0 || at->parts.count == 0 || showing->instances != 1 ||
        !has_room(c, showing)) {
        return 0;
    }
    struct change change;
    change.c = c;
    change.at = at;
    change.object = object;
    change.written = 0;
    change.instances = c->instances;
    change.is_replaced = change.is_entered = 0;
    uint8_t *from = c->p;
    put_mark(c, showing, RL_VALUE_CHANGED);
    uint8_t *count_at = c->p++;
    int is_whole = put_fields(&change, held);
    is_whole &= !change.is_entered || leave_fields(&change);
    if (!is_whole || from + showing->bytes >= c->soft) {
        c->p = from;
        if (change.is_entered) {
            set_counts(c, &change.before);
        }
        showing->words = change.is_replaced ? 0 : showing->words;
        return 0;
    }
    if (change.written == 0) {
        c->p = from;
        put_reference(c, showing, object);
        return 1;
    }
    *count_at = (uint8_t)change.written;
    if (__builtin_expect(remembering.mode == REMEMBERING_CHECKED, 0)) {
        check_changes(c, showing, from, object);
    }
    note_reference(c, showing, from);
    if (change.is_entered && policy_taken_out != change.before.taken_out) {
        showing->words = 0; /* what is taken out is counted each time */
    }
    return 1;
}
