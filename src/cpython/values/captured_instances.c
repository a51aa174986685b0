/* Part of capture_parts.h. Why: most objects are instances of the program's classes. Their fields
 * are read from storage:
 *
 *    slots, members of C types     at their offsets (typeinfo.h)
 *    attributes                    in the object itself (inline values), or in its dictionary
 *
 * Invariant: no code of the program runs, except a preview of a value in a field. */
#include <string.h>

#include "capture.h"
#include "capture_parts.h"
#include "instance.h"
#include "judge.h"
#include "policy.h"

/* Returns the action for an attribute. A name that is no str has none. */
static enum filter_action attribute_action(const struct capture *c, PyObject *name)
{
    return PyUnicode_Check(name) && TEXT_IS_READY(name) ? policy_name(c->policy, FILTER_ATTR, name)
                                                        : FILTER_ALLOW;
}

static void put_attribute(struct capture *c, PyObject *value, enum filter_action action)
{
    if (__builtin_expect(action != FILTER_ALLOW, 0)) {
        action = judge(action, value);
        policy_count(POLICY_ATTRIBUTE, action);
        capture_filtered(c, value, action);
    } else {
        capture_value(c, value);
    }
}

/* Writes a named tuple with the names of its fields. */
void captured_named_tuple(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    PyObject *names = PyDict_GetItemString(Py_TYPE(o)->tp_dict, "_fields"); /* borrowed */
    size_t length = (size_t)Py_SIZE(o);
    if (names == NULL || !PyTuple_CheckExact(names) || PyTuple_GET_SIZE(names) != Py_SIZE(o)) {
        PyErr_Clear();
        capture_wrapped(c, o, info);
        capture_tuple(c, o);
        return;
    }
    uint32_t type = info->id;
    if (!capture_enter(c, o, length)) {
        return;
    }
    capture_open(c, RL_VALUE_OBJECT, o);
    capture_put_number(c, type);
    struct open_list list = capture_open_items(c, length, c->limits->items);
    size_t shown = 0;
    for (; shown < length && capture_has_field_room(c, shown); shown++) {
        PyObject *name = PyTuple_GET_ITEM(names, (Py_ssize_t)shown);
        capture_put_number(c, capture_name_id(c->lane, name));
        put_attribute(c, PyTuple_GET_ITEM(o, (Py_ssize_t)shown), attribute_action(c, name));
    }
    capture_close_items(&list, shown);
    capture_leave(c);
}

/* ---- fields ---- */

struct shown {
    struct open_list list;
    size_t count, length;
};

/* Writes a field under its action, or counts it where there is no room. */
static void put_field(struct capture *c, struct shown *s, uint32_t name, PyObject *value,
                      enum filter_action action)
{
    if (action == FILTER_DROP) {
        policy_count(POLICY_ATTRIBUTE, action);
        return;
    }
    s->length++;
    capture_put_number(c, name);
    put_attribute(c, value, action);
    s->count++;
}

/* Writes a field; those beyond the bounds are only counted. */
static void put_named_field(struct capture *c, struct shown *s, PyObject *name, PyObject *value)
{
    if (!capture_has_field_room(c, s->count)) {
        s->length++;
        return;
    }
    enum filter_action action = attribute_action(c, name);
    put_field(c, s, action != FILTER_DROP ? capture_name_id(c->lane, name) : 0, value, action);
}

/* Writes the attributes in the dictionary of an instance. */
static void put_dict_fields(struct capture *c, struct shown *s, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    size_t left = (size_t)PyDict_GET_SIZE(dict);
    for (; capture_has_field_room(c, s->count) && PyDict_Next(dict, &at, &key, &value); left--) {
        if (PyUnicode_Check(key)) {
            put_named_field(c, s, key, value);
        }
    }
    s->length += left;
}

/* Writes the attributes that are in the object without a dictionary. Returns whether it has
 * such. */
static int put_inline_fields(struct capture *c, struct shown *s, PyObject *o)
{
#if HAS_MANAGED_DICT
    struct instance_values v;
    if (!instance_values_get(o, &v)) {
        return 0;
    }
    unsigned previews = c->previews;
    for (Py_ssize_t n = 0; n < v.set && previews == c->previews; n++) {
        Py_ssize_t i = instance_values_nth(&v, n);
        if (i < v.count && v.values[i] != NULL && v.keys[i].me_key != NULL) {
            put_named_field(c, s, v.keys[i].me_key, v.values[i]);
        }
    }
    return 1;
#else
    (void)c;
    (void)s;
    (void)o;
    return 0;
#endif
}

/* Returns whether an instance is not opened: too many are open, or it is inside another one and
 * compares by identity. What surrounds a call is shown at every call, so bounds inside an instance
 * are tighter; containers show a third of their items there. */
static int is_beyond_instance(const struct capture *c, PyObject *o)
{
    return c->instances == 0 ||
           (c->inside != 0 && Py_TYPE(o)->tp_richcompare == PyBaseObject_Type.tp_richcompare);
}

static void enter_instance(struct capture *c)
{
    c->instances--;
    c->inside++;
    c->items = (c->limits->items + 2) / 3;
}

static void leave_instance(struct capture *c)
{
    c->inside--;
    c->items = c->inside == 0 ? c->limits->items : c->items;
}

/* Writes an instance. Its fields are counted while they are written, so the count comes last: in
 * two bytes, at most 16383. */
void captured_instance(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    struct field fields[64];
    uint32_t field_count = info->field_count, type = info->id;
    int with_dict = info->has_dict;
    if (is_beyond_instance(c, o)) {
        capture_deep(c, o, type, 0);
        return;
    }
    if (!capture_enter(c, o, 1)) {
        return;
    }
    enter_instance(c);
    if (field_count != 0) {
        memcpy(fields, info->fields, field_count * sizeof *fields);
    }
    capture_open(c, RL_VALUE_OBJECT, o);
    capture_put_number(c, type);
    uint8_t *length_at = c->p;
    struct shown s = {{c->p + 2, 2}, 0, 0};
    c->p += 4;
    for (uint32_t i = 0; i < field_count; i++) {
        PyObject *value = *(PyObject **)(void *)((char *)o + fields[i].offset);
        if (value != NULL && !capture_has_field_room(c, s.count)) {
            s.length++;
        } else if (value != NULL) {
            put_field(c, &s, fields[i].name, value,
                      policy_word(c->policy, FILTER_ATTR, fields[i].word));
        }
    }
    if (with_dict && !put_inline_fields(c, &s, o)) {
        PyObject *dict = instance_dict(o);
        if (dict != NULL && PyDict_Check(dict)) {
            put_dict_fields(c, &s, dict);
        }
    }
    size_t length = s.length < 16383 ? s.length : 16383;
    length_at[0] = (uint8_t)(length | 0x80);
    length_at[1] = (uint8_t)(length >> 7);
    capture_close_items(&s.list, s.count);
    leave_instance(c);
    capture_leave(c);
}
