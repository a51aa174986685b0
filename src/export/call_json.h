/* A single call as one line of JSON: a row of `relive calls --json`.
 *
 *    {"call":"price#3","position":"T1@48","pid":7,"n":3,"thread":1,"task":null,"t":29272599,
 *     "func":"shop:price","file":"shop.py","line":11,"caller":"shop:order","caller_line":40,
 *     "args":{"item":{...}},"end":"return","value":{...},"exc_type":null,"exc":null,
 *     "total_ns":1200,"self_ns":900,"already_running":false}
 *
 *    end      return, raise, open (when the recording ended), unseen (it is gone), lost (with
 *             events that were not kept)
 *    already_running   the call began before the recording did
 *    null     there is none, or it was not recorded
 *
 * Invariant: every row has every key, in this order.
 *
 * Threads: as for the reader, one at a time. */
#ifndef CALL_JSON_H
#define CALL_JSON_H

#include "calls_of.h"
#include "json_out.h"

/* How the rows of one answer are written. */
struct call_words {
    const char *prefix; /* of positions and handles: "P123:" where a run has several processes */
    const char *name;   /* of handles: what the user called the function */
    uint64_t until;     /* ns at which open calls are counted to */
    int has_gaps;       /* the end of an open call may have been lost */
};

void call_json(struct json_out *json, struct reader *reader, const struct call_words *words,
               const struct call_found *call);

#endif
