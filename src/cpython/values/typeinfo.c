/* Why: how a type is named and shown takes 200 ns to find out, and is needed for every value.
 *
 *    table[hash of the address]  ->  two of typeinfo { checked: type, name, dictionary, version,
 *                                                      stamp }
 *
 * Invariant: an entry is used only where address, name, dictionary and version all agree. A new
 * type at the address of one that died differs in one of them. */
#include "typeinfo.h"

#include <string.h>

#include "captured_types.h"
#include "policy.h"
#include "previews.h"
#include "pyerror.h"
#include "pytext.h"
#include "state.h"

#include "alloc.h"

enum { PLACES = 1024, WAYS = 2 };

static struct typeinfo entries[PLACES][WAYS];

/* Returns the entries for the address of a type, whatever types they describe. */
static struct typeinfo *find_type_entries(PyTypeObject *type)
{
    uint64_t key = (uint64_t)(uintptr_t)type;
    return entries[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
}

/* Returns the address of the name by which a type is known. */
static inline const void *name_place(const PyTypeObject *type)
{
    return type->tp_flags & Py_TPFLAGS_HEAPTYPE ? ((const PyHeapTypeObject *)type)->ht_qualname
                                                : (const void *)type->tp_name;
}

/* Returns whether an entry describes a type as it is now. */
static inline int is_info_of(const struct typeinfo *info, const PyTypeObject *type)
{
    return info->type == type && info->stamp == recording.name_stamp &&
           info->name == name_place(type) && info->dict == type->tp_dict &&
           info->version == type->tp_version_tag;
}

/* Returns the string id of "module.qualname"; built-ins have no module. A program may name its
 * classes as it runs, so a name is searched for secrets. */
static uint32_t name_id(struct lane *lane, PyTypeObject *type)
{
    uint8_t text[512], clean[512];
    size_t n = 0;
    if (recording.recorder == NULL) {
        return 0; /* another thread stopped the recording while a preview ran */
    }
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        PyObject *module =
            type->tp_dict != NULL ? PyDict_GetItemString(type->tp_dict, "__module__") : NULL;
        if (module != NULL && PyUnicode_Check(module) &&
            PyUnicode_CompareWithASCIIString(module, "builtins") != 0) {
            n = pytext_put(module, text, 250);
            text[n++] = '.';
        }
        n += pytext_put(((PyHeapTypeObject *)type)->ht_qualname, text + n, 250);
    } else {
        n = strlen(type->tp_name) < sizeof text ? strlen(type->tp_name) : sizeof text;
        memcpy(text, type->tp_name, n);
    }
    size_t left = policy_clean(NULL, text, n, NULL, 0, clean, sizeof clean);
    return recorder_string(recording.recorder, lane, left != 0 ? clean : text,
                           left != 0 ? left : n);
}

static int is_metaclass_of_enums(const PyTypeObject *meta)
{
    return strcmp(meta->tp_name, "EnumType") == 0 || strcmp(meta->tp_name, "EnumMeta") == 0;
}

/* Returns whether a tuple type has the attribute _fields, as named tuples have. */
static int is_named_tuple(PyTypeObject *type)
{
    PyObject *fields =
        type->tp_dict != NULL ? PyDict_GetItemString(type->tp_dict, "_fields") : NULL;
    return fields != NULL && PyTuple_CheckExact(fields);
}

/* Decides how instances of a type are shown. */
static enum show show_of(PyTypeObject *type, int *is_wrapped)
{
    static const struct {
        PyTypeObject *type;
        enum show show;
    } known[] = {
        {&PyLong_Type, SHOW_INT},      {&PyUnicode_Type, SHOW_STR},
        {&PyFloat_Type, SHOW_FLOAT},   {&PyComplex_Type, SHOW_COMPLEX},
        {&PyBytes_Type, SHOW_BYTES},   {&PyByteArray_Type, SHOW_BYTEARRAY},
        {&PyList_Type, SHOW_LIST},     {&PyTuple_Type, SHOW_TUPLE},
        {&PyDict_Type, SHOW_DICT},     {&PySet_Type, SHOW_SET},
        {&PyFrozenSet_Type, SHOW_SET}, {&PyDictProxy_Type, SHOW_PROXY},
        {&PyRange_Type, SHOW_RANGE},   {&PySlice_Type, SHOW_SLICE},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (type == known[i].type) {
            *is_wrapped = known[i].show == SHOW_BYTEARRAY || known[i].show == SHOW_PROXY;
            return known[i].show;
        }
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (PyType_IsSubtype(type, known[i].type)) {
            *is_wrapped = known[i].show != SHOW_TUPLE || !is_named_tuple(type);
            return *is_wrapped ? known[i].show : SHOW_NAMED_TUPLE;
        }
    }
    if (strcmp(type->tp_name, "collections.deque") == 0 && TYPE_IS_NATIVE(type)) {
        *is_wrapped = 1;
        return SHOW_DEQUE;
    }
    if (PyType_IsSubtype(type, (PyTypeObject *)PyExc_BaseException)) {
        return SHOW_EXCEPTION;
    }
    return SHOW_FIELDS;
}

