/* How a change is found without keeping the object: a word that an object's content is summed up
 * in. The address comes beside it. What each word can miss: docs/compat.md, "What a watched
 * variable can miss".
 *
 *   int, float, str    size and low digit, bits, length: cheap, on every look
 *   containers         a fingerprint: sizes and the addresses of the first and last items */
#ifndef WATCH_H
#define WATCH_H

#include "compat.h"

#include <string.h>

#include "instance.h"

#define WATCH_ENDS 16 /* of a long container so many items are looked at on either side */

static inline uint64_t watch_mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum << 29 | sum >> 35;
}

static inline uint64_t watch_int(PyObject *o)
{
    /* a 0 may have been made without room for a digit */
    uint64_t digit = LONG_COUNT(o) != 0 ? LONG_DIGITS(o)[0] : 0;
    return (uint64_t)LONG_SIZE_AND_SIGN(o) << 32 ^ digit;
}

static inline uint64_t watch_float(PyObject *o)
{
    double number = PyFloat_AS_DOUBLE(o);
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* The word of an immutable atom; 0 for everything else. */
static inline uint64_t watch_atom(PyObject *o)
{
    const PyTypeObject *type = Py_TYPE(o);
    return type == &PyLong_Type      ? watch_int(o)
           : type == &PyUnicode_Type ? (uint64_t)PyUnicode_GET_LENGTH(o)
           : type == &PyFloat_Type   ? watch_float(o)
                                     : 0;
}

static inline uint64_t watch_row(uint64_t sum, PyObject *const *items, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        sum = watch_mix(sum, (uint64_t)(uintptr_t)items[i]);
    }
    return sum;
}

static inline uint64_t watch_ends(uint64_t sum, PyObject *const *items, Py_ssize_t n)
{
    if (n <= 2 * WATCH_ENDS) {
        return watch_row(sum, items, n);
    }
    return watch_row(watch_row(sum, items, WATCH_ENDS), items + n - WATCH_ENDS, WATCH_ENDS);
}

static inline uint64_t watch_list(PyObject *o)
{
    const PyListObject *list = (PyListObject *)o;
    uint64_t sum = watch_mix((uint64_t)Py_SIZE(o), (uint64_t)(uintptr_t)list->ob_item);
    return watch_ends(sum, list->ob_item, Py_SIZE(o));
}

static inline uint64_t watch_set(PyObject *o)
{
    const PySetObject *set = (PySetObject *)o;
    uint64_t sum = watch_mix((uint64_t)set->used, (uint64_t)set->fill);
    sum = watch_mix(sum, (uint64_t)set->mask);
    sum = watch_mix(sum, (uint64_t)(uintptr_t)set->table);
    for (Py_ssize_t i = 0; i <= set->mask && i < 2 * WATCH_ENDS; i++) {
        sum = watch_mix(sum, (uint64_t)(uintptr_t)set->table[i].key);
    }
    return sum;
}

#if !DICT_HAS_VERSION || DICT_VERSION_SKIPS_SPLIT
/* A dictionary that keeps no version of its content. */
static inline uint64_t watch_dict_items(const PyDictObject *dict)
{
    PyDictKeysObject *keys = dict->ma_keys;
    uint64_t sum = watch_mix((uint64_t)dict->ma_used, (uint64_t)(uintptr_t)keys);
    sum = watch_mix(sum, (uint64_t)keys->dk_nentries);
    Py_ssize_t n = keys->dk_nentries;
    if (dict->ma_values != NULL) {
        return watch_ends(sum, (PyObject *const *)dict->ma_values->values, n);
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (i == WATCH_ENDS && n > 2 * WATCH_ENDS) {
            i = n - WATCH_ENDS;
        }
        const PyObject *value = keys->dk_kind == DICT_KEYS_GENERAL
                                    ? DK_ENTRIES(keys)[i].me_value
                                    : DK_UNICODE_ENTRIES(keys)[i].me_value;
        sum = watch_mix(sum, (uint64_t)(uintptr_t)value);
    }
    return sum;
}
#endif

static inline uint64_t watch_dict(PyObject *o)
{
    const PyDictObject *dict = (PyDictObject *)o;
#if DICT_VERSION_SKIPS_SPLIT
    return dict->ma_values != NULL ? watch_dict_items(dict) : DICT_VERSION(dict);
#elif DICT_HAS_VERSION
    return DICT_VERSION(dict);
#else
    return watch_dict_items(dict);
#endif
}

/* Adds the attributes that an instance or its dictionary holds; slots are the caller's. */
static inline uint64_t watch_attributes(uint64_t sum, PyObject *o)
{
#if HAS_MANAGED_DICT
    struct instance_values v;
    if (instance_values_get(o, &v)) {
        for (Py_ssize_t i = 0; i < v.count; i++) {
            PyObject *value = v.values[i];
            sum = watch_mix(sum, (uint64_t)(uintptr_t)value);
            sum = value != NULL ? sum ^ watch_atom(value) : sum;
        }
        return sum;
    }
#endif
    PyObject *dict = instance_dict(o);
    return dict != NULL && PyDict_Check(dict) ? watch_mix(sum, watch_dict(dict)) : sum;
}

#endif
