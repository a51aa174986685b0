/* Why: see pairs.h. */
#include "pairs.h"

#include "capture_parts.h"
#include "judge.h"
#include "policy.h"

static int is_text(PyObject *o)
{
    return PyUnicode_Check(o) || PyBytes_Check(o);
}

void pairs_put(struct capture *c, PyObject *value, enum filter_action action)
{
    action = judge(action, value);
    policy_count(POLICY_ATTRIBUTE, action);
    capture_filtered(c, value, action == FILTER_DROP ? FILTER_REDACT : action);
}

void pairs_put_second(struct capture *c, PyObject *name, PyObject *value, int is_list)
{
    enum filter_action action = is_text(value) ? judge_named(c->policy, name) : FILTER_ALLOW;
    int is_ours = action >= FILTER_SECRET; /* two words in a list need not be a pair */
    pairs_put(c, value, is_list && !is_ours ? FILTER_ALLOW : action);
}

enum filter_action pairs_option(const struct capture *c, PyObject *item)
{
    Py_ssize_t len = PyUnicode_Check(item) && TEXT_IS_READY(item) ? PyUnicode_GET_LENGTH(item) : 0;
    if (len < 3 || PyUnicode_FindChar(item, '=', 0, len, 1) >= 0) {
        return FILTER_ALLOW;
    }
    return policy_name(c->policy, FILTER_KEY, item);
}

/* What the name in {"value": ..., "name": ...} says, which comes later. */
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

/* The variable before it that names it, else the first one. */
static enum filter_action named_by_slot(const struct policy *policy, const uint8_t *actions,
                                        uint32_t slot, PyCodeObject *code, native_frame *frame)
{
    for (uint32_t left = slot; left > 0; left--) {
        if (actions[left - 1] == FILTER_NAMES) {
            return judge_named(policy, capture_variable(code, frame, (Py_ssize_t)left - 1));
        }
    }
    for (uint32_t i = slot + 1;
         i < (actions == policy->args ? policy->arg_count : policy->slot_count); i++) {
        if (actions[i] == FILTER_NAMES) {
            return judge_named(policy, capture_variable(code, frame, (Py_ssize_t)i));
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
