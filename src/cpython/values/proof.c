/* Why: see proof.h. What is walked here is at least what capture.c and captured_instances.c show.
 *
 *    prove_value()
 *      +-- prove_atom()        ints, floats, texts, bytes: their content
 *      +-- prove_container()   the places of the items that are shown, and the items
 *      +-- prove_instance()    the places of the fields, and the fields
 *      +-- prove_name()        functions, classes: the places of their names
 *
 * Invariant: before an address is read, a word of the proof says that it is that of a live object's
 * memory. */
#include "proof.h"

#include "bounds.h"
#include "capture_parts.h"
#include "captured_types.h"
#include "instance.h"
#include "typeinfo.h"

enum { TYPES_MOST = 8, RUN_LEAST = 64 };

const uint64_t proof_run = 0;

struct proof {
    struct proof_word *words;
    size_t count, most;
    int has_failed;
    const struct value_limits *limits;
    struct lane *lane;
    unsigned depth, inside;
    struct parts *parts; /* of the object itself; or NULL */
    unsigned type_count;
    const PyTypeObject *types[TYPES_MOST]; /* those that are in the proof already */
};

/* Adds the eight bytes at an address. */
static inline void add_word(struct proof *p, const void *at)
{
    if (p->count == p->most) {
        p->has_failed = 1;
        return;
    }
    p->words[p->count].at = at;
    memcpy(&p->words[p->count++].word, at, sizeof(uint64_t));
}

/* Adds `n` bytes. Where they are no whole words, the last word begins before them: what is there is
 * of the same object. */
static void add_bytes(struct proof *p, const void *data, size_t n)
{
    const char *at = data;
    for (; n >= sizeof(uint64_t) && !p->has_failed; at += sizeof(uint64_t), n -= sizeof(uint64_t)) {
        add_word(p, at);
    }
    if (n != 0) {
        add_word(p, at + n - sizeof(uint64_t));
    }
}

/* Adds `n` bytes as a run: nothing is read before or behind them. */
static void add_run(struct proof *p, const void *data, size_t n)
{
    size_t words = 2 + proof_run_words(n);
    if (words > p->most - p->count) {
        p->has_failed = 1;
    } else {
        struct proof_word *run = &p->words[p->count];
        run[0] = (struct proof_word){&proof_run, PROOF_RUN};
        run[1] = (struct proof_word){data, n};
        memcpy(run + 2, data, n);
        p->count += words;
    }
}

/* Adds `n` bytes that may be many. */
static void add_long(struct proof *p, const void *data, size_t n)
{
    if (n < RUN_LEAST) {
        add_bytes(p, data, n);
    } else {
        add_run(p, data, n);
    }
}

/* Adds what the name and the layout of a type depend on. A type that was changed has another
 * version, and a type at the address of one that died has too. */
static void prove_type(struct proof *p, PyTypeObject *type)
{
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return;
    }
    for (unsigned i = 0; i < p->type_count; i++) {
        if (p->types[i] == type) {
            return;
        }
    }
    if (p->type_count < TYPES_MOST) {
        p->types[p->type_count++] = type;
    }
    add_word(p, &type->tp_version_tag);
    add_word(p, &((PyHeapTypeObject *)type)->ht_qualname);
    if (!TYPE_HAS_VERSION(type) || !VERSION_IS_ENOUGH) {
        add_word(p, &type->tp_flags);
    }
    if (!TYPE_HAS_VERSION(type)) {
        add_word(p, &type->tp_dict);
        add_word(p, &type->tp_richcompare);
    }
}

static void prove_value(struct proof *p, PyObject *o, int is_alive);

/* Adds the place of a field, and what is shown of its value. The words of a field depend on no
 * other field: types that are in the proof only there do not count. */
static void prove_field(struct proof *p, PyObject *const *place)
{
    struct part *part =
        p->inside == 1 && p->depth == 1 && p->parts != NULL ? parts_add(p->parts) : NULL;
    size_t first = p->count;
    unsigned types = p->type_count;
    add_word(p, place);
    prove_value(p, *place, 0);
    if (part != NULL) {
        part->word = (uint16_t)first;
        part->words = (uint16_t)(p->count - first);
        p->type_count = types;
    }
}

