/* Part of timeline.h: an expression for one row. Private to timeline*.c. */
#ifndef TIMELINE_PARTS_H
#define TIMELINE_PARTS_H

#include "timeline.h"

/* Returns which of the names in TIMELINE_NAMES each name of an expression is; owned by the caller,
 * NULL without memory. */
uint8_t *timeline_bind(const struct where *where);
/* Evaluates the expression for a row. *lacks_name: the event has nothing for one of the names that
 * were needed. */
struct operand timeline_run(const struct reader *reader, struct where *where,
                            const uint8_t *sources, const struct timeline_row *row,
                            int *lacks_name);

#endif
