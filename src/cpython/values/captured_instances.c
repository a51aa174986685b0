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
#include "field_names.h"
#include "instance.h"
#include "judge.h"
#include "parts.h"
#include "policy.h"

/* Writes the value of a field at p, under the action of its name. Returns the place after it. */
static inline uint8_t *put_field_value(struct capture *c, uint8_t *p, PyObject *value,
                                       enum filter_action action)
{
    if (__builtin_expect(action == FILTER_ALLOW, 1)) {
        return capture_put_at(c, p, value);
    }
    action = judge(action, value);
    policy_count(POLICY_ATTRIBUTE, action);
    c->p = p;
    capture_filtered(c, value, action);
    return c->p;
}

/* Writes the id of a name. */
static inline uint8_t *put_field_name(uint8_t *p, const struct field_name *name)
{
    memcpy(p, name->id, sizeof name->id);
    return p + name->size;
}

static const struct field_name no_name = {.action = FILTER_ALLOW, .size = 1};

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
    const struct names_of_type known = names_of_type(c, Py_TYPE(o));
    for (; shown < length && capture_has_field_room(c, shown); shown++) {
        PyObject *word = PyTuple_GET_ITEM(names, (Py_ssize_t)shown);
        const struct field_name *name =
            PyUnicode_Check(word) ? field_name_get(c, &known, shown, word) : &no_name;
        PyObject *value = PyTuple_GET_ITEM(o, (Py_ssize_t)shown);
        c->p = put_field_value(c, put_field_name(c->p, name), value, name->action);
    }
    capture_close_items(&list, shown);
    capture_leave(c);
}

/* ---- fields ---- */

/* The fields of one instance while they are written. */
struct shown {
    struct names_of_type names;
    struct open_list list;
    size_t count, length;
    uint32_t slots; /* that precede the attributes */
};

/* Notes where the value of a field is. */
static void note_part(struct capture *c, size_t at, enum filter_action action, const uint8_t *value)
{
    if (at < c->parts->count && at < PARTS_MOST) {
        c->parts->of[at].value = (uint16_t)(value - c->bytes);
        c->parts->of[at].after = (uint16_t)(c->p - c->bytes);
        c->parts->of[at].action = (uint8_t)action;
        c->parts->noted++;
    }
}

/* Writes a field under the action of its name. */
static inline void put_field(struct capture *c, struct shown *s, const struct field_name *name,
                             PyObject *value)
{
    if (__builtin_expect(name->action == FILTER_DROP, 0)) {
        policy_count(POLICY_ATTRIBUTE, FILTER_DROP);
        return;
    }
    s->length++;
    s->count++;
    enum filter_action action = name->action;
    uint8_t *p = put_field_name(c->p, name);
    c->p = put_field_value(c, p, value, action);
    if (c->parts != NULL && c->inside == 1 && c->depth == 1) {
        note_part(c, s->count - 1, action, p);
    }
}

/* Writes an attribute; those beyond the bounds are only counted. `at`: where its name is among the
 * keys. */
static inline void put_named_field(struct capture *c, struct shown *s, Py_ssize_t at,
                                   PyObject *name, PyObject *value)
{
    if (!capture_has_field_room(c, s->count)) {
        s->length++;
        return;
    }
    put_field(c, s, field_name_get(c, &s->names, s->slots + (size_t)at, name), value);
}

/* Writes the slots of an instance. The fields of `info` are copied first: a value that is captured
 * may replace them. */
static void put_slots(struct capture *c, struct shown *s, PyObject *o, const struct typeinfo *info)
{
    struct field fields[TYPEINFO_FIELDS];
    uint32_t count = info->field_count;
    if (count != 0) {
        memcpy(fields, info->fields, count * sizeof *fields);
    }
    for (uint32_t i = 0; i < count; i++) {
        PyObject *value = *(PyObject **)(void *)((char *)o + fields[i].offset);
        if (value != NULL && !capture_has_field_room(c, s->count)) {
            s->length++;
        } else if (value != NULL) {
            put_field(c, s, field_name_get_slot(c, &s->names, i, &fields[i]), value);
        }
    }
    s->slots = count;
}

/* Writes the attributes in the dictionary of an instance. */
static void put_dict_fields(struct capture *c, struct shown *s, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    size_t left = (size_t)PyDict_GET_SIZE(dict);
    for (; capture_has_field_room(c, s->count) && PyDict_Next(dict, &at, &key, &value); left--) {
        if (PyUnicode_Check(key)) {
            put_named_field(c, s, at, key, value);
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
            put_named_field(c, s, i, v.keys[i].me_key, v.values[i]);
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
    uint32_t type = info->id;
    int with_dict = info->has_dict;
    if (is_beyond_instance(c, o)) {
        capture_deep(c, o, type, 0);
        return;
    }
    if (!capture_enter(c, o, 1)) {
        return;
    }
    enter_instance(c);
    capture_open(c, RL_VALUE_OBJECT, o);
    capture_put_number(c, type);
    uint8_t *length_at = c->p;
    struct shown s = {.names = names_of_type(c, Py_TYPE(o)), .list = {c->p + 2, 2}};
    c->p += 4;
    if (info->field_count != 0) {
        put_slots(c, &s, o, info);
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

int captured_enter_fields(struct capture *c, PyObject *o)
{
    if (!capture_enter(c, o, 1)) {
        return 0;
    }
    enter_instance(c);
    return 1;
}

uint8_t *captured_field(struct capture *c, uint8_t *p, PyObject *value, unsigned action)
{
    return put_field_value(c, p, value, (enum filter_action)action);
}

void captured_leave_fields(struct capture *c)
{
    leave_instance(c);
    capture_leave(c);
}
