/* Where the attributes of an instance are stored. Reading them makes no dictionary and runs
 * nothing. Under the GIL; borrowed values are good until Python code runs. */
#ifndef INSTANCE_H
#define INSTANCE_H

#include "compat.h"

#if HAS_MANAGED_DICT
struct instance_values {
    PyObject *const *values;
    const PyDictUnicodeEntry *keys;
    Py_ssize_t count;     /* of the keys that the instances of the class share */
    const uint8_t *order; /* indexes of the values that are set, in the order of their setting, */
    int step;             /* from one to the next, */
    Py_ssize_t set;       /* and how many there are */
};

/* Returns where the values are while the instance has no dictionary; NULL where it has one. */
static inline PyDictValues *instance_values_at(PyObject *o)
{
    if (!(Py_TYPE(o)->tp_flags & Py_TPFLAGS_MANAGED_DICT)) {
        return NULL;
    }
#if HAS_INLINE_VALUES
    if (!(Py_TYPE(o)->tp_flags & Py_TPFLAGS_INLINE_VALUES)) {
        return NULL;
    }
    PyDictValues *values = _PyObject_InlineValues(o);
    return values->valid ? values : NULL;
#elif HAS_TAGGED_VALUES
    PyDictOrValues either = *_PyObject_DictOrValuesPointer(o);
    return _PyDictOrValues_IsValues(either) ? _PyDictOrValues_GetValues(either) : NULL;
#else
    return *_PyObject_ValuesPointer(o);
#endif
}

/* Describes an array of values. */
static inline void instance_values_of(const PyDictValues *values, PyDictKeysObject *keys,
                                      struct instance_values *out)
{
    out->values = (PyObject *const *)values->values;
    out->keys = DK_UNICODE_ENTRIES(keys);
    out->count = keys->dk_nentries;
#if HAS_INLINE_VALUES
    out->order = (const uint8_t *)&values->values[values->capacity];
    out->step = 1;
    out->set = values->size;
#else
    out->order = (const uint8_t *)values - 3; /* before them: ..., second, first, size, room */
    out->step = -1;
    out->set = out->order[1];
#endif
}

/* 1 and the values, 0 where they are in a dictionary, or nowhere. */
static inline int instance_values_get(PyObject *o, struct instance_values *out)
{
    const PyDictValues *values = instance_values_at(o);
    PyDictKeysObject *keys = ((PyHeapTypeObject *)Py_TYPE(o))->ht_cached_keys;
    if (values == NULL || keys == NULL || keys->dk_kind == DICT_KEYS_GENERAL) {
        return 0;
    }
    instance_values_of(values, keys, out);
    return 1;
}

/* Returns the memory that says where the values are, and whether they are still there. */
static inline const void *instance_values_place(PyObject *o)
{
#if HAS_INLINE_VALUES
    return _PyObject_InlineValues(o);
#elif HAS_TAGGED_VALUES
    return _PyObject_DictOrValuesPointer(o);
#else
    return _PyObject_ValuesPointer(o);
#endif
}

/* Returns the memory that says how many values are set, and in which order. Inline values end with
 * whole words. */
static inline const void *instance_values_order(const struct instance_values *values, size_t *bytes)
{
#if HAS_INLINE_VALUES
    *bytes = ((size_t)values->set + 7) / 8 * 8;
    return values->order;
#else
    *bytes = (size_t)values->set + 2;
    return values->order - (values->set - 1);
#endif
}

/* Returns the index of the n-th value in the order of their setting: that of vars(). */
static inline Py_ssize_t instance_values_nth(const struct instance_values *values, Py_ssize_t n)
{
    return values->order[n * values->step];
}
#endif

/* The dictionary, where there is one: borrowed or NULL. Not made where there is none. */
static inline PyObject *instance_dict(PyObject *o)
{
#if HAS_MANAGED_DICT
    if (Py_TYPE(o)->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
#if HAS_INLINE_VALUES
        return (PyObject *)_PyObject_GetManagedDict(o);
#elif HAS_TAGGED_VALUES
        PyDictOrValues either = *_PyObject_DictOrValuesPointer(o);
        return _PyDictOrValues_IsValues(either) ? NULL : _PyDictOrValues_GetDict(either);
#else
        return *_PyObject_ManagedDictPointer(o);
#endif
    }
#endif
    PyObject **at = Py_TYPE(o)->tp_dictoffset != 0 ? _PyObject_GetDictPtr(o) : NULL;
    return at != NULL ? *at : NULL;
}

/* The place of that dictionary; NULL where the type has none. */
static inline const void *instance_dict_place(PyObject *o)
{
#if HAS_MANAGED_DICT
    if (Py_TYPE(o)->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
#if HAS_INLINE_VALUES
        return _PyObject_ManagedDictPointer(o);
#elif HAS_TAGGED_VALUES
        return _PyObject_DictOrValuesPointer(o);
#else
        return _PyObject_ManagedDictPointer(o);
#endif
    }
#endif
    return Py_TYPE(o)->tp_dictoffset != 0 ? _PyObject_GetDictPtr(o) : NULL;
}

/* An attribute that the instance itself has, by an interned name: borrowed or NULL. */
static inline PyObject *instance_attribute(PyObject *o, PyObject *name)
{
    PyObject *dict = instance_dict(o);
#if HAS_MANAGED_DICT
    struct instance_values stored;
    if (dict == NULL && instance_values_get(o, &stored)) {
        for (Py_ssize_t i = 0; i < stored.count; i++) {
            if (stored.keys[i].me_key == name) {
                return stored.values[i];
            }
        }
    }
#endif
    return dict != NULL && PyDict_CheckExact(dict) ? PyDict_GetItem(dict, name) : NULL;
}

#endif
