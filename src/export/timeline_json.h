/* One row of `relive timeline --json`: the event as dump.h has it, after what a timeline adds.
 *
 *    {"position":"P7:T1@48","call":"shop:price#3","depth":2,"total_ns":null,"seq":48,"thread":1 ...
 *
 *    call       handle of the call that the event begins or ends, null for other events
 *    depth      wanted frames that are open below it
 *    total_ns   time of the call, of an event that ends one
 *
 * Threads: as for the reader, one at a time. */
#ifndef TIMELINE_JSON_H
#define TIMELINE_JSON_H

#include "json_out.h"
#include "timeline.h"

/* Writes a row as one line. `prefix` is that of positions: "P7:" where a run has several
 * processes. */
void timeline_json(struct json_out *json, struct reader *reader, const char *prefix,
                   const struct timeline_row *row);

#endif
