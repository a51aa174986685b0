/* Why: see lineinfo.h. One table of the process has the places that were needed last:
 *
 *     hash of (code, offset)  ->  the newest place of that hash | the one before
 *
 * Invariant: a place is of a living code object. An address does not prove that: a new code object
 * may have the address, the definition and so the word of a dead one. So a place also has the
 * count of dead code objects with an id like its own. Up to 3.10 a handler may begin at an
 * instruction that raises, so an offset may have two places. */
#include "lineinfo.h"

#include "word.h"

#include "map.h"

enum { SETS = 256, WAYS = 2, COUNTS = 256 };

struct place {
    PyCodeObject *code; /* compared only; NULL: code without an id, whose death has no sign */
    uint64_t word;
    int offset;
    int is_handler; /* the fields from `handler` on are valid */
    uint32_t deaths;
    uint32_t line;
    struct exc_handler handler;
};

static struct place places[SETS][WAYS];
static uint32_t deaths[COUNTS];

static inline uint32_t *deaths_of(uint32_t id)
{
    return &deaths[id % COUNTS];
}

void lineinfo_forget(uint32_t id)
{
    ++*deaths_of(id);
}

static uint32_t read_line(PyCodeObject *code, int offset)
{
    int line = PyCode_Addr2Line(code, offset);
    return line > 0 ? (uint32_t)line : 0;
}

/* Reads the answers for a place in the tables of its code, and keeps them as the newest of a set.
 */
static const struct place *read_place(struct place *set, PyCodeObject *code, int offset,
                                      int is_handler)
{
    uint64_t word = codeinfo_get(code);
    struct place read = {.code = CODE_ID(word) != 0 ? code : NULL,
                         .word = word,
                         .offset = offset,
                         .is_handler = is_handler,
                         .deaths = *deaths_of(CODE_ID(word))};
    read.line = read_line(code, is_handler ? offset + (int)sizeof(_Py_CODEUNIT) : offset);
    if (is_handler) {
        read.handler = handlers_look(code, offset);
    }
    set[1] = set[0];
    set[0] = read;
    return set;
}

/* Returns a place with its answers, valid until the next call. */
static inline const struct place *find_place(PyCodeObject *code, int offset, int is_handler)
{
    uint64_t word = codeinfo_get(code);
    struct place *set =
        places[map_mix((uint64_t)(uintptr_t)code + (uint64_t)(unsigned)offset) % SETS];
    for (const struct place *a = set; a < set + WAYS; a++) {
        if (a->code == code && a->offset == offset && a->word == word &&
            a->is_handler == is_handler && a->deaths == *deaths_of(CODE_ID(word))) {
            return a;
        }
    }
    return read_place(set, code, offset, is_handler);
}

uint32_t lineinfo_line(PyCodeObject *code, int offset)
{
    return find_place(code, offset, 0)->line;
}

struct handler_place lineinfo_handler(PyCodeObject *code, int offset)
{
    const struct place *place = find_place(code, offset, 1);
    return (struct handler_place){place->handler, place->line};
}