/* Adds the content of a str, as far as it is searched or shown. */
static void prove_text(struct proof *p, PyObject *o)
{
    const PyASCIIObject *text = (PyASCIIObject *)o;
    if (!TEXT_IS_READY(o)) {
        p->has_failed = 1;
        return;
    }
    size_t length = (size_t)text->length, most = p->limits->bytes + CAPTURE_AHEAD;
    size_t bytes = (length < most ? length : most) * PyUnicode_KIND(o);
    add_word(p, &text->length);
    add_word(p, &text->state);
    if (PyUnicode_IS_COMPACT(o)) {
        add_long(p, PyUnicode_DATA(o), bytes);
    } else {
        add_word(p, &((PyUnicodeObject *)o)->data.any);
        add_run(p, PyUnicode_DATA(o), bytes); /* in memory of its own, which may be short */
    }
}

static void prove_int(struct proof *p, PyObject *o)
{
    size_t count = (size_t)LONG_COUNT(o);
    add_word(p, LONG_SIZE_PLACE(o));
    add_bytes(p, LONG_DIGITS(o), count * sizeof(digit));
}

static void prove_bytes(struct proof *p, PyObject *o)
{
    size_t length = (size_t)Py_SIZE(o), most = p->limits->bytes + CAPTURE_AHEAD;
    add_word(p, &((PyVarObject *)o)->ob_size);
    add_long(p, PyBytes_AS_STRING(o), length < most ? length : most);
}

/* Adds the content of a value that no other value is in. */
static void prove_atom(struct proof *p, PyObject *o, enum show show)
{
    switch (show) {
    case SHOW_INT:
        prove_int(p, o);
        break;
    case SHOW_STR:
        prove_text(p, o);
        break;
    case SHOW_FLOAT:
        add_word(p, &((PyFloatObject *)o)->ob_fval);
        break;
    case SHOW_COMPLEX:
        add_bytes(p, &((PyComplexObject *)o)->cval, sizeof(Py_complex));
        break;
    default:
        prove_bytes(p, o);
        break;
    }
}

/* Returns how many items of a container are shown at most. */
static size_t items_shown(const struct proof *p)
{
    return p->inside != 0 ? (p->limits->items + 2) / 3 : p->limits->items;
}

/* Adds items that follow each other. are_alive: they cannot have been replaced. */
static void prove_row(struct proof *p, PyObject *const *items, size_t n, int are_alive)
{
    for (size_t i = 0; i < n && !p->has_failed; i++) {
        if (!are_alive) {
            add_word(p, &items[i]);
        }
        prove_value(p, items[i], are_alive);
    }
}

static inline size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void prove_list(struct proof *p, PyObject *o)
{
    const PyListObject *list = (PyListObject *)o;
    add_word(p, &((PyVarObject *)o)->ob_size);
    add_word(p, &list->ob_item);
    prove_row(p, list->ob_item, least_of((size_t)Py_SIZE(o), items_shown(p)), 0);
}

static void prove_tuple(struct proof *p, PyObject *o, size_t shown, int is_alive)
{
    add_word(p, &((PyVarObject *)o)->ob_size);
    prove_row(p, ((PyTupleObject *)o)->ob_item, least_of((size_t)Py_SIZE(o), shown), is_alive);
}

/* Returns 1 for an entry that is shown: of the attributes of an instance, those with a name. */
static inline size_t count_shown(PyObject *key, int are_attributes)
{
    return !are_attributes || PyUnicode_Check(key);
}

#if DICT_HAS_VERSION
/* Returns whether the version of a dictionary changes with each change of it. */
static inline int has_version(const PyDictObject *dict)
{
    return !DICT_VERSION_SKIPS_SPLIT || dict->ma_values == NULL;
}

/* Adds the version, and what the entries that are shown depend on besides. */
static void prove_by_version(struct proof *p, PyDictObject *dict, size_t shown, int are_attributes)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    add_word(p, &DICT_VERSION(dict));
    while (shown != 0 && !p->has_failed && PyDict_Next((PyObject *)dict, &at, &key, &value)) {
        prove_value(p, key, 1);
        prove_value(p, value, 1);
        shown -= count_shown(key, are_attributes);
    }
}
#endif

#if HAS_MANAGED_DICT
/* Adds the values that an instance, or its dictionary, has in an array. The keys of a class live as
 * long as it does, and only grow. */
