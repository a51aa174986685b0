/* Why: see lineinfo.h. */
#include "lineinfo.h"

struct places lineinfo_places;

static inline uint32_t *deaths_of(uint32_t id)
{
    return &lineinfo_places.deaths[id % DEATH_COUNTS];
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

/* Reads the answers for a place in the tables of its code. */
static struct place read_place(PyCodeObject *code, uint64_t word, int offset)
{
    struct place read = {.code = CODE_ID(word) != 0 ? code : NULL,
                         .word = word,
                         .offset = offset,
                         .deaths = *deaths_of(CODE_ID(word))};
    int how = offset & (LOOKS - 1), at = (offset - how) / LOOKS;
    if (how == AS_HANDLER) {
        read.line = read_line(code, at + (int)sizeof(_Py_CODEUNIT));
        read.handler = handlers_look(code, at);
    } else {
        read.line = read_line(code, at);
    }
    return read;
}

const struct place *lineinfo_find_more(PyCodeObject *code, uint64_t word, int offset)
{
    struct place *set = lineinfo_set(code, offset);
    for (int i = 1; i < PLACE_WAYS; i++) {
        if (lineinfo_is(&set[i], code, word, offset)) {
            return &set[i];
        }
    }
    struct place read = read_place(code, word, offset);
    set[1] = set[0]; /* what was read may have used the table, too */
    set[0] = read;
    return set;
}
