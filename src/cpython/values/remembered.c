/* Why: see remembered.h. */
#include "remembered.h"

#include <string.h>

#include "capture_parts.h"
#include "instance.h"
#include "parts.h"
#include "proof.h"
#include "state.h"

#include "alloc.h"

enum {
    PLACES = RL_REMEMBERED,
    WORDS = 16384,    /* of all proofs; 16 bytes each */
    BYTES = 131072,   /* of all showings */
    WORDS_MOST = 320, /* of one proof */
    VIEWS = 8,
    SHOWING_MOST = 4096 /* bytes of one */
};

/* What decides how an object is shown, besides the object. */
struct view {
    const struct filter_set *set;
    size_t least;
    struct value_limits limits;
};

struct place {
    PyObject *object;   /* compared only; NULL = none */
    uint32_t age, view; /* a place of another age is free */
    uint32_t first_word, first_byte;
    uint16_t words, bytes; /* 0 words: it is not remembered */
    uint16_t word_room, byte_room;
    uint8_t instances; /* that are opened in it */
    uint8_t credit;    /* what proofs may cost; each that holds earns 1 */
    struct parts parts;
};
enum { CREDIT_FIRST = 4, CREDIT_MOST = 8, PROOF_COSTS = 2, APART_LEAST = 8, APART_MOST = 512 };

struct remembered {
    uint64_t stamp, chunk;
    uint32_t name_stamp, types;
    uint32_t used_words, used_bytes;
    uint32_t turn;  /* counts objects that came without credit */
    uint32_t apart; /* a proof is collected for one of so many of these */
    uint32_t age, view;
    uint32_t view_count;
    struct view views[VIEWS];
    struct place places[PLACES];
    uint8_t last[PLACES / 2]; /* which of two places was used last */
    struct proof_word words[WORDS];
    uint8_t bytes[BYTES];
};

struct remembering_test remembering = {REMEMBERING_ON, 0, 0};

static void forget(struct remembered *r)
{
    r->age++;
    r->used_words = r->used_bytes = 0;
    r->view = r->view_count = 0;
}

void remembered_forget(struct capture *c)
{
    if (c->remembered != NULL) {
        forget(c->remembered);
    }
}

uint64_t remembered_chunk(const struct capture *c)
{
    return c->remembered->chunk;
}

void remembered_free(struct capture *c)
{
    rl_free(c->remembered);
}

/* Returns whether what is remembered is of this chunk, and what it depends on is as it was. */
static int is_of_now(const struct remembered *r, const struct capture *c)
{
    return r->chunk == c->lane->chunk && r->stamp == recording.stamp &&
           r->name_stamp == recording.name_stamp && r->types == typeinfo_changes &&
           r->used_words <= WORDS - 2 * WORDS_MOST && r->used_bytes <= BYTES - SHOWING_MOST;
}

static inline int is_view_of(const struct view *view, const struct capture *c)
{
    return view->set == (c->policy != NULL ? c->policy->set : NULL) && view->least == c->least &&
           view->limits.depth == c->limits->depth && view->limits.items == c->limits->items &&
           view->limits.bytes == c->limits->bytes;
}

/* Makes the view of the event the current one. */
static void find_view(struct remembered *r, const struct capture *c)
{
    if (__builtin_expect(r->view < r->view_count && is_view_of(&r->views[r->view], c), 1)) {
        return;
    }
    for (r->view = 0; r->view < r->view_count; r->view++) {
        if (is_view_of(&r->views[r->view], c)) {
            return;
        }
    }
    if (r->view_count == VIEWS) {
        forget(r);
    }
    r->views[r->view_count++] =
        (struct view){c->policy != NULL ? c->policy->set : NULL, c->least, *c->limits};
}

void remembered_begin(struct capture *c)
{
    if (listener.is_on || remembering.mode == REMEMBERING_OFF || c->is_reviewed ||
        c->key_lines != 0) {
        return;
    }
    struct remembered *r = c->remembered;
    if (r == NULL) {
        r = c->remembered = rl_zalloc(1, sizeof *r);
        if (r == NULL) {
            return;
        }
        r->apart = APART_LEAST;
    }
    if (!is_of_now(r, c)) {
        forget(r);
        r->stamp = recording.stamp;
        r->chunk = c->lane->chunk;
        r->name_stamp = recording.name_stamp;
        r->types = typeinfo_changes;
    }
    find_view(r, c);
    c->refers = 1;
}

