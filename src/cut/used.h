/* Which definitions a part uses: those that its events name, and the strings that these name. */
#ifndef USED_H
#define USED_H

#include "reader.h"
#include "rec.h"

/* A set of ids, one bit each. */
struct id_set {
    uint8_t *bits; /* owned */
    size_t bytes;
};

struct used {
    struct id_set strings, codes;
    int failed; /* no memory */
};

void used_string(struct used *used, uint32_t id);
/* Adds what an event names. */
void used_event(struct used *used, const struct rec *rec);
/* After the last event: adds the strings that the codes name. */
void used_finish(struct used *used, const struct reader *reader);
int used_has(const struct id_set *set, uint64_t id);
void used_fini(struct used *used);

#endif
