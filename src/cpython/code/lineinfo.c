/* Why: see lineinfo.h. One table of the process has the places that were needed last:
 *
 *     hash of (code, offset)  ->  the newest place of that hash | the one before
 *
 * Invariant: a place is of a living code object. An address does not prove that: a new code object
 * may have the address, the definition and so the word of a dead one. So a place also has the
 * count of dead code objects with an id like its own. */
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

/* Finds the answers for a place in the tables of its code. */
static void read_place(struct place *place)
{
    if (place->is_handler) {
        place->line = read_line(place->code, place->offset + (int)sizeof(_Py_CODEUNIT));
        place->handler = handlers_look(place->code, place->offset);
    } else {
        place->line = read_line(place->code, place->offset);
    }
}

static inline int is_same_place(const struct place *a, const struct place *b)
{
    return a->code == b->code && a->word == b->word && a->offset == b->offset &&
           a->is_handler == b->is_handler && a->deaths == b->deaths;
}

/* Returns a place with its answers, valid until the next call. */
static const struct place *find_place(PyCodeObject *code, int offset, int is_handler)
{
    uint64_t word = codeinfo_get(code);
    struct place wanted = {.code = code,
                           .word = word,
                           .offset = offset,
                           .is_handler = is_handler,
                           .deaths = *deaths_of(CODE_ID(word))};
    struct place *set =
        places[map_mix((uint64_t)(uintptr_t)code + (uint64_t)(unsigned)offset) % SETS];
    for (int i = 0; i < WAYS; i++) {
        if (is_same_place(&set[i], &wanted)) {
            return &set[i];
        }
    }
    read_place(&wanted);
    wanted.code = CODE_ID(word) != 0 ? code : NULL;
    set[1] = set[0];
    set[0] = wanted;
    return set;
}

uint32_t lineinfo_line(PyCodeObject *code, int offset)
{
    return find_place(code, offset, 0)->line;
}

struct exc_handler lineinfo_handler(PyCodeObject *code, int offset)
{
    return find_place(code, offset, 1)->handler;
}

uint32_t lineinfo_goes_on(PyCodeObject *code, int offset)
{
    return find_place(code, offset, 1)->line;
}