/* Returns whether the place is for the object as this event shows it. */
static inline int is_place_of(const struct place *at, const struct remembered *r,
                              const PyObject *object)
{
    return at->object == object && at->age == r->age && at->view == r->view;
}

/* Returns the place of an object, or the one that it may take: two objects share each, and the one
 * that was shown last stays. */
static inline struct place *place_of(struct remembered *r, const PyObject *object)
{
    uint64_t key = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >> 56;
    struct place *at = &r->places[2 * key];
    unsigned way = is_place_of(&at[0], r, object)   ? 0
                   : is_place_of(&at[1], r, object) ? 1
                                                    : !r->last[key];
    r->last[key] = (uint8_t)way;
    return at + way;
}
_Static_assert(PLACES == 2 << (64 - 56), "place_of() makes an index of this many bits");

/* Notes where in the event a reference or a number is, and the bytes that it means. */
static void note_mark(struct capture *c, const struct place *at, const uint8_t *from, size_t size,
                      size_t bytes)
{
    c->marks[c->mark_count++] = (struct capture_mark){
        .at = (uint16_t)(from - c->bytes),
        .size = (uint16_t)size,
        .bytes = (uint16_t)bytes,
        .first_byte = at->first_byte,
    };
}

/* Returns how many bytes a tag and the number of a place take. */
static inline size_t mark_size(const struct remembered *r, const struct place *at)
{
    return at - r->places < 128 ? 2 : 3;
}

static void put_mark(struct capture *c, const struct place *at, unsigned tag)
{
    capture_put_tag(c, tag);
    capture_put_number(c, (uint64_t)(at - c->remembered->places));
}

/* Notes what was written at `from` in place of the object. The room and the instances that its
 * showing would take are taken, so that the values after it are shown as they would be. */
static void note_reference(struct capture *c, const struct place *at, const uint8_t *from)
{
    size_t size = (size_t)(c->p - from);
    note_mark(c, at, from, size, at->bytes);
    c->soft -= at->bytes - size;
    c->instances -= at->instances;
}

static void put_reference(struct capture *c, const struct place *at)
{
    const uint8_t *from = c->p;
    put_mark(c, at, RL_VALUE_AGAIN);
    note_reference(c, at, from);
}

/* Returns whether all of the object has room as it was shown last time. */
static inline int has_room(const struct capture *c, const struct place *at)
{
    return at->instances < c->instances && c->p + at->bytes < c->soft;
}

/* Shows the object in full behind the event, and compares that with what is remembered. */
static void check_reference(struct capture *c, const struct place *at, PyObject *object)
{
    uint8_t *from = c->p;
    unsigned instances = c->instances;
    c->refers = 0;
    capture_by_type(c, object);
    int is_right = (size_t)(c->p - from) == at->bytes &&
                   memcmp(from, &c->remembered->bytes[at->first_byte], at->bytes) == 0;
    *(is_right ? &remembering.right : &remembering.wrong) += 1;
    c->refers = 1;
    c->p = from;
    c->instances = instances;
}

/* Returns whether an event refers to the place already: its bytes are still needed then. */
static int is_in_use(const struct capture *c, const struct place *at)
{
    for (unsigned i = 0; i < c->mark_count; i++) {
        if (c->marks[i].first_byte == at->first_byte) {
            return 1;
        }
    }
    return 0;
}

/* Returns whether a proof is worth its time: collecting one takes as long as showing the object.
 * Objects that seldom stay the same are tried at each eighth showing. While no proof of any object
 * holds, they are tried more and more seldom. */
static int has_credit(struct remembered *r, struct place *at)
{
    if (at->credit < PROOF_COSTS) {
        if (++r->turn < r->apart) {
            return 0;
        }
        r->turn = 0;
        r->apart = r->apart < APART_MOST ? 2 * r->apart : APART_MOST;
        return 1;
    }
    at->credit = (uint8_t)(at->credit - PROOF_COSTS);
    return 1;
}

/* Keeps the proof that was collected behind the others: where the one before was, if it fits. New
 * room is a quarter larger, for fields that grow. */
static void keep_words(struct remembered *r, struct place *at, size_t count)
{
    if (count <= at->word_room) {
        memcpy(&r->words[at->first_word], &r->words[r->used_words], count * sizeof *r->words);
    } else {
        at->first_word = r->used_words;
        at->word_room = (uint16_t)(count + count / 4);
        r->used_words += at->word_room;
    }
    at->words = (uint16_t)count;
}