static void prove_values(struct proof *p, const struct instance_values *v, size_t shown,
                         int are_keys_of_class)
{
    size_t bytes;
    const void *order = instance_values_order(v, &bytes);
    add_bytes(p, order, bytes);
    for (Py_ssize_t n = 0; n < v->set && !p->has_failed; n++) {
        Py_ssize_t i = instance_values_nth(v, n);
        if (i >= v->count) {
            p->has_failed = 1;
            return;
        }
        if (shown == 0 && v->values[i] != NULL) {
            continue; /* it is only counted, and the order says that it is set */
        }
        if (!are_keys_of_class) {
            add_word(p, &v->keys[i].me_key);
        }
        if (v->values[i] == NULL) {
            add_word(p, &v->values[i]);
        } else {
            prove_value(p, are_keys_of_class ? NULL : v->keys[i].me_key, 0);
            prove_field(p, &v->values[i]);
            shown--;
        }
    }
}
#endif

#if !DICT_HAS_VERSION || DICT_VERSION_SKIPS_SPLIT
/* Adds the entries that are shown of a dictionary without a version. */
static void prove_by_entries(struct proof *p, PyDictObject *dict, size_t shown, int are_attributes)
{
    PyDictKeysObject *keys = dict->ma_keys;
    add_word(p, &dict->ma_used);
    add_word(p, &dict->ma_keys);
    add_word(p, &dict->ma_values);
    add_word(p, &keys->dk_log2_size);
    add_word(p, &keys->dk_nentries);
    if (dict->ma_values != NULL) {
        struct instance_values v;
        instance_values_of(dict->ma_values, keys, &v);
        prove_values(p, &v, shown, 0);
        return;
    }
    int is_general = keys->dk_kind == DICT_KEYS_GENERAL;
    for (Py_ssize_t i = 0; i < keys->dk_nentries && shown != 0 && !p->has_failed; i++) {
        PyObject **key =
            is_general ? &DK_ENTRIES(keys)[i].me_key : &DK_UNICODE_ENTRIES(keys)[i].me_key;
        PyObject **value =
            is_general ? &DK_ENTRIES(keys)[i].me_value : &DK_UNICODE_ENTRIES(keys)[i].me_value;
        add_word(p, key);
        add_word(p, value);
        if (*value != NULL) {
            prove_value(p, *key, 0);
            prove_value(p, *value, 0);
            shown -= count_shown(*key, are_attributes);
        }
    }
}
#endif

static void prove_entries(struct proof *p, PyObject *o, size_t shown, int are_attributes)
{
    PyDictObject *dict = (PyDictObject *)o;
#if DICT_HAS_VERSION
    if (has_version(dict)) {
        prove_by_version(p, dict, shown, are_attributes);
        return;
    }
#endif
#if !DICT_HAS_VERSION || DICT_VERSION_SKIPS_SPLIT
    prove_by_entries(p, dict, shown, are_attributes);
#endif
}

static void prove_set(struct proof *p, PyObject *o)
{
    const PySetObject *set = (PySetObject *)o;
    size_t shown = items_shown(p);
    add_word(p, &set->used);
    add_word(p, &set->mask);
    add_word(p, &set->table);
    for (Py_ssize_t i = 0; i <= set->mask && shown != 0 && !p->has_failed; i++) {
        const setentry *entry = &set->table[i];
        add_word(p, &entry->key);
        if (entry->key != NULL && entry->hash != -1) {
            prove_value(p, entry->key, 0);
            shown--;
        }
    }
}

static void prove_deque(struct proof *p, PyObject *o)
{
    size_t n = least_of((size_t)Py_SIZE(o), items_shown(p)), head_bytes;
    const void *head = captured_deque_head(o, &head_bytes);
    PyObject *const *items = head != NULL ? captured_deque_items(o, n) : NULL;
    if (items == NULL) {
        p->has_failed = 1;
        return;
    }
    add_word(p, &((PyVarObject *)o)->ob_size);
    add_bytes(p, head, head_bytes);
    prove_row(p, items, n, 0);
}

/* Adds the length of a container that is too deep to be opened. */
static void prove_length(struct proof *p, PyObject *o, enum show show)
{
    add_word(p, show == SHOW_DICT  ? (void *)&((PyDictObject *)o)->ma_used
                : show == SHOW_SET ? (void *)&((PySetObject *)o)->used
                                   : (void *)&((PyVarObject *)o)->ob_size);
}

/* Adds the items of a container as far as they are shown. */
static void prove_container(struct proof *p, PyObject *o, enum show show, int is_alive)
{
    if (p->depth >= p->limits->depth) {
        prove_length(p, o, show);
        return;
    }
    p->depth++;
    switch (show) {
    case SHOW_LIST:
        prove_list(p, o);
        break;
    case SHOW_TUPLE:
        prove_tuple(p, o, items_shown(p), is_alive);
        break;
    case SHOW_NAMED_TUPLE:
        p->has_failed |= !TYPE_HAS_VERSION(Py_TYPE(o)); /* which its names of fields depend on */
        prove_tuple(p, o, p->limits->items, is_alive);
        break;
    case SHOW_DICT:
        prove_entries(p, o, items_shown(p), 0);
        break;
    case SHOW_SET:
        prove_set(p, o);
        break;
    default:
        prove_deque(p, o);
        break;
    }
    p->depth--;
}

