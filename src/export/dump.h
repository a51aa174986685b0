/* `relive dump`: the canonical text of events, one JSON object per line (docs/format.md).
 *
 *    {"seq":2,"thread":1,"t":29272599,"pid":21656,"kind":"call",                every event
 *     "frame":"T1#2","parent":"T1#1","func":"app:f","file":"app.py","line":1,   of a function
 *     "args":{"a":{"t":"int","r":"1","cut":false,"redacted":false,"v":1}}}      of this kind
 *
 * Invariant: keys appear in a fixed order, and unknown facts have no key.
 *
 * Threads: as for the reader, one at a time. */
#ifndef DUMP_H
#define DUMP_H

#include "cursor.h"
#include "json_out.h"

/* Writes one event as one line. Where its values are damaged, the line is complete all the same:
 * the value is "<damaged>", and the reader notes a problem. */
void dump_event(struct json_out *json, struct reader *reader, const struct event_out *event);
/* Writes {"name": value, ...}, the arguments of a call. Those that were dropped, or cut off at the
 * end, are left out. Returns why the bytes were no values. */
RL_CHECKED rl_status dump_arguments(struct json_out *json, const struct reader *reader,
                                    const struct event_out *event);
/* Writes a value, or "<damaged>". Returns why its bytes were no value. */
RL_CHECKED rl_status dump_value(struct json_out *json, const struct reader *reader,
                                struct bytes_in *in);
/* Writes the fields of each kind of event: the text of `relive dump --schema`. */
void dump_schema(struct json_out *json);

#endif
