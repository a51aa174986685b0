/* The strings of one recording, by number, for events that callbacks keep (sink_event.c).
 *
 *   recording is on    strings point into the recorder's memory; new ones are added on demand
 *   recording ends     names_forget() copies the texts into one block, if an event has a share
 *   last share ends    names_drop() frees the strings and the block
 *
 * Invariants: numbers mean strings of one generation of a recording only. So an event takes a share
 * when it is made, and keeps it. Under the GIL. */
#ifndef NAMES_H
#define NAMES_H

#include "string_table.h"

struct names;

/* Returns a new share of the strings of the recording that is on, or NULL without memory. */
struct names *names_share(void);
/* Drops a share. `names` may be NULL. */
void names_drop(struct names *names);
/* Returns the strings that are defined so far; borrowed while the share is held. */
const struct strings *names_strings(struct names *names);

/* Ends the use of the current numbers, which are about to mean other strings: events that are still
 * kept get copies of their texts. Must be called while the recorder still exists. */
void names_forget(void);
/* Drops the share in a forked child. It does not look at the recorder, whose locks may be held by
 * threads that the child does not have. The recorder's memory stays there. */
void names_forked(void);

#endif
