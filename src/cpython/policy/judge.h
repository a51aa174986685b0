/* A name that is a secret's only sometimes is judged by its value: token, otp, auth. And a name
 * that says what another value is: f(key="password", value=...). Nothing here runs Python code. */
#ifndef JUDGE_H
#define JUDGE_H

#include "compat.h"

#include "filter.h"

struct policy;

/* The action for this value: ALLOW, REDACT, DROP, LOOK_INSIDE. */
enum filter_action judge_value(enum filter_action action, PyObject *value);

static inline enum filter_action judge(enum filter_action action, PyObject *value)
{
    return action <= FILTER_DROP ? action : judge_value(action, value);
}

/* What a value says of another, which it names; ALLOW where it is no text. */
enum filter_action judge_named(const struct policy *policy, PyObject *name);

/* The text of a str, bytes or bytearray: its first `size` bytes at most, in `buffer` where it is
 * not ASCII; NULL: it is none of them. */
const char *judge_text(PyObject *value, char *buffer, size_t size, size_t *len);

#endif