/* Returns whether a member of a C type is a reference to an object. */
static int is_object_member(const PyMemberDef *member, const PyTypeObject *type)
{
    return (member->type == T_OBJECT_EX || member->type == T_OBJECT) && member->offset > 0 &&
           member->offset + (Py_ssize_t)sizeof(PyObject *) <= type->tp_basicsize &&
           strncmp(member->name, "__", 2) != 0;
}

/* Collects slots of Python classes and object members of C types, those of base classes first. */
static void find_fields(struct lane *lane, struct typeinfo *info, PyTypeObject *type)
{
    struct field found[TYPEINFO_FIELDS];
    uint32_t count = 0;
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = mro != NULL ? PyTuple_GET_SIZE(mro) : 0; i-- > 0;) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (!PyType_Check(base)) {
            continue;
        }
        for (PyMemberDef *m = base->tp_members;
             m != NULL && m->name != NULL && count < TYPEINFO_FIELDS; m++) {
            if (is_object_member(m, type) && recording.recorder != NULL) {
                uint32_t name = recorder_string(recording.recorder, lane, m->name, strlen(m->name));
                found[count++] = (struct field){name, (uint32_t)m->offset, m->name};
            }
        }
    }
    info->fields = count != 0 ? rl_alloc(count, sizeof *found) : NULL;
    if (info->fields != NULL) {
        memcpy(info->fields, found, count * sizeof *found);
        info->field_count = count;
    }
}

/* Returns whether instances have a dictionary, or inline values. */
static int has_dict(const PyTypeObject *type)
{
#if HAS_MANAGED_DICT
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        return 1;
    }
#endif
    return type->tp_dictoffset != 0;
}

/* Finds out all about a type. */
static void fill_typeinfo(struct lane *lane, struct typeinfo *info, PyTypeObject *type)
{
    rl_free(info->fields);
    *info = (struct typeinfo){
        .type = type,
        .name = name_place(type),
        .dict = type->tp_dict,
        .version = (unsigned)type->tp_version_tag,
        .stamp = recording.name_stamp,
        .id = name_id(lane, type),
        .has_dict = has_dict(type),
    };
    info->special = previews_has(type) ? previews_show : special_for(type);
    if (info->special == NULL && is_metaclass_of_enums(Py_TYPE(type))) {
        info->special = special_for(NULL);
    }
    if (info->special != NULL) {
        info->show = SHOW_SPECIAL;
        return;
    }
    info->show = show_of(type, &info->is_wrapped);
    if (info->show == SHOW_FIELDS) {
        find_fields(lane, info, type);
        if (info->field_count == 0 && !info->has_dict) {
            info->show = SHOW_OPAQUE;
        }
    }
}

/* Describes a type in place of the older one of two, which becomes the newer one. */
static __attribute__((noinline)) const struct typeinfo *
replace_typeinfo(struct lane *lane, struct typeinfo *at, PyTypeObject *type)
{
    struct pyerror error = pyerror_take();
    struct typeinfo moved = at[0];
    at[0] = at[1];
    at[1] = moved;
    fill_typeinfo(lane, &at[0], type);
    pyerror_put_back(&error);
    return at;
}

const struct typeinfo *typeinfo_get(struct lane *lane, PyTypeObject *type)
{
    struct typeinfo *at = find_type_entries(type);
    if (__builtin_expect(is_info_of(&at[0], type), 1)) {
        return &at[0];
    }
    return is_info_of(&at[1], type) ? &at[1] : replace_typeinfo(lane, at, type);
}

uint32_t typeinfo_changes;

void typeinfo_forget(void)
{
    typeinfo_changes++;
    for (size_t i = 0; i < PLACES; i++) {
        entries[i][0].stamp = entries[i][1].stamp = 0;
    }
}
