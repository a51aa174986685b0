/* Part of remembered.h: what a thread keeps of the objects that it has shown in its chunk. Only
 * remembered.c and changed_fields.c include it.
 *
 *    remembered | place | whole: number, instances, words ----> proof of the showing
 *               |       |                           bytes ----> the showing
 *               |       | bare:  the same of an object at this address without any field
 *               |       | parts of `whole`, a field each
 *
 * A showing gets its number when it is remembered first, from 0 on. So most numbers take one byte,
 * and the same few bytes come again and again, which compresses better than the number of the place
 * would. */
#ifndef REMEMBERED_PARTS_H
#define REMEMBERED_PARTS_H

#include "capture_parts.h"
#include "parts.h"
#include "proof.h"
#include "remembered.h"

enum {
    PLACES = RL_REMEMBERED,
    BARE_MOST = 64,   /* showings without any field that get a number */
    WORDS = 16384,    /* of all proofs; 16 bytes each */
    BYTES = 131072,   /* of all showings */
    WORDS_MOST = 320, /* of one proof */
    VIEWS = 8,
    SHOWING_MOST = 4096, /* bytes of one */
    READ_AHEAD = 16      /* bytes that may be read beyond a showing */
};

/* What decides how an object is shown, besides the object. */
struct view {
    const struct filter_set *set;
    size_t least;
    struct value_limits limits;
};

/* An object as it was shown. */
struct showing {
    uint32_t first_word, first_byte;
    uint16_t words, bytes; /* 0 words: it is not remembered */
    uint16_t word_room, byte_room;
    uint32_t mark;     /* its number as it is written, after a byte for the tag */
    uint8_t mark_size; /* of tag and number; 0 = it has no number */
    uint8_t instances; /* that are opened in it */
};

struct place {
    PyObject *object;   /* compared only; NULL = none */
    uint32_t age, view; /* a place of another age is free */
    struct showing whole, bare;
    uint8_t credit;    /* what proofs may cost; each that holds earns 1 */
    uint8_t was_tried; /* a proof was collected of it while it was bare */
    struct parts parts;
};

struct remembered {
    uint64_t stamp, chunk;
    uint32_t name_stamp, types;
    uint32_t used_words, used_bytes;
    uint32_t turn;  /* counts objects that came without credit */
    uint32_t apart; /* a proof is collected for one of so many of these */
    uint32_t age, view;
    uint32_t view_count;
    uint32_t numbers, bare; /* that were given; those of bare objects */
    const struct view *now; /* that of the event: views[view]; NULL after all was forgotten */
    struct view views[VIEWS];
    struct place places[PLACES];
    uint8_t last[PLACES / 2]; /* which of two places was used last */
    struct proof_word words[WORDS];
    uint8_t bytes[BYTES + READ_AHEAD];
};

static inline struct proof_word *words_of(struct remembered *r, const struct showing *showing)
{
    return &r->words[showing->first_word];
}

static inline uint8_t *bytes_of(struct remembered *r, const struct showing *showing)
{
    return &r->bytes[showing->first_byte];
}

/* Returns whether all of the object has room as it was shown last time. */
static inline int has_room(const struct capture *c, const struct showing *showing)
{
    return showing->instances < c->instances && c->p + showing->bytes < c->soft;
}

/* Writes a tag and the number of a showing. Up to two bytes behind them are lost. */
static inline void put_mark(struct capture *c, const struct showing *showing, unsigned tag)
{
    put32(c->p, showing->mark | tag);
    c->p += showing->mark_size;
}

/* Notes where in the event a reference or a number is, and the bytes that it means. */
static inline void note_mark(struct capture *c, const struct showing *showing, const uint8_t *from,
                             size_t size, size_t bytes)
{
    c->marks[c->mark_count++] = (struct capture_mark){
        .at = (uint16_t)(from - c->bytes),
        .size = (uint16_t)size,
        .bytes = (uint16_t)bytes,
        .first_byte = showing->first_byte,
    };
}

/* Notes what was written at `from` in place of the object. The room and the instances that its
 * showing would take are taken, so that the values after it are shown as they would be. */
static inline void note_reference(struct capture *c, const struct showing *showing,
                                  const uint8_t *from)
{
    size_t size = (size_t)(c->p - from);
    note_mark(c, showing, from, size, showing->bytes);
    c->soft -= showing->bytes - size;
    c->instances -= showing->instances;
}

/* Shows the object in full behind the event, and compares that with what is remembered. */
void remembered_check(struct capture *c, const struct showing *showing, PyObject *object);

/* Writes a reference to a showing whose proof holds. There is room. */
static inline void put_reference(struct capture *c, const struct showing *showing, PyObject *object)
{
    if (__builtin_expect(remembering.mode == REMEMBERING_CHECKED, 0)) {
        remembered_check(c, showing, object);
    }
    const uint8_t *from = c->p;
    put_mark(c, showing, RL_VALUE_AGAIN);
    note_reference(c, showing, from);
}

/* Writes an instance of which only fields have changed since its last showing, as those fields
 * (changed_fields.c). Its first `held` words have not changed. Returns 0 where that is not so;
 * nothing is written then. */
int changed_fields_put(struct capture *c, struct place *at, PyObject *object, size_t held);

#endif