/* Adds the attributes of an instance. */
static void prove_attributes(struct proof *p, PyObject *o, size_t shown)
{
#if HAS_MANAGED_DICT
    struct instance_values v;
    if (instance_values_get(o, &v)) {
        add_word(p, &((PyHeapTypeObject *)Py_TYPE(o))->ht_cached_keys);
        add_word(p, instance_values_place(o));
        prove_values(p, &v, shown, 1);
        return;
    }
#endif
    const void *place = instance_dict_place(o);
    if (place == NULL) {
        p->has_failed = 1;
        return;
    }
    add_word(p, place);
    PyObject *dict = instance_dict(o);
    if (dict != NULL && PyDict_CheckExact(dict)) {
        prove_entries(p, dict, shown, 1);
    } else if (dict != NULL) {
        p->has_failed = 1;
    }
}

/* Adds the fields of an instance that is opened. */
static void prove_fields(struct proof *p, PyObject *o, const struct typeinfo *info)
{
    struct field fields[TYPEINFO_FIELDS];
    size_t count = info->field_count, shown = p->limits->items;
    int has_dict = info->has_dict;
    if (count != 0) {
        memcpy(fields, info->fields, count * sizeof *fields);
    }
    p->depth++;
    p->inside++;
    for (size_t i = 0; i < count && !p->has_failed; i++) {
        PyObject **place = (PyObject **)(void *)((char *)o + fields[i].offset);
        if (*place == NULL || shown == 0) {
            add_word(p, place);
        } else {
            prove_field(p, place);
            shown--;
        }
    }
    if (has_dict && !p->has_failed) {
        prove_attributes(p, o, shown);
    }
    p->inside--;
    p->depth--;
}

/* Adds the place of the name of a class. Returns the name; NULL where it is always the same. */
static PyObject *prove_class(struct proof *p, PyTypeObject *type)
{
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return NULL;
    }
    add_word(p, &((PyHeapTypeObject *)type)->ht_qualname);
    return ((PyHeapTypeObject *)type)->ht_qualname;
}

/* Returns whether a key is the one under which a module has its name. */
static inline int is_key_of_name(PyObject *key)
{
    static const char name[] = "__name__";
    return key != NULL && PyUnicode_CheckExact(key) && TEXT_IS_READY(key) &&
           PyUnicode_IS_ASCII(key) && PyUnicode_GET_LENGTH(key) == sizeof name - 1 &&
           memcmp(PyUnicode_DATA(key), name, sizeof name - 1) == 0;
}

/* Adds the place of the name of a module, which is mostly the first entry of its dictionary. Below
 * 3.11 it adds the version of the dictionary. Returns the name; NULL where it has none, or is
 * elsewhere. */
static PyObject *prove_module(struct proof *p, PyObject *o)
{
    PyDictObject *dict = (PyDictObject *)instance_dict(o);
    const void *place = instance_dict_place(o);
    if (place == NULL || dict == NULL || !PyDict_CheckExact(dict)) {
        return NULL;
    }
    add_word(p, place);
#if HAS_MANAGED_DICT
    PyDictKeysObject *keys = dict->ma_keys;
    add_word(p, &dict->ma_keys);
    if (dict->ma_values != NULL || keys->dk_kind != DICT_KEYS_UNICODE || keys->dk_nentries == 0 ||
        !is_key_of_name(DK_UNICODE_ENTRIES(keys)[0].me_key)) {
        return NULL;
    }
    add_word(p, &DK_UNICODE_ENTRIES(keys)[0].me_key);
    prove_value(p, DK_UNICODE_ENTRIES(keys)[0].me_key, 0);
    add_word(p, &DK_UNICODE_ENTRIES(keys)[0].me_value);
    return DK_UNICODE_ENTRIES(keys)[0].me_value;
#else
    PyObject *key, *value;
    Py_ssize_t at = 0;
    add_word(p, &DICT_VERSION(dict));
    return PyDict_Next((PyObject *)dict, &at, &key, &value) && is_key_of_name(key) ? value : NULL;
#endif
}

