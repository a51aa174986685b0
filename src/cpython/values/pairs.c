/* Why: see pairs.h. Each way to name a value has a function of its own here. */
#include "pairs.h"

#include <string.h>

#include "capture.h"
#include "capture_parts.h"
#include "judge.h"
#include "policy.h"
#include "pyframe.h"

#define NAME_MOST 64 /* of a command with its folder */

static int is_text_object(PyObject *o)
{
    return PyUnicode_Check(o) || PyBytes_Check(o);
}

/* A drop becomes a redaction, because an item cannot vanish from its container. */
void pairs_put(struct capture *c, PyObject *value, enum filter_action action)
{
    action = judge(action, value);
    policy_count(POLICY_ATTRIBUTE, action);
    capture_filtered(c, value, action == FILTER_DROP ? FILTER_REDACT : action);
}

/* Returns whether one of the words before an item is that command, which decides what -p and -u
 * mean. */
static int is_of_command(PyObject *const *items, size_t at, const char *command)
{
    char buffer[NAME_MOST];
    size_t len, n = strlen(command);
    while (at-- > 0) {
        const char *text = judge_text(items[at], buffer, sizeof buffer, &len);
        for (size_t i = 0; text != NULL && i + n <= len && len <= NAME_MOST; i++) {
            if (memcmp(text + i, command, n) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/* Returns whether an item is `-pX`, as mysql takes a password. */
static int is_password(PyObject *const *items, size_t at)
{
    PyObject *item = items[at];
    return PyUnicode_Check(item) && TEXT_IS_READY(item) && PyUnicode_GET_LENGTH(item) > 2 &&
           PyUnicode_READ_CHAR(item, 0) == '-' && PyUnicode_READ_CHAR(item, 1) == 'p' &&
           is_of_command(items, at, "mysql");
}

/* Returns the action for the name "password" under the filter of this code. */
static enum filter_action as_password(const struct capture *c)
{
    return policy_word(c->policy, FILTER_KEY, "password");
}

/* Returns whether the last item has a name before it. A header of h11 has its name twice: the
 * second time as it was sent. */
static int is_named_pair(PyObject *const *items, size_t length)
{
    return is_text_object(items[length - 1]) &&
           (length == 2 || (PyBytes_CheckExact(items[0]) && PyBytes_CheckExact(items[1]) &&
                            PyBytes_GET_SIZE(items[0]) == PyBytes_GET_SIZE(items[1])));
}

/* In a tuple every name counts. In a list only built-in names do, because two words need not be a
 * pair. */
void pairs_put_last(struct capture *c, PyObject *const *items, size_t length, int is_list)
{
    enum filter_action action =
        is_named_pair(items, length) ? judge_named(c->policy, items[length - 2]) : FILTER_ALLOW;
    int is_ours = action >= FILTER_SECRET; /* two words in a list need not be a pair */
    if (is_password(items, length - 1)) {
        action = as_password(c);
        is_ours = 1;
    }
    pairs_put(c, items[length - 1], is_list && !is_ours ? FILTER_ALLOW : action);
}

/* Returns whether a text has a colon: user:password. */
static int has_colon(PyObject *item)
{
    return PyUnicode_Check(item) && TEXT_IS_READY(item) &&
           PyUnicode_FindChar(item, ':', 1, PyUnicode_GET_LENGTH(item), 1) >= 0;
}

/* An option with `=` contains its value, so it says nothing about the next item. */
struct said_by_option pairs_option(const struct capture *c, PyObject *const *items, size_t at,
                                   size_t length)
{
    struct said_by_option said = {FILTER_ALLOW, FILTER_ALLOW};
    PyObject *item = items[at];
    Py_ssize_t len = PyUnicode_Check(item) && TEXT_IS_READY(item) ? PyUnicode_GET_LENGTH(item) : 0;
    Py_UCS4 letter = len > 1 ? PyUnicode_READ_CHAR(item, 1) : 0;
    if (is_password(items, at)) {
        said.own = as_password(c);
    } else if (len > 1 && at + 1 < length && has_colon(items[at + 1]) &&
               ((letter == 'u' && len == 2) ||
                PyUnicode_CompareWithASCIIString(item, "--user") == 0) &&
               is_of_command(items, at, "curl")) {
        said.next = as_password(c);
    } else if (len > 2 && PyUnicode_FindChar(item, '=', 0, len, 1) < 0) {
        said.next = policy_name(c->policy, FILTER_KEY, item);
    }
    return said;
}

/* Returns the action of "value" in {"value": ..., "name": ...}, where the name comes later. */
static enum filter_action named_in(const struct capture *c, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    for (unsigned left = c->limits->items; left > 0 && PyDict_Next(dict, &at, &key, &value);
         left--) {
        if (PyUnicode_CheckExact(key) && TEXT_IS_READY(key) &&
            policy_name(c->policy, FILTER_KEY, key) == FILTER_NAMES) {
            return judge_named(c->policy, value);
        }
    }
    return FILTER_ALLOW;
}

enum filter_action pairs_in_dict(const struct capture *c, PyObject *dict, PyObject *value,
                                 enum filter_action action, enum filter_action *named)
{
    if (action == FILTER_NAMES) {
        *named = judge_named(c->policy, value);
        return FILTER_ALLOW;
    }
    if (action == FILTER_NAMED) {
        action = *named != FILTER_INHERIT ? *named : named_in(c, dict);
    }
    return judge(action, value);
}

/* Returns the action of the value in f(key=..., value=...): by the last name before it, else by the
 * first one. */
static enum filter_action named_by_slot(const struct policy *policy, const uint8_t *actions,
                                        uint32_t slot, PyCodeObject *code, native_frame *frame)
{
    for (uint32_t left = slot; left > 0; left--) {
        if (actions[left - 1] == FILTER_NAMES) {
            return judge_named(policy, frame_variable(code, frame, (Py_ssize_t)left - 1));
        }
    }
    for (uint32_t i = slot + 1;
         i < (actions == policy->args ? policy->arg_count : policy->slot_count); i++) {
        if (actions[i] == FILTER_NAMES) {
            return judge_named(policy, frame_variable(code, frame, (Py_ssize_t)i));
        }
    }
    return FILTER_ALLOW;
}

enum filter_action pairs_slot(const struct policy *policy, const uint8_t *actions, uint32_t slot,
                              PyCodeObject *code, native_frame *frame, PyObject *value)
{
    enum filter_action action = (enum filter_action)actions[slot];
    if (action == FILTER_NAMED) {
        action = named_by_slot(policy, actions, slot, code, frame);
    }
    return judge(action, value);
}
