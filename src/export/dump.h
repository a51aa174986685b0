/* `relive dump`: the canonical event text, a JSON object a line. */
#ifndef DUMP_H
#define DUMP_H

#include "cursor.h"
#include "json_out.h"

/* One event of `reader` as one line. Where its values are none, the line is whole all the same,
 * says
 * "<damaged>", and the file has a problem. */
void dump_event(struct json_out *json, struct reader *reader, const struct event_out *event);
/* What every kind's line holds: the text of `relive dump --schema`. */
void dump_schema(struct json_out *json);

#endif
