/* A captured value as text: what repr() says for exact built-in types that were not cut, and the
 * nearest thing for all others. */
#ifndef VALUE_TEXT_H
#define VALUE_TEXT_H

#include "json_out.h"
#include "reader.h"

/* Each takes one value from `in`; RL_DAMAGED where it is none, RL_END where nothing is left. Those
 * that write JSON have then written nothing. */
RL_CHECKED rl_status value_text(struct bytes_out *out, const struct reader *reader,
                                struct bytes_in *in);
/* {"t": type, "r": text, "id": n, "len": n, "cut": bool, "redacted": bool, "v": where exact} */
RL_CHECKED rl_status value_json(struct json_out *json, const struct reader *reader,
                                struct bytes_in *in);
/* {"type", "message", "cause", "context", ...} of an exception's value; other values as above. */
RL_CHECKED rl_status value_exception_json(struct json_out *json, const struct reader *reader,
                                          struct bytes_in *in);

#endif
