/* --budget PERCENT: the recorder measures what it costs. It takes the code objects that cost most
 * down a level, lines -> values -> calls -> counted, until it is under the budget.
 *
 *   a slot is full -> budget_filled(): counts its rows by code; the next events will be timed
 *   those events   -> budget_sample_*(): ticks per row, by kind; now and then a decision
 *   a decision     -> limits of some codes, a `budget` event each; words are made again
 *
 * Nothing is added to the path of an event. Levels only go down: the level of a function changes at
 * few places in the file, each with an event. Under the GIL. */
#ifndef BUDGET_H
#define BUDGET_H

#include "backend.h"

#include <stddef.h>
#include <stdint.h>

struct thread;

/* A recording begins; 0 = without a budget. */
void budget_begin(unsigned percent);
/* It ends: what was reached is written. */
void budget_end(void);
/* Before a slot is handed over. */
void budget_filled(void *thread, const uint8_t *rows, size_t len);
/* An event of code that is only counted. */
void budget_count(void);
/* One of those events, timed by whoever delivers it: begin, recording_event(), end. */
struct budget_sample {
    const struct slot *slot;
    const uint8_t *cur;
    uint32_t left;
    uint64_t began;
};
struct budget_sample budget_sample_begin(struct thread *t);
void budget_sample_end(struct thread *t, unsigned kind, const struct budget_sample *sample);

#endif