static void keep_bytes(struct remembered *r, struct place *at, const uint8_t *from, size_t count)
{
    if (count > at->byte_room) {
        at->first_byte = r->used_bytes;
        at->byte_room = (uint16_t)count;
        r->used_bytes += (uint32_t)count;
    }
    memcpy(&r->bytes[at->first_byte], from, count);
    at->bytes = (uint16_t)count;
}

/* Keeps the parts of what was written at `from`, if proof and showing have the same. */
static void keep_parts(struct place *at, const struct parts *parts, size_t from)
{
    at->parts.count = 0;
    if (parts->count == parts->noted) {
        at->parts = *parts;
    }
    for (unsigned i = 0; i < at->parts.count; i++) {
        at->parts.of[i].value = (uint16_t)(at->parts.of[i].value - from);
        at->parts.of[i].after = (uint16_t)(at->parts.of[i].after - from);
    }
}

/* Returns whether an instance has no attribute, as at the begin of its __init__(). Objects come
 * again at the same address. So what is remembered of the one before is kept, since the next
 * showings of this one will be like it. */
static int is_bare(const struct remembered *r, const struct place *at, PyObject *object)
{
#if HAS_MANAGED_DICT
    struct instance_values v;
    if (instance_values_get(object, &v)) {
        return v.set == 0;
    }
#else
    (void)object;
#endif
    const struct proof_word *words = &r->words[at->first_word];
    size_t done = 0;
    for (unsigned i = 0; i < at->parts.count && at->words != 0; i++) {
        const struct part *part = &at->parts.of[i];
        PyObject *const *place = words[part->word].at;
        if (!proof_holds(words + done, part->word - done) || *place != NULL) {
            return 0;
        }
        done = (size_t)part->word + part->words;
    }
    return done != 0;
}

/* What an event has counted of secrets and redactions. */
struct counts {
    struct policy_stats stats;
    uint64_t taken_out;
    size_t least;
    unsigned secrets, key_lines;
    int is_reviewed;
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
    struct proof_word *words = &r->words[at->first_word];
    size_t after = (size_t)one->word + one->words, moved = count - one->words;
    if (moved != 0) {
        if (at->words + moved > at->word_room) {
            return 0;
        }
        memmove(words + after + moved, words + after, (at->words - after) * sizeof *words);
        at->words = (uint16_t)(at->words + moved);
        for (unsigned i = part + 1; i < at->parts.count; i++) {
            at->parts.of[i].word = (uint16_t)(at->parts.of[i].word + moved);
        }
    }
    memcpy(words + one->word, &r->words[r->used_words], count * sizeof *words);
    one->words = (uint16_t)count;
    return 1;
}

/* Finds the fields that have changed, and proves them; the first `held` words have not changed.
 * Returns how many they are; 0 where something else has changed, or one of them cannot be proven.
 */
static unsigned prove_changed(struct capture *c, struct place *at, size_t held,
                              struct changed_field changed[PARTS_MOST])
{
    struct remembered *r = c->remembered;
    const struct proof_room room = {&r->words[r->used_words], WORDS_MOST};
    const struct proof_word *words = &r->words[at->first_word];
    unsigned count = 0;
    size_t begin = 0; /* of the words of the head behind the part before */
    for (unsigned i = 0; i < at->parts.count; i++) {
        const struct part *part = &at->parts.of[i];
        size_t after = (size_t)part->word + part->words;
        if (count == 0 && after <= held) {
            begin = after;
            continue;
        }
        if (!proof_holds(words + begin, part->word - begin)) {
            break;
        }
        if (!proof_holds(words + part->word, part->words)) {
            PyObject *const *place = words[part->word].at;
            size_t n = proof_collect_field(place, c->limits, c->lane, room);
            if (n == 0 || !replace_words(r, at, i, n)) {
                at->words = count == 0 ? at->words : 0;
                return 0;
            }
            changed[count++] = (struct changed_field){.value = *place, .part = i};
        }
        begin = (size_t)part->word + part->words;
    }
    if (!proof_holds(words + begin, at->words - begin)) {
        at->words = count == 0 ? at->words : 0;
        return 0;
    }
    return count;
}

/* Leaves room for the number of a place before what is written next. Returns where that begins. */
static uint8_t *begin_number(struct capture *c, const struct place *at)
{
    size_t size = mark_size(c->remembered, at);
    c->p += size;
    c->soft += size;
    return c->p;
}

/* Gives what was written at `from` the number of the place, and keeps it. */
static void put_number(struct capture *c, struct place *at, uint8_t *from)
{
    size_t bytes = (size_t)(c->p - from), size = mark_size(c->remembered, at);
    keep_bytes(c->remembered, at, from, bytes);
    c->p = from - size;
    note_mark(c, at, c->p, size, 0);
    put_mark(c, at, RL_VALUE_REMEMBERED);
    c->p += bytes;
}