/* Adds what the label of a function, method, class or module depends on. */
static void prove_name(struct proof *p, PyObject *o, const struct typeinfo *info)
{
    PyObject *name = NULL;
    if (info->special == captured_method) {
        add_word(p, &((PyMethodObject *)o)->im_func);
        o = ((PyMethodObject *)o)->im_func;
        add_word(p, &o->ob_type);
        p->has_failed |= !PyFunction_Check(o);
    }
    if (p->has_failed) {
        return;
    }
    if (info->special == captured_method || info->special == captured_function) {
        add_word(p, &((PyFunctionObject *)o)->func_qualname);
        name = ((PyFunctionObject *)o)->func_qualname;
    } else if (info->special == captured_builtin) {
        add_word(p, &((PyCFunctionObject *)o)->m_ml);
        add_word(p, &((PyCFunctionObject *)o)->m_ml->ml_name);
    } else if (info->special == captured_class) {
        name = prove_class(p, (PyTypeObject *)o);
    } else if (info->special == captured_module) {
        name = prove_module(p, o);
        p->has_failed |= name == NULL;
    } else {
        p->has_failed = 1;
    }
    if (name != NULL) {
        prove_value(p, name, 0);
    }
}

/* Adds an exact int, float or str, which most values are. Returns 0 for all others. */
static inline int prove_common(struct proof *p, PyObject *o, int is_alive)
{
    const PyTypeObject *type = Py_TYPE(o);
    if (type != &PyLong_Type && type != &PyFloat_Type && type != &PyUnicode_Type) {
        return 0;
    }
    if (is_alive) {
        return 1;
    }
    add_word(p, &o->ob_type);
    if (type == &PyLong_Type) {
        prove_int(p, o);
    } else if (type == &PyFloat_Type) {
        add_word(p, &((PyFloatObject *)o)->ob_fval);
    } else {
        prove_text(p, o);
    }
    return 1;
}

/* Adds what is shown of a value. is_alive: it is certain that this is the object that was here. */
static void prove_value(struct proof *p, PyObject *o, int is_alive)
{
    if (o == NULL || o == Py_None || o == Py_True || o == Py_False || p->has_failed) {
        return;
    }
    is_alive |= OBJECT_IS_IMMORTAL(o);
    if (prove_common(p, o, is_alive)) {
        return;
    }
    PyTypeObject *type = Py_TYPE(o);
    const struct typeinfo *info = typeinfo_get(p->lane, type);
    enum show show = info->show;
    int is_native = !(type->tp_flags & Py_TPFLAGS_HEAPTYPE);
    int is_atom = show == SHOW_INT || show == SHOW_STR || show == SHOW_FLOAT ||
                  show == SHOW_COMPLEX || show == SHOW_BYTES;
    if (is_alive && is_native && is_atom) {
        return;
    }
    if (!is_alive || !is_native) {
        add_word(p, &o->ob_type);
        prove_type(p, type);
    }
    if (is_atom) {
        prove_atom(p, o, show);
    } else if (show == SHOW_LIST || show == SHOW_TUPLE || show == SHOW_DICT || show == SHOW_SET ||
               show == SHOW_DEQUE || show == SHOW_NAMED_TUPLE) {
        prove_container(p, o, show, is_alive);
    } else if (show == SHOW_FIELDS) {
        if (p->depth < p->limits->depth &&
            (p->inside == 0 || type->tp_richcompare != PyBaseObject_Type.tp_richcompare)) {
            prove_fields(p, o, info);
        }
    } else if (info->special == special_for(NULL)) {
        prove_attributes(p, o, SIZE_MAX);
    } else if (show == SHOW_SPECIAL) {
        prove_name(p, o, info);
    } else if (show != SHOW_OPAQUE) {
        p->has_failed = 1;
    }
}

size_t proof_collect(PyObject *object, const struct value_limits *limits, struct lane *lane,
                     struct proof_room room, struct parts *parts)
{
    struct proof p = {
        .words = room.words, .most = room.most, .limits = limits, .lane = lane, .parts = parts};
    parts->count = parts->noted = 0;
    prove_value(&p, object, 0);
    return p.has_failed ? 0 : p.count;
}

size_t proof_collect_field(PyObject *const *place, const struct value_limits *limits,
                           struct lane *lane, struct proof_room room)
{
    struct proof p = {.words = room.words,
                      .most = room.most,
                      .limits = limits,
                      .lane = lane,
                      .depth = 1,
                      .inside = 1};
    if (*place == NULL) {
        return 0;
    }
    prove_field(&p, place);
    return p.has_failed ? 0 : p.count;
}
