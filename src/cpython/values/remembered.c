/* Why: see remembered.h. */
#include "remembered.h"

#include <string.h>

#include "instance.h"
#include "remembered_parts.h"
#include "state.h"

#include "alloc.h"

enum { CREDIT_FIRST = 4, CREDIT_MOST = 8, PROOF_COSTS = 2, APART_LEAST = 8, APART_MOST = 512 };
_Static_assert(RL_REMEMBERED <= 1 << 14, "a number takes at most two bytes");

struct remembering_test remembering = {REMEMBERING_ON, 0, 0};

static void forget(struct remembered *r)
{
    r->age++;
    r->used_words = r->used_bytes = 0;
    r->view = r->view_count = 0;
    r->numbers = r->bare = 0;
    r->now = NULL;
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
static __attribute__((noinline)) void find_view(struct remembered *r, const struct capture *c)
{
    for (r->view = 0; r->view < r->view_count; r->view++) {
        if (is_view_of(&r->views[r->view], c)) {
            r->now = &r->views[r->view];
            return;
        }
    }
    if (r->view_count == VIEWS) {
        forget(r);
    }
    r->now = &r->views[r->view_count++];
    r->views[r->view] =
        (struct view){c->policy != NULL ? c->policy->set : NULL, c->least, *c->limits};
}

/* Makes the table, or empties it. Returns NULL without memory. */
static __attribute__((noinline)) struct remembered *begin_again(struct capture *c)
{
    struct remembered *r = c->remembered;
    if (r == NULL) {
        r = c->remembered = rl_zalloc(1, sizeof *r);
        if (r == NULL) {
            return NULL;
        }
        r->apart = APART_LEAST;
    }
    forget(r);
    r->stamp = recording.stamp;
    r->chunk = c->lane->chunk;
    r->name_stamp = recording.name_stamp;
    r->types = typeinfo_changes;
    return r;
}

void remembered_begin(struct capture *c)
{
    if (listener.is_on || remembering.mode == REMEMBERING_OFF || c->is_reviewed ||
        c->key_lines != 0) {
        return;
    }
    struct remembered *r = c->remembered;
    if (__builtin_expect(r == NULL || !is_of_now(r, c), 0)) {
        r = begin_again(c);
        if (r == NULL) {
            return;
        }
    }
    if (__builtin_expect(r->now == NULL || !is_view_of(r->now, c), 0)) {
        find_view(r, c);
    }
    c->refers = 1;
}

/* ---- showings ---- */

/* Shows the object in full behind the event, and compares that with what is remembered. */
void remembered_check(struct capture *c, const struct showing *showing, PyObject *object)
{
    uint8_t *from = c->p;
    unsigned instances = c->instances;
    c->refers = 0;
    capture_by_type(c, object);
    int is_right = (size_t)(c->p - from) == showing->bytes &&
                   memcmp(from, bytes_of(c->remembered, showing), showing->bytes) == 0;
    *(is_right ? &remembering.right : &remembering.wrong) += 1;
    c->refers = 1;
    c->p = from;
    c->instances = instances;
}

/* Returns whether an event refers to the showing already: its bytes are still needed then. */
static int is_in_use(const struct capture *c, const struct showing *showing)
{
    for (unsigned i = 0; i < c->mark_count && showing->byte_room != 0; i++) {
        if (c->marks[i].first_byte == showing->first_byte) {
            return 1;
        }
    }
    return 0;
}

/* Gives the showing a number, if it has none. Returns 0 where there are no more. A varint of two
 * bytes has the high bit of the first one set. */
static int give_number(struct remembered *r, struct showing *showing)
{
    if (showing->mark_size == 0) {
        uint32_t number = r->numbers;
        if (number == RL_REMEMBERED) {
            return 0;
        }
        r->numbers++;
        showing->mark_size = number < 128 ? 2 : 3;
        showing->mark = number < 128 ? number << 8 : (number % 128 | 128) << 8 | number / 128 << 16;
    }
    return 1;
}

/* Keeps the proof that was collected behind the others: where the one before was, if it fits. New
 * room is a quarter larger, for fields that grow. */
static void keep_words(struct remembered *r, struct showing *showing, size_t count)
{
    if (count <= showing->word_room) {
        memcpy(words_of(r, showing), &r->words[r->used_words], count * sizeof *r->words);
    } else {
        showing->first_word = r->used_words;
        showing->word_room = (uint16_t)(count + count / 4);
        r->used_words += showing->word_room;
    }
    showing->words = (uint16_t)count;
}

static void keep_bytes(struct remembered *r, struct showing *showing, const uint8_t *from,
                       size_t count)
{
    if (count > showing->byte_room) {
        showing->first_byte = r->used_bytes;
        showing->byte_room = (uint16_t)count;
        r->used_bytes += (uint32_t)count;
    }
    memcpy(bytes_of(r, showing), from, count);
    showing->bytes = (uint16_t)count;
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

/* Leaves what was written at `from` without the number before it. */
static void remove_number(struct capture *c, const struct showing *showing, uint8_t *from)
{
    size_t size = showing->mark_size;
    memmove(from - size, from, (size_t)(c->p - from));
    c->p -= size;
    c->soft -= size;
}

/* Writes an object in full under the number of a showing of its place, and keeps proof and bytes.
 * Where that is not possible, what is remembered stays true of the number. */
static void put_remembered(struct capture *c, struct place *at, struct showing *showing,
                           PyObject *object)
{
    struct remembered *r = c->remembered;
    struct parts parts;
    const struct proof_room room = {&r->words[r->used_words], WORDS_MOST};
    size_t words = proof_collect(object, c->limits, c->lane, room, &parts);
    if (words == 0 || !give_number(r, showing)) {
        capture_by_type(c, object);
        return;
    }
    uint64_t taken_out = policy_taken_out;
    unsigned previews = c->previews, instances = c->instances;
    const uint8_t *mark = c->p;
    put_mark(c, showing, RL_VALUE_REMEMBERED);
    c->soft += showing->mark_size;
    uint8_t *from = c->p;
    c->parts = &parts;
    capture_by_type(c, object);
    c->parts = NULL;
    if (c->p - from > SHOWING_MOST || c->previews != previews || c->instances == 0 ||
        c->p >= c->soft || policy_taken_out != taken_out || c->lane->chunk != r->chunk) {
        remove_number(c, showing, from);
        return;
    }
    keep_words(r, showing, words);
    if (showing == &at->whole) {
        keep_parts(at, &parts, (size_t)(from - c->bytes));
    }
    showing->instances = (uint8_t)(instances - c->instances);
    keep_bytes(r, showing, from, (size_t)(c->p - from));
    note_mark(c, showing, mark, showing->mark_size, 0);
}

/* ---- objects ---- */

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

static inline void earn_credit(struct remembered *r, struct place *at)
{
    at->credit = (uint8_t)(at->credit + (at->credit < CREDIT_MOST));
    r->apart = APART_LEAST;
}

/* Returns whether an instance has no attribute, as at the begin of its __init__(). Objects come
 * again at the same address. So what is remembered of the one before is kept, since the next
 * showings of this one will be like it. */
static inline int is_bare(struct remembered *r, const struct place *at, PyObject *object)
{
#if HAS_MANAGED_DICT
    struct instance_values v;
    if (instance_values_get(object, &v)) {
        return v.set == 0;
    }
#else
    (void)object;
#endif
    const struct proof_word *words = words_of(r, &at->whole);
    size_t done = 0;
    for (unsigned i = 0; i < at->parts.count && at->whole.words != 0; i++) {
        const struct part *part = &at->parts.of[i];
        PyObject *const *place = words[part->word].at;
        if (!proof_holds(words + done, part->word - done) || *place != NULL) {
            return 0;
        }
        done = (size_t)part->word + part->words;
    }
    return done != 0;
}

/* Writes an instance without any attribute. Such a showing has a number of its own. */
static void put_bare(struct capture *c, struct place *at, PyObject *object)
{
    struct remembered *r = c->remembered;
    struct showing *bare = &at->bare;
    if (bare->words != 0 && proof_holds(words_of(r, bare), bare->words)) {
        if (has_room(c, bare)) {
            put_reference(c, bare, object);
        } else {
            capture_by_type(c, object);
        }
        return;
    }
    if (is_in_use(c, bare) || (bare->mark_size == 0 && r->bare == BARE_MOST) ||
        (at->was_tried && !has_credit(r, at))) {
        capture_by_type(c, object);
        return;
    }
    at->was_tried = 1;
    int is_first = bare->mark_size == 0;
    put_remembered(c, at, bare, object);
    r->bare += is_first && bare->mark_size != 0;
}

/* Writes an object that is not as its place remembers it. The first `held` words have not changed.
 */
static __attribute__((noinline)) void put_other(struct capture *c, struct place *at,
                                                PyObject *object, size_t held)
{
    struct remembered *r = c->remembered;
    if (r->used_words > WORDS - 2 * WORDS_MOST || r->used_bytes > BYTES - SHOWING_MOST) {
        capture_by_type(c, object);
    } else if (is_bare(r, at, object)) {
        put_bare(c, at, object);
    } else if (is_in_use(c, &at->whole)) {
        capture_by_type(c, object);
    } else if (changed_fields_put(c, at, object, held)) {
        return;
    } else if (!has_credit(r, at)) {
        capture_by_type(c, object);
    } else {
        put_remembered(c, at, &at->whole, object);
    }
}

/* Empties a showing. It keeps its number, and its room if nothing refers to that. */
static void empty_showing(const struct capture *c, struct showing *showing)
{
    int has_room = !is_in_use(c, showing);
    *showing = (struct showing){
        .first_word = showing->first_word,
        .first_byte = showing->first_byte,
        .word_room = has_room ? showing->word_room : 0,
        .byte_room = has_room ? showing->byte_room : 0,
        .mark = showing->mark,
        .mark_size = showing->mark_size,
    };
}

/* Makes a place that of the object, of which nothing is remembered yet. What was kept of another
 * object leaves its room and its numbers. */
static __attribute__((noinline)) void take_place(const struct capture *c, struct place *at,
                                                 PyObject *object)
{
    if (at->age == c->remembered->age) {
        empty_showing(c, &at->whole);
        empty_showing(c, &at->bare);
    } else {
        at->whole = at->bare = (struct showing){0};
    }
    at->object = object;
    at->age = c->remembered->age;
    at->view = c->remembered->view;
    at->credit = CREDIT_FIRST;
    at->was_tried = 0;
    at->parts.count = 0;
}

/* Returns whether the place is for the object as this event shows it. */
static inline int is_place_of(const struct place *at, const struct remembered *r,
                              const PyObject *object)
{
    return at->object == object && at->age == r->age && at->view == r->view;
}

/* Two objects share two places; the one that was shown last stays. */
void remembered_put(struct capture *c, PyObject *object)
{
    struct remembered *r = c->remembered;
    uint64_t key = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >> 56;
    _Static_assert(PLACES == 2 << (64 - 56), "the key has this many bits");
    struct place *at = &r->places[2 * key];
    if (__builtin_expect(c->mark_count == CAPTURE_MARKS || (c->suspect | c->key_lines) != 0, 0)) {
        capture_by_type(c, object);
        return;
    }
    if (is_place_of(at, r, object)) {
        r->last[key] = 0;
    } else if (is_place_of(at + 1, r, object)) {
        r->last[key] = 1;
        at++;
    } else {
        r->last[key] = !r->last[key];
        take_place(c, at + r->last[key], object);
        capture_by_type(c, object);
        return;
    }
    size_t held = proof_held(words_of(r, &at->whole), at->whole.words);
    if (held != 0 && held == at->whole.words && has_room(c, &at->whole)) {
        earn_credit(r, at);
        put_reference(c, &at->whole, object);
    } else {
        put_other(c, at, object, held);
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
