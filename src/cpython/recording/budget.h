/* --budget PERCENT: the recorder measures what it costs and takes the code objects that cost most
 * down a level, lines -> values -> calls -> counted, until it is under the budget.
 *
 *   slot is full  -> budget_filled(): its rows are counted by code; the next events will be timed
 *   those events  -> budget_sample_*(): how many ticks a row takes, by kind; now and then a
 * decision a decision    -> the limits of some codes; a `budget` event each; decisions are made
 * anew
 *
 * Nothing is added to an event's own path. Levels only go down: what the file says of a function
 * changes at few places, each with an event. Under the GIL. */
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
