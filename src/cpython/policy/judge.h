/* Decides by a value where its name alone does not decide. Names like token, otp and auth belong to
 * a secret only sometimes. In f(key="password", value=...) one value names another. Nothing here
 * runs Python code. */
#ifndef JUDGE_H
#define JUDGE_H

#include "compat.h"

#include "filter.h"

struct policy;

/* Returns the action for this value: ALLOW, REDACT or LOOK_INSIDE. */
enum filter_action judge_value(enum filter_action action, PyObject *value);

/* The same for any action: those up to DROP need no look at the value. */
static inline enum filter_action judge(enum filter_action action, PyObject *value)
{
    return action <= FILTER_DROP ? action : judge_value(action, value);
}

/* Returns the action for a value that `name` (itself a value) names; ALLOW where `name` is no text.
 */
enum filter_action judge_named(const struct policy *policy, PyObject *name);

/* Returns the text of a str, bytes or bytearray, or NULL for any other type. A str that is not
 * ASCII is transcoded into `buffer` and cut to `size` bytes; other text is borrowed from the
 * object, whole.
 */
const char *judge_text(PyObject *value, char *buffer, size_t size, size_t *len);

#endif
