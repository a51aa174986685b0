/* A captured value as text. Complete values of exact built-in types give what repr() gives, all
 * others the nearest thing to it:
 *
 *    captured as              text
 *    LIST, DICT, ...          [1, 2], {'a': 1}     with "..." for items that were not captured
 *    STR_CUT, BYTES_CUT       'abcdef'...
 *    BIG_INT_CUT              <int of 4000 bits>
 *    OBJECT                   Node(value=1, next=None)
 *    OPAQUE, LABEL            <app.Node object>, <app.Node #12>
 *    EXCEPTION                ValueError('no such user')
 *    WRAPPED                  Celsius(36.6)
 *    DEEP, CYCLE, CUT         <list of 3>, <cycle>, <cut>
 *    REDACTED, DROPPED        <redacted>, <dropped>
 *    UNSET                    <not set>
 *
 * Threads: pure functions of their arguments. */
#ifndef VALUE_TEXT_H
#define VALUE_TEXT_H

#include <relive/rl_status.h>

#include "bytes.h"
#include "string_table.h"

/* Takes one value from `in` and appends its text. `strings` has the names of types and attributes.
 * Returns RL_DAMAGED where the bytes are no value, and RL_END where none is left; some text may
 * have been written then. */
RL_CHECKED rl_status value_text(struct bytes_out *out, const struct strings *strings,
                                struct bytes_in *in);

#endif
