/* A captured value as JSON, for tests, tools and other languages (docs/format.md).
 *
 *    {"t": type, "r": text, "id": n, "len": n, "cut": bool, "redacted": bool, "v": value}
 *
 *    t     name of the type                      len        items, characters or bytes of the whole
 *    r     text as in value_text.h               cut        something in it was not captured
 *    id    identity of an object                 redacted   something in it was taken out by a
 * filter v     the value itself, where JSON can represent it exactly attrs instead of v: {name:
 * text} of an instance
 *
 * Threads: pure functions of their arguments. */
#ifndef VALUE_JSON_H
#define VALUE_JSON_H

#include <relive/rl_status.h>

#include "bytes.h"
#include "json_out.h"
#include "reader.h"

/* Takes one value from `in` and writes it. Returns RL_DAMAGED where the bytes are no value, and
 * RL_END where none is left; nothing has been written then. */
RL_CHECKED rl_status value_json(struct json_out *json, const struct reader *reader,
                                struct bytes_in *in);
/* Writes {"type", "message", "cause", "context", ...} for an exception; other values as
 * value_json(). */
RL_CHECKED rl_status value_exception_json(struct json_out *json, const struct reader *reader,
                                          struct bytes_in *in);

#endif
