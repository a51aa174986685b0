/* Objects that the thread has shown in its chunk. One that is shown again as it was takes two or
 * three bytes (docs/format.md, "Values that are shown again"):
 *
 *    address -> place -> { object, proof, bytes of the showing }
 *
 *    first showing           in full; the place keeps the object
 *    second                  REMEMBERED number, in full; the place keeps the proof and the bytes
 *    later, proof holds      AGAIN number                               the number is the showing's
 *    only fields changed     CHANGED number, these fields alone (changed_fields.c)
 *    without any field       as the second and later ones, with a number of its own
 *    otherwise               as the second
 *
 * An object is remembered only where its showing depends on its proof alone (proof.h). No preview
 * ran, nothing was redacted or left out, and there was room for all of it.
 *
 * A place is valid for one chunk, because a chunk must need no other. An event may still get
 * another chunk after its values were put together, or not be written at all. So each event ends
 * with remembered_end(): where the chunk is another one, the references in the event become the
 * bytes that they mean.
 *
 * Threads: under the GIL; each thread has its own. */
#ifndef REMEMBERED_H
#define REMEMBERED_H

#include "capture.h"

/* A switch for tests. CHECKED: each reference is compared with the showing that it stands for. */
enum remembering { REMEMBERING_OFF, REMEMBERING_ON, REMEMBERING_CHECKED };
extern struct remembering_test {
    enum remembering mode;
    unsigned long wrong; /* references that were not right */
    unsigned long right;
} remembering;

/* Lets the event that is captured refer to what the thread has shown. */
void remembered_begin(struct capture *c);
/* Writes the object: a reference where that is possible, else in full. `depth` is 0. */
void remembered_put(struct capture *c, PyObject *object);
/* Forgets all, since rows of the chunk are not kept. */
void remembered_forget(struct capture *c);
void remembered_free(struct capture *c);
/* Returns the number of the chunk that the references are of. */
uint64_t remembered_chunk(const struct capture *c);

/* Returns whether the event has references, or objects that are remembered. */
static inline int remembered_is_used(const struct capture *c)
{
    return c->mark_count != 0;
}

#endif
