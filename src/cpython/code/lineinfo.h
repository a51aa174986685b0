/* What is known of places in code: the line of an instruction, and the handler that begins there.
 *
 * Each answer takes a walk through the tables of the code, so it is kept. One table of the process
 * has the places that were needed last:
 *
 *     hash of (code, offset)  ->  the newest place of that hash | the one before
 *
 * Invariant: a place is of a living code object. An address does not prove that: a new code object
 * may have the address, the definition and so the word of a dead one. So a place also has the
 * count of dead code objects with an id like its own. Up to 3.10 a handler may begin at an
 * instruction that raises, so an offset may have two places. Under the GIL. */
#ifndef LINEINFO_H
#define LINEINFO_H

#include "handlers.h"
#include "word.h"

struct handler_place {
    struct exc_handler handler;
    uint32_t goes_on; /* the line of the instruction behind its entry; 0: it has none */
};

/* An offset in code, and how it is looked at. */
enum { AS_INSTRUCTION, AS_HANDLER, LOOKS };

struct place {
    PyCodeObject *code; /* compared only; NULL: code without an id, whose death has no sign */
    uint64_t word;
    int offset; /* in bytes, times LOOKS, and how it is looked at */
    uint32_t deaths;
    uint32_t line; /* of the instruction, or where the handler goes on; 0: it has none */
    struct exc_handler handler;
};

enum { PLACE_BITS = 8, PLACE_WAYS = 2, DEATH_COUNTS = 256 };
struct places {
    struct place sets[1 << PLACE_BITS][PLACE_WAYS];
    uint32_t deaths[DEATH_COUNTS];
};
extern struct places lineinfo_places;

/* Returns a place that is not the newest of its set, or reads it. Valid until the next call. */
const struct place *lineinfo_find_more(PyCodeObject *code, uint64_t word, int offset);
/* A code object with this id has died, or has another word: another may have its address. */
void lineinfo_forget(uint32_t id);

static inline struct place *lineinfo_set(PyCodeObject *code, int offset)
{
    uint64_t key = (uint64_t)(uintptr_t)code + (unsigned)offset;
    return lineinfo_places.sets[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PLACE_BITS)];
}

static inline int lineinfo_is(const struct place *place, PyCodeObject *code, uint64_t word,
                              int offset)
{
    return place->code == code && place->offset == offset && place->word == word &&
           place->deaths == lineinfo_places.deaths[CODE_ID(word) % DEATH_COUNTS];
}

/* Returns a place of the code, whose word this is. Valid until the next call. */
static inline const struct place *lineinfo_find(PyCodeObject *code, uint64_t word, int offset)
{
    const struct place *newest = lineinfo_set(code, offset);
    return lineinfo_is(newest, code, word, offset) ? newest
                                                   : lineinfo_find_more(code, word, offset);
}

/* Returns the line of the instruction at this offset (in bytes); 0: it has none. The word is that
 * of the code. */
static inline uint32_t lineinfo_line(PyCodeObject *code, uint64_t word, int offset)
{
    return lineinfo_find(code, word, offset * LOOKS + AS_INSTRUCTION)->line;
}

/* Returns the handler that begins at this offset. */
static inline struct handler_place lineinfo_handler(PyCodeObject *code, uint64_t word, int offset)
{
    const struct place *place = lineinfo_find(code, word, offset * LOOKS + AS_HANDLER);
    return (struct handler_place){place->handler, place->line};
}

/* Returns the current line of a frame, whose code has this word; 0: it has none. */
static inline uint32_t lineinfo_current(native_frame *frame, uint64_t word)
{
    return lineinfo_line(native_code(frame), word, native_byte_offset(frame));
}

#endif
