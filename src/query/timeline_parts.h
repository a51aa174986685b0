/* Part of timeline.h: an expression for one row. Private to timeline*.c. */
#ifndef TIMELINE_PARTS_H
#define TIMELINE_PARTS_H

#include "timeline.h"

/* Returns which of the names in TIMELINE_NAMES each name of an expression is; owned by the caller,
 * NULL without memory. */
uint8_t *timeline_bind(const struct where *where);
/* Returns whether one of these names is known from the begin of a call alone. */
int timeline_needs_calls(const struct where *where, const uint8_t *sources);
/* What was met while an expression was evaluated. */
struct timeline_loads {
    int lacks_name;  /* the event has nothing for one of the names that were needed */
    int has_another; /* another event of this kind and id may have other values */
};
/* Evaluates the expression for a row. */
struct operand timeline_run(const struct reader *reader, struct where *where,
                            const uint8_t *sources, const struct timeline_row *row,
                            struct timeline_loads *loads);

#endif