/* Leaves what was written at `from` without a number. */
static void put_without_number(struct capture *c, const struct place *at, uint8_t *from)
{
    size_t bytes = (size_t)(c->p - from), size = mark_size(c->remembered, at);
    memmove(from - size, from, bytes);
    c->p -= size;
    c->soft -= size;
}

/* Compares what is kept, after changes were written at `from`, with the showing in full. */
static void check_changes(struct capture *c, const struct place *at, uint8_t *from,
                          PyObject *object)
{
    uint8_t written[SHOWING_MOST];
    size_t size = (size_t)(c->p - from);
    memcpy(written, from, size);
    c->p = from;
    check_reference(c, at, object);
    memcpy(from, written, size);
    c->p = from + size;
}

/* Makes room for `grown` more bytes of what a place remembers. Returns 0 where there is none. */
static int widen_bytes(struct remembered *r, struct place *at, size_t grown)
{
    size_t size = at->bytes + grown, room = size + size / 4;
    if (size > SHOWING_MOST) {
        return 0;
    }
    if (size > at->byte_room) {
        at->byte_room = (uint16_t)(room < SHOWING_MOST ? room : SHOWING_MOST);
        memcpy(&r->bytes[r->used_bytes], &r->bytes[at->first_byte], at->bytes);
        at->first_byte = r->used_bytes;
        r->used_bytes += at->byte_room;
    }
    return 1;
}

/* Puts a new value of a field in the place of the old one. There is room. */
static void replace_value(uint8_t *bytes, struct place *at, const struct changed_field *changed)
{
    struct parts *parts = &at->parts;
    struct part *part = &parts->of[changed->part];
    size_t size = (size_t)(changed->to - changed->from);
    uint8_t *value = bytes + part->value, *after = bytes + part->after;
    ptrdiff_t moved = (ptrdiff_t)size - (after - value);
    if (moved != 0) {
        memmove(after + moved, after, (size_t)(bytes + at->bytes - after));
        at->bytes = (uint16_t)(at->bytes + moved);
        part->after = (uint16_t)(part->after + moved);
        for (unsigned i = changed->part + 1; i < parts->count; i++) {
            parts->of[i].value = (uint16_t)(parts->of[i].value + moved);
            parts->of[i].after = (uint16_t)(parts->of[i].after + moved);
        }
    }
    memcpy(value, changed->from, size);
}

/* Keeps the new values of fields. Returns 0 where they have no room. */
static int replace_values(struct remembered *r, struct place *at,
                          const struct changed_field *changed, unsigned count)
{
    size_t grown = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct part *part = &at->parts.of[changed[i].part];
        size_t now = (size_t)(changed[i].to - changed[i].from);
        size_t before = (size_t)(part->after - part->value);
        grown += now > before ? now - before : 0;
    }
    if (!widen_bytes(r, at, grown)) {
        return 0;
    }
    for (unsigned i = 0; i < count; i++) {
        replace_value(&r->bytes[at->first_byte], at, &changed[i]);
    }
    return 1;
}

/* Writes the fields that have changed, and keeps their values. Returns how many these are; -1 where
 * the object has no room. */
static int put_fields(struct capture *c, struct place *at, PyObject *object,
                      struct changed_field *changed, unsigned count)
{
    struct remembered *r = c->remembered;
    uint8_t *from = c->p;
    put_mark(c, at, RL_VALUE_CHANGED);
    uint8_t *count_at = c->p++;
    int left = captured_changes(c, object, &at->parts, &r->bytes[at->first_byte], changed, count);
    if (left < 0 || !replace_values(r, at, changed, (unsigned)left) ||
        from + at->bytes >= c->soft) {
        return -1;
    }
    *count_at = (uint8_t)left;
    return left;
}

/* Writes an instance of which only fields have changed since its last showing, as those fields.
 * Returns 0 where that is not so; nothing is written then. */
