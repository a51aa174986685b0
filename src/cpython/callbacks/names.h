/* Texts by number, of one recording, for events that are kept by callbacks (told_event.c). They lie
 * in the recorder's memory while that is on, and in one block of their own afterwards, as long as
 * an event has a share in them. Under the GIL. */
#ifndef TOLD_NAMES_H
#define TOLD_NAMES_H

#include "string_table.h"

struct names;

/* A share of those of the recording that is on, or NULL without memory. */
struct names *names_share(void);
/* names may be NULL. */
void names_drop(struct names *names);
/* Returns the strings that are defined so far; borrowed while the share is held. */
const struct strings *names_strings(struct names *names);

/* Numbers are about to mean others: events that are still kept take theirs along. Called while the
 * recording that they are of is still there. */
void names_forget(void);
/* In a forked child: its memory stays, its locks may be held by threads that are not here. */
void names_forked(void);

#endif
