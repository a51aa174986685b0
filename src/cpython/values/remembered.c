/* Why: see remembered.h. */
#include "remembered.h"

#include <string.h>

#include "capture_parts.h"
#include "proof.h"
#include "state.h"

#include "alloc.h"

enum {
    PLACES = RL_REMEMBERED,
    WORDS = 16384,      /* of all proofs; 16 bytes each */
    BYTES = 131072,     /* of all showings */
    WORDS_MOST = 160,   /* of one proof */
    SHOWING_MOST = 2048 /* bytes of one */
};

struct place {
    PyObject *object; /* compared only; NULL = none */
    const struct filter_set *set;
    size_t least;
    struct value_limits limits;
    uint32_t first_word, first_byte;
    uint32_t age;
    uint16_t words, bytes; /* 0 words: it is not remembered */
    uint16_t word_room, byte_room;
    uint8_t instances; /* that are opened in it */
    uint8_t credit;    /* what proofs may cost; each that holds earns 1 */
};
enum { CREDIT_FIRST = 4, CREDIT_MOST = 8, PROOF_COSTS = 2, APART_LEAST = 8, APART_MOST = 512 };

struct remembered {
    uint64_t stamp, chunk;
    uint32_t name_stamp, types;
    uint32_t used_words, used_bytes;
    uint32_t turn;  /* counts objects that came without credit */
    uint32_t apart; /* a proof is collected for one of so many of these */
    uint32_t age;   /* places of another age are free */
    struct place places[PLACES];
    struct proof_word words[WORDS];
    uint8_t bytes[BYTES];
};

struct remembering_test remembering = {REMEMBERING_ON, 0, 0};

static void forget(struct remembered *r)
{
    r->age++;
    r->used_words = r->used_bytes = 0;
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
           r->used_words <= WORDS - WORDS_MOST && r->used_bytes <= BYTES - SHOWING_MOST;
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
    c->refers = 1;
}

static struct place *place_of(struct remembered *r, const PyObject *object)
{
    uint64_t key = (uint64_t)(uintptr_t)object;
    return &r->places[key * UINT64_C(0x9e3779b97f4a7c15) >> 55];
}
_Static_assert(PLACES == 1 << (64 - 55), "place_of() makes an index of this many bits");

/* Returns whether the place is for the object as this event shows it. */
static inline int is_place_of(const struct place *at, const struct capture *c,
                              const PyObject *object)
{
    return at->object == object && at->age == c->remembered->age &&
           at->set == (c->policy != NULL ? c->policy->set : NULL) && at->least == c->least &&
           at->limits.depth == c->limits->depth && at->limits.items == c->limits->items &&
           at->limits.bytes == c->limits->bytes;
}

/* Notes where in the event a reference or a number is. */
static void note_mark(struct capture *c, const struct place *at, size_t size, int is_reference)
{
    c->marks[c->mark_count++] = (struct capture_mark){
        .at = (uint16_t)(c->p - c->bytes),
        .size = (uint8_t)size,
        .bytes = is_reference ? at->bytes : 0,
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

/* Writes a reference. The room and the instances that the showing would take are taken, so that the
 * values after it are shown as they would be. */
static void put_reference(struct capture *c, const struct place *at)
{
    size_t size = mark_size(c->remembered, at);
    note_mark(c, at, size, 1);
    put_mark(c, at, RL_VALUE_AGAIN);
    c->soft -= at->bytes - size;
    c->instances -= at->instances;
}

/* Returns whether the object would be shown as last time, whole. */
static inline int is_same(const struct capture *c, const struct place *at)
{
    return at->words != 0 && at->instances < c->instances && c->p + at->bytes < c->soft &&
           proof_holds(&c->remembered->words[at->first_word], at->words);
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

/* Keeps the proof that was collected behind the others: where the one before was, if it fits. */
static void keep_words(struct remembered *r, struct place *at, size_t count)
{
    if (count <= at->word_room) {
        memcpy(&r->words[at->first_word], &r->words[r->used_words], count * sizeof *r->words);
    } else {
        at->first_word = r->used_words;
        at->word_room = (uint16_t)count;
        r->used_words += (uint32_t)count;
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

/* Writes an object in full under the number of its place, and keeps proof and bytes. */
static void put_remembered(struct capture *c, struct place *at, PyObject *object)
{
    struct remembered *r = c->remembered;
    uint64_t taken_out = policy_taken_out;
    size_t size = mark_size(r, at);
    unsigned previews = c->previews, instances = c->instances;
    note_mark(c, at, size, 0);
    put_mark(c, at, RL_VALUE_REMEMBERED);
    c->soft += size;
    const uint8_t *from = c->p;
    at->words = 0;
    size_t words = proof_collect(object, c->limits, c->lane, &r->words[r->used_words], WORDS_MOST);
    capture_by_type(c, object);
    size_t bytes = (size_t)(c->p - from);
    if (words == 0 || bytes > SHOWING_MOST || c->previews != previews || c->instances == 0 ||
        c->p >= c->soft || policy_taken_out != taken_out || c->lane->chunk != r->chunk) {
        return;
    }
    keep_words(r, at, words);
    keep_bytes(r, at, from, bytes);
    at->instances = (uint8_t)(instances - c->instances);
}

/* Makes a place that of the object, of which nothing is remembered yet. What was kept of another
 * object leaves its room. */
static void take_place(const struct capture *c, struct place *at, PyObject *object)
{
    int has_room = at->age == c->remembered->age && !is_in_use(c, at);
    *at = (struct place){.object = object,
                         .age = c->remembered->age,
                         .set = c->policy != NULL ? c->policy->set : NULL,
                         .least = c->least,
                         .limits = *c->limits,
                         .first_word = at->first_word,
                         .first_byte = at->first_byte,
                         .word_room = has_room ? at->word_room : 0,
                         .byte_room = has_room ? at->byte_room : 0,
                         .credit = CREDIT_FIRST};
}

void remembered_put(struct capture *c, PyObject *object)
{
    struct remembered *r = c->remembered;
    struct place *at = place_of(r, object);
    if (c->mark_count == CAPTURE_MARKS || c->suspect != 0) {
        capture_by_type(c, object);
    } else if (!is_place_of(at, c, object)) {
        take_place(c, at, object);
        capture_by_type(c, object);
    } else if (is_same(c, at)) {
        at->credit = (uint8_t)(at->credit + (at->credit < CREDIT_MOST));
        r->apart = APART_LEAST;
        if (__builtin_expect(remembering.mode == REMEMBERING_CHECKED, 0)) {
            check_reference(c, at, object);
        }
        put_reference(c, at);
    } else if (!has_credit(r, at) || is_in_use(c, at) || r->used_words > WORDS - WORDS_MOST ||
               r->used_bytes > BYTES - SHOWING_MOST) {
        capture_by_type(c, object);
    } else {
        put_remembered(c, at, object);
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