static int put_changed(struct capture *c, struct place *at, PyObject *object, size_t held)
{
    struct changed_field changed[PARTS_MOST];
    unsigned count;
    if (at->words == 0 || at->parts.count == 0 || at->instances != 1 || c->instances == 0 ||
        c->p + at->bytes >= c->soft || (count = prove_changed(c, at, held, changed)) == 0) {
        return 0;
    }
    const struct counts before = get_counts(c);
    unsigned instances = c->instances;
    uint8_t *from = c->p;
    int left = put_fields(c, at, object, changed, count);
    if (left < 0) {
        c->p = from;
        set_counts(c, &before);
        c->instances = instances;
        at->words = 0;
        return 0;
    }
    at->instances = (uint8_t)(instances - c->instances);
    c->instances = instances;
    if (__builtin_expect(remembering.mode == REMEMBERING_CHECKED, 0)) {
        check_changes(c, at, from, object);
    }
    if (left == 0) {
        c->p = from;
        put_reference(c, at);
        return 1;
    }
    note_reference(c, at, from);
    if (policy_taken_out != before.taken_out) {
        at->words = 0; /* what is taken out is counted each time */
    }
    return 1;
}

/* Writes an object in full under the number of its place, and keeps proof and bytes. Where that is
 * not possible, what the place remembers stays true of its number. */
static void put_remembered(struct capture *c, struct place *at, PyObject *object)
{
    struct remembered *r = c->remembered;
    struct parts parts;
    const struct proof_room room = {&r->words[r->used_words], WORDS_MOST};
    size_t words = proof_collect(object, c->limits, c->lane, room, &parts);
    if (words == 0) {
        capture_by_type(c, object);
        return;
    }
    uint64_t taken_out = policy_taken_out;
    unsigned previews = c->previews, instances = c->instances;
    uint8_t *from = begin_number(c, at);
    c->parts = &parts;
    capture_by_type(c, object);
    c->parts = NULL;
    if (c->p - from > SHOWING_MOST || c->previews != previews || c->instances == 0 ||
        c->p >= c->soft || policy_taken_out != taken_out || c->lane->chunk != r->chunk) {
        put_without_number(c, at, from);
        return;
    }
    keep_words(r, at, words);
    keep_parts(at, &parts, (size_t)(from - c->bytes));
    at->instances = (uint8_t)(instances - c->instances);
    put_number(c, at, from);
}

/* Makes a place that of the object, of which nothing is remembered yet. What was kept of another
 * object leaves its room. */
static void take_place(const struct capture *c, struct place *at, PyObject *object)
{
    int has_room = at->age == c->remembered->age && !is_in_use(c, at);
    *at = (struct place){.object = object,
                         .age = c->remembered->age,
                         .view = c->remembered->view,
                         .first_word = at->first_word,
                         .first_byte = at->first_byte,
                         .word_room = has_room ? at->word_room : 0,
                         .byte_room = has_room ? at->byte_room : 0,
                         .credit = CREDIT_FIRST};
}

/* Writes an object that has its place. */
static void put_known(struct capture *c, struct place *at, PyObject *object)
{
    struct remembered *r = c->remembered;
    size_t held = proof_held(&r->words[at->first_word], at->words);
    if (at->words != 0 && held == at->words && has_room(c, at)) {
        at->credit = (uint8_t)(at->credit + (at->credit < CREDIT_MOST));
        r->apart = APART_LEAST;
        if (__builtin_expect(remembering.mode == REMEMBERING_CHECKED, 0)) {
            check_reference(c, at, object);
        }
        put_reference(c, at);
    } else if (is_in_use(c, at) || r->used_words > WORDS - 2 * WORDS_MOST ||
               r->used_bytes > BYTES - SHOWING_MOST || is_bare(r, at, object)) {
        capture_by_type(c, object);
    } else if (put_changed(c, at, object, held)) {
        return;
    } else if (!has_credit(r, at)) {
        capture_by_type(c, object);
    } else {
        put_remembered(c, at, object);
    }
}

void remembered_put(struct capture *c, PyObject *object)
{
    struct place *at = place_of(c->remembered, object);
    if (c->mark_count == CAPTURE_MARKS || (c->suspect | c->key_lines) != 0) {
        capture_by_type(c, object);
    } else if (!is_place_of(at, c->remembered, object)) {
        take_place(c, at, object);
        capture_by_type(c, object);
    } else {
        put_known(c, at, object);
    }
}

/* Goes from the last mark to the first, so that the places of the others stay right. */
void remembered_undo(struct capture *c)
{
    for (unsigned i = c->mark_count; i-- > 0;) {
        const struct capture_mark *mark = &c->marks[i];
        uint8_t *at = c->bytes + mark->at;
        size_t after = (size_t)(c->p - at) - mark->size;
        memmove(at + mark->bytes, at + mark->size, after);
        memcpy(at, &c->remembered->bytes[mark->first_byte], mark->bytes);
        c->p = at + mark->bytes + after;
    }
    c->mark_count = 0;
    remembered_forget(c);
}
