/* Part of capture.h: what a capture needs to know of the name of a field, encoded id and action of
 * the filter. Instances of one type have the same names in the same order. So each answer is kept
 * under the type and the place of the field, and a look-up hashes nothing:
 *
 *    (type, value set) + place  ->  { name, id, action }      used only where the name agrees
 *
 * Invariant: an answer is compared with the name that the instance has at that place, with the
 * value set, and with recording.name_stamp. Type and place only find it. So a type may change its
 * keys, or another type may get its address: the answer is then replaced.
 *
 * Threads: under the GIL. */
#ifndef FIELD_NAMES_H
#define FIELD_NAMES_H

#include "capture.h"
#include "state.h"
#include "typeinfo.h"

struct field_name {
    const void *name; /* compared only: a str; NULL for a slot */
    const struct filter_set *set;
    Py_hash_t hash;    /* of the str; of a slot, the string id of its word */
    Py_ssize_t length; /* FIELD_OF_SLOT: the word of a slot */
    uint32_t stamp;
    uint8_t action; /* enum filter_action */
    uint8_t size;   /* of the encoded id */
    uint8_t id[8];
};
#define FIELD_OF_SLOT (-1)

#define FIELD_NAMES 2048u
extern struct field_name field_names[FIELD_NAMES];

/* The names of one type under one value set. */
struct names_of_type {
    size_t first; /* where the answers begin */
    const struct filter_set *set;
    uint32_t stamp;
};

static inline struct names_of_type names_of_type(const struct capture *c, const PyTypeObject *type)
{
    const struct filter_set *set = c->policy != NULL ? c->policy->set : NULL;
    uint64_t mixed = (uint64_t)(uintptr_t)type ^ (uint64_t)(uintptr_t)set << 7;
    return (struct names_of_type){mixed * UINT64_C(0x9e3779b97f4a7c15) >> 53, set,
                                  recording.name_stamp};
}

static inline struct field_name *field_name_at(const struct names_of_type *names, size_t place)
{
    return &field_names[(names->first + place) % FIELD_NAMES];
}

/* Find out what an answer says, and keep it. Each returns `at`. */
const struct field_name *field_name_find(struct capture *c, struct field_name *at, PyObject *name);
const struct field_name *field_name_find_slot(struct capture *c, struct field_name *at,
                                              const struct field *field);

/* Returns what is known of the name of an attribute: valid until something else is captured. */
static inline const struct field_name *
field_name_get(struct capture *c, const struct names_of_type *names, size_t place, PyObject *name)
{
    struct field_name *at = field_name_at(names, place);
    Py_hash_t hash = ((PyASCIIObject *)name)->hash;
    if (__builtin_expect(at->name == name && at->hash == hash && hash != -1 &&
                             at->length == PyUnicode_GET_LENGTH(name) && at->set == names->set &&
                             at->stamp == names->stamp,
                         1)) {
        return at;
    }
    return field_name_find(c, at, name);
}

/* Returns the same of a slot. Its string id is compared in place of its text. */
static inline const struct field_name *field_name_get_slot(struct capture *c,
                                                           const struct names_of_type *names,
                                                           size_t place, const struct field *field)
{
    struct field_name *at = field_name_at(names, place);
    if (__builtin_expect(at->length == FIELD_OF_SLOT && at->hash == (Py_hash_t)field->name &&
                             at->set == names->set && at->stamp == names->stamp,
                         1)) {
        return at;
    }
    return field_name_find_slot(c, at, field);
}

#endif
