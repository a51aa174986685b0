/* Why: dates, paths, functions and arrays are everywhere, and their fields mean little to a reader.
 *
 *    special_for(type), once per type       how it is shown
 *    C types, by name and size              date, datetime, time, timedelta, Decimal, re.Match,
 * ndarray Python classes, by name and module     paths, UUID, DataFrame, Series exact built-in
 * types                   functions, methods, classes, modules, code: their names generators,
 * frames, tracebacks, memoryview any class whose metaclass is Enum's    show_enum
 *
 *    deque, mappingproxy and range have layouts here too; capture.c writes them as containers.
 *
 * Invariants: a text is made from storage alone. Two C functions are called, the repr of Decimal
 * and of a match of exact text; both allocate only a str. Private layouts are read only where the
 * size of the type is the one we know. */
#include "captured_types.h"

#include <datetime.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "fingerprint.h"
#include "instance.h"
#include "pyerror.h"
#include "pytext.h"
#include "state.h"

/* ---- private layouts ---- */

enum { DEQUE_BLOCK = 64 };

struct deque_block {
    struct deque_block *left;
    PyObject *data[DEQUE_BLOCK];
    struct deque_block *right;
};

struct deque {
    PyObject_VAR_HEAD struct deque_block *left, *right;
    Py_ssize_t left_index, right_index;
    size_t state;
    Py_ssize_t max_length; /* what follows differs between versions */
};

struct deque_walk {
    const struct deque_block *block;
    Py_ssize_t at, left;
};

/* Returns the next item of a deque, borrowed. */
static PyObject *next_of_deque(void *state)
{
    struct deque_walk *walk = state;
    if (walk->left-- <= 0 || walk->block == NULL) {
        return NULL;
    }
    if (walk->at == DEQUE_BLOCK) {
        walk->block = walk->block->right;
        walk->at = 0;
    }
    return walk->block->data[walk->at++];
}

void captured_deque(struct capture *c, PyObject *o)
{
    const struct deque *deque = (struct deque *)o;
    struct deque_walk walk = {deque->left, deque->left_index, Py_SIZE(o)};
    if (Py_TYPE(o)->tp_basicsize < (Py_ssize_t)sizeof *deque) {
        capture_deep(c, o, capture_type_id(c->lane, Py_TYPE(o)), (size_t)Py_SIZE(o));
        return;
    }
    capture_items(c, o, (size_t)Py_SIZE(o), next_of_deque, &walk);
}

uint64_t captured_deque_word(PyObject *o)
{
    const struct deque *deque = (struct deque *)o;
    struct deque_walk walk = {deque->left, deque->left_index, Py_SIZE(o)};
    uint64_t sum = 1;
    if (Py_TYPE(o)->tp_basicsize < (Py_ssize_t)sizeof *deque) {
        return 0;
    }
    sum = watch_mix((uint64_t)Py_SIZE(o), (uint64_t)deque->left_index);
    sum = watch_mix(sum, deque->state);
    for (int i = 0; i < 2 * WATCH_ENDS; i++) {
        sum = watch_mix(sum, (uint64_t)(uintptr_t)next_of_deque(&walk));
    }
    return sum;
}

const void *captured_deque_head(PyObject *o, size_t *bytes)
{
    struct deque *deque = (struct deque *)o;
    *bytes = offsetof(struct deque, state) - offsetof(struct deque, left);
    return Py_TYPE(o)->tp_basicsize < (Py_ssize_t)sizeof *deque ? NULL : &deque->left;
}

PyObject *const *captured_deque_items(PyObject *o, size_t n)
{
    const struct deque *deque = (struct deque *)o;
    return (size_t)deque->left_index + n <= DEQUE_BLOCK ? &deque->left->data[deque->left_index]
                                                        : NULL;
}

PyObject *captured_proxy_target(PyObject *o)
{
    struct proxy {
        PyObject_HEAD PyObject *mapping;
    };
    return Py_TYPE(o)->tp_basicsize == sizeof(struct proxy) ? ((struct proxy *)o)->mapping : NULL;
}

PyObject *const *captured_range(PyObject *o)
{
    struct range {
        PyObject_HEAD PyObject *parts[3];
    };
    return ((struct range *)o)->parts;
}

/* ---- texts ---- */

struct text_out {
    char text[600];
    size_t len;
};
enum { UTF8_LONGEST = 4 }; /* bytes of a character: a text with less room left was cut */

static void add_to_text(struct text_out *out, const char *form, ...)
    __attribute__((format(printf, 2, 3)));
static void add_to_text(struct text_out *out, const char *form, ...)
{
    va_list args;
    va_start(args, form);
    int n = vsnprintf(out->text + out->len, sizeof out->text - out->len, form, args);
    va_end(args);
    out->len += n < 0                                     ? 0
                : (size_t)n < sizeof out->text - out->len ? (size_t)n
                                                          : sizeof out->text - out->len - 1;
}

/* Appends a str to a text. */
static void add_text(struct text_out *out, PyObject *text)
{
    if (text != NULL && PyUnicode_Check(text) && TEXT_IS_READY(text)) {
        size_t room = sizeof out->text - out->len - 1; /* add_to_text() ends with a 0 */
        out->len += pytext_put(text, (uint8_t *)out->text + out->len, room);
    } else {
        add_to_text(out, "?");
    }
}

/* Writes the finished text as a value. */
static void finish_text(struct capture *c, PyObject *o, const struct typeinfo *info,
                        const struct text_out *out)
{
    int is_full = sizeof out->text - out->len <= UTF8_LONGEST;
    capture_plain_text(c, o, info->id, out->text, out->len, is_full ? RL_TEXT_IS_CUT : 0);
}

#define SPECIAL(name) static void name(struct capture *c, PyObject *o, const struct typeinfo *info)

/* Its fields lead to everything in the program. */
SPECIAL(show_frame)
{
    struct text_out out = {"", 0};
    add_to_text(&out, "<%s object>", Py_TYPE(o)->tp_name);
    finish_text(c, o, info, &out);
}

SPECIAL(show_generator)
{
    const PyGenObject *generator = (PyGenObject *)o;
    struct text_out out = {"", 0};
    add_to_text(&out, "<%s object ", Py_TYPE(o)->tp_name);
    add_text(&out, generator->gi_qualname);
    add_to_text(&out, ">");
    finish_text(c, o, info, &out);
}

SPECIAL(show_memory)
{
    const Py_buffer *view = &((PyMemoryViewObject *)o)->view;
    struct text_out out = {"", 0};
    add_to_text(&out, "<memory of %zd bytes>", view->len);
    finish_text(c, o, info, &out);
}

/* ---- dates ---- */

static void add_clock(struct text_out *out, int hour, int minute, int second, int micro)
{
    add_to_text(out, "%d, %d", hour, minute);
    if (second != 0 || micro != 0) {
        add_to_text(out, ", %d", second);
    }
    if (micro != 0) {
        add_to_text(out, ", %d", micro);
    }
}

/* Appends the fold, the type of the time zone, and the closing bracket. */
static void add_zone(struct text_out *out, PyObject *zone, int fold)
{
    if (fold != 0) {
        add_to_text(out, ", fold=1");
    }
    if (zone != Py_None) {
        add_to_text(out, ", tzinfo=<%s>", Py_TYPE(zone)->tp_name);
    }
    add_to_text(out, ")");
}

SPECIAL(show_datetime)
{
    const PyDateTime_DateTime *d = (PyDateTime_DateTime *)o;
    struct text_out out = {"", 0};
    add_to_text(&out, "datetime.datetime(%d, %d, %d, ", PyDateTime_GET_YEAR(o),
                PyDateTime_GET_MONTH(o), PyDateTime_GET_DAY(o));
    add_clock(&out, PyDateTime_DATE_GET_HOUR(o), PyDateTime_DATE_GET_MINUTE(o),
              PyDateTime_DATE_GET_SECOND(o), PyDateTime_DATE_GET_MICROSECOND(o));
    add_zone(&out, d->hastzinfo ? d->tzinfo : Py_None, d->fold);
    finish_text(c, o, info, &out);
}

SPECIAL(show_date)
{
    struct text_out out = {"", 0};
    add_to_text(&out, "datetime.date(%d, %d, %d)", PyDateTime_GET_YEAR(o), PyDateTime_GET_MONTH(o),
                PyDateTime_GET_DAY(o));
    finish_text(c, o, info, &out);
}

SPECIAL(show_time)
{
    const PyDateTime_Time *t = (PyDateTime_Time *)o;
    struct text_out out = {"", 0};
    add_to_text(&out, "datetime.time(");
    add_clock(&out, PyDateTime_TIME_GET_HOUR(o), PyDateTime_TIME_GET_MINUTE(o),
              PyDateTime_TIME_GET_SECOND(o), PyDateTime_TIME_GET_MICROSECOND(o));
    add_zone(&out, t->hastzinfo ? t->tzinfo : Py_None, t->fold);
    finish_text(c, o, info, &out);
}

SPECIAL(show_timedelta)
{
    const PyDateTime_Delta *d = (PyDateTime_Delta *)o;
    struct text_out out = {"", 0};
    const char *comma = "";
    add_to_text(&out, "datetime.timedelta(");
    if (d->days != 0) {
        add_to_text(&out, "days=%d", d->days);
        comma = ", ";
    }
    if (d->seconds != 0) {
        add_to_text(&out, "%sseconds=%d", comma, d->seconds);
        comma = ", ";
    }
    if (d->microseconds != 0) {
        add_to_text(&out, "%smicroseconds=%d", comma, d->microseconds);
        comma = ", ";
    }
    add_to_text(&out, *comma != 0 ? ")" : "0)");
    finish_text(c, o, info, &out);
}

/* ---- types written in Python ---- */

/* Returns a slot or attribute of the instance by name, borrowed; NULL where it has none. */
static PyObject *stored_attribute(PyObject *o, const char *name)
{
    PyObject *mro = Py_TYPE(o)->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        const PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        for (PyMemberDef *m = base->tp_members; m != NULL && m->name != NULL; m++) {
            if (strcmp(m->name, name) == 0 && (m->type == T_OBJECT_EX || m->type == T_OBJECT)) {
                return *(PyObject **)(void *)((char *)o + m->offset);
            }
        }
    }
#if HAS_MANAGED_DICT
    struct instance_values v;
    if (instance_values_get(o, &v)) {
        for (Py_ssize_t i = 0; i < v.count; i++) {
            if (v.values[i] != NULL && v.keys[i].me_key != NULL &&
                PyUnicode_CompareWithASCIIString(v.keys[i].me_key, name) == 0) {
                return v.values[i];
            }
        }
        return NULL;
    }
#endif
    PyObject *dict = instance_dict(o), *key, *value;
    Py_ssize_t at = 0;
    while (dict != NULL && PyDict_Check(dict) && PyDict_Next(dict, &at, &key, &value)) {
        if (PyUnicode_Check(key) && PyUnicode_CompareWithASCIIString(key, name) == 0) {
            return value;
        }
    }
    return NULL;
}

static void add_joined(struct text_out *out, PyObject *parts)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        PyObject *part = PyList_GET_ITEM(parts, i);
        if (i != 0 && out->len != 0 && out->text[out->len - 1] != '/') {
            add_to_text(out, "/");
        }
        add_text(out, part);
    }
}

SPECIAL(show_path)
{
    struct text_out out = {"", 0};
    PyObject *text = stored_attribute(o, "_str"), *raw = stored_attribute(o, "_raw_paths"),
             *parts = stored_attribute(o, "_parts");
    add_to_text(&out, "%s('", Py_TYPE(o)->tp_name);
    if (text != NULL && PyUnicode_Check(text)) {
        add_text(&out, text);
    } else if (raw != NULL && PyList_CheckExact(raw)) {
        add_joined(&out, raw);
    } else if (parts != NULL && PyList_CheckExact(parts)) {
        add_joined(&out, parts);
    }
    add_to_text(&out, "')");
    finish_text(c, o, info, &out);
}

SPECIAL(show_uuid)
{
    uint8_t bytes[16] = {0};
    struct text_out out = {"", 0};
    PyObject *number = stored_attribute(o, "int");
    if (number != NULL && PyLong_CheckExact(number)) {
        (void)capture_magnitude(number, bytes, sizeof bytes);
    }
    add_to_text(&out, "UUID('");
    for (int i = 0; i < 16; i++) {
        add_to_text(&out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[15 - i]);
    }
    add_to_text(&out, "')");
    finish_text(c, o, info, &out);
}

SPECIAL(show_enum)
{
    struct text_out out = {"", 0};
    PyObject *name = stored_attribute(o, "_name_"), *value = stored_attribute(o, "_value_");
    add_to_text(&out, "<%s.", Py_TYPE(o)->tp_name);
    add_text(&out, name);
    if (value != NULL && PyLong_CheckExact(value) && LONG_COUNT(value) <= 2) {
        long long number = LONG_COUNT(value) != 0 ? (long long)LONG_DIGITS(value)[0] : 0;
        number |= LONG_COUNT(value) == 2 ? (long long)LONG_DIGITS(value)[1] << PyLong_SHIFT : 0;
        add_to_text(&out, ": %lld", LONG_IS_NEGATIVE(value) ? -number : number);
    } else if (value != NULL && PyUnicode_CheckExact(value)) {
        add_to_text(&out, ": '");
        add_text(&out, value);
        add_to_text(&out, "'");
    }
    add_to_text(&out, ">");
    finish_text(c, o, info, &out);
}

/* ---- types written in C ---- */

/* Writes the text of a repr that is written in C and creates only a str. */
static void show_by_repr(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    struct text_out out = {"", 0};
    struct pyerror error = pyerror_take();
    PyObject *text = Py_TYPE(o)->tp_repr(o); /* owned */
    if (text == NULL) {
        PyErr_Clear();
        add_to_text(&out, "<%s object>", Py_TYPE(o)->tp_name);
    } else {
        add_text(&out, text);
        Py_DECREF(text);
    }
    pyerror_put_back(&error);
    finish_text(c, o, info, &out);
}

SPECIAL(show_match)
{
    PyObject *subject = stored_attribute(o, "string");
    if (subject != NULL && (PyUnicode_CheckExact(subject) || PyBytes_CheckExact(subject))) {
        show_by_repr(c, o, info);
        return;
    }
    struct text_out out = {"<re.Match object>", 17};
    finish_text(c, o, info, &out);
}

/* The public beginning of numpy's array and descriptor, the same in versions 1 and 2. */
struct array {
    PyObject_HEAD char *data;
    int nd;
    Py_ssize_t *dimensions, *strides;
    PyObject *base, *descr;
};

struct array_descr {
    PyObject_HEAD PyTypeObject *typeobj;
};

SPECIAL(show_array)
{
    const struct array *array = (struct array *)o;
    struct text_out out = {"", 0};
    const char *dtype = "?";
    if (array->descr != NULL && strncmp(Py_TYPE(array->descr)->tp_name, "numpy.", 6) == 0) {
        dtype = ((struct array_descr *)array->descr)->typeobj->tp_name;
        dtype = strncmp(dtype, "numpy.", 6) == 0 ? dtype + 6 : dtype;
    }
    add_to_text(&out, "<array %s (", dtype);
    for (int i = 0; i < array->nd && i < 8; i++) {
        add_to_text(&out, i == 0 ? "%zd" : ", %zd", array->dimensions[i]);
    }
    add_to_text(&out, array->nd == 1 ? ",)>" : ")>");
    finish_text(c, o, info, &out);
}

/* Returns an attribute that a class written in C provides itself, borrowed, or NULL. */
static PyObject *native_attribute(PyObject *o, const char *name)
{
    PyTypeObject *type = Py_TYPE(o);
    for (Py_ssize_t i = 0; type->tp_mro != NULL && i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i);
        PyObject *found = base->tp_dict != NULL ? PyDict_GetItemString(base->tp_dict, name) : NULL;
        if (found != NULL) {
            PyGetSetDef *getset = Py_TYPE(found) == &PyGetSetDescr_Type && TYPE_IS_NATIVE(base)
                                      ? ((PyGetSetDescrObject *)found)->d_getset
                                      : NULL;
            PyObject *value = getset != NULL ? getset->get(o, getset->closure) : NULL; /* owned */
            if (value == NULL) {
                PyErr_Clear();
            }
            Py_XDECREF(value); /* its owner keeps it */
            return value;
        }
    }
    return NULL;
}

/* Returns an attribute of a class in Python or in C, borrowed, or NULL. */
static PyObject *either_attribute(PyObject *o, const char *name)
{
    PyObject *value = stored_attribute(o, name);
    return value != NULL ? value : native_attribute(o, name);
}

/* Returns how many labels an index of pandas has; -1 = not known. *labels becomes its objects,
 * where it has them. */
static Py_ssize_t index_length(PyObject *index, PyObject ***labels)
{
    PyObject *range = stored_attribute(index, "_range"), *data = stored_attribute(index, "_data");
    *labels = NULL;
    if (range != NULL && Py_TYPE(range) == &PyRange_Type) {
        Py_ssize_t length = PyObject_Size(range); /* runs C alone: an exact range */
        if (length < 0) {
            PyErr_Clear();
        }
        return length;
    }
    if (data != NULL && !TYPE_IS_NATIVE(Py_TYPE(data))) {
        data = either_attribute(data, "_ndarray");
    }
    if (data == NULL || strcmp(Py_TYPE(data)->tp_name, "numpy.ndarray") != 0) {
        return -1;
    }
    const struct array *array = (struct array *)data;
    if (array->nd != 1) {
        return -1;
    }
    const char *dtype = ((struct array_descr *)array->descr)->typeobj->tp_name;
    if (strcmp(dtype, "numpy.object_") == 0 && array->strides[0] == sizeof(PyObject *)) {
        *labels = (PyObject **)(void *)array->data;
    }
    return array->dimensions[0];
}

/* Writes the shape of a DataFrame or Series, and the names of its first columns. */
SPECIAL(show_table)
{
    PyObject *manager = stored_attribute(o, "_mgr");
    PyObject *axes = manager != NULL ? either_attribute(manager, "axes") : NULL;
    struct text_out out = {"", 0};
    PyObject **labels = NULL;
    Py_ssize_t n = axes != NULL && PyList_CheckExact(axes) ? PyList_GET_SIZE(axes) : 0;
    add_to_text(&out, "<%s", Py_TYPE(o)->tp_name);
    if (n != 0) {
        PyObject **ignored;
        Py_ssize_t rows = index_length(PyList_GET_ITEM(axes, n - 1), &ignored);
        if (rows >= 0) {
            add_to_text(&out, " %zd", rows);
        }
        if (n == 2 && rows >= 0) {
            Py_ssize_t columns = index_length(PyList_GET_ITEM(axes, 0), &labels);
            add_to_text(&out, columns >= 0 ? " x %zd" : " x ?", columns);
            for (Py_ssize_t i = 0; labels != NULL && i < columns && i < 10; i++) {
                if (labels[i] != NULL && PyUnicode_CheckExact(labels[i])) {
                    add_to_text(&out, i == 0 ? ": " : ", ");
                    add_text(&out, labels[i]);
                }
            }
        }
    }
    add_to_text(&out, ">");
    finish_text(c, o, info, &out);
}

/* Returns whether the module of a type begins with a name. */
static int is_of_module(PyTypeObject *type, const char *name)
{
    PyObject *module =
        type->tp_dict != NULL ? PyDict_GetItemString(type->tp_dict, "__module__") : NULL;
    char text[32];
    if (module == NULL || !PyUnicode_Check(module)) {
        PyErr_Clear();
        return 0;
    }
    text[pytext_put(module, (uint8_t *)text, sizeof text - 1)] = 0;
    return strncmp(text, name, strlen(name)) == 0;
}

/* A type of NULL means an enum. */
special_show special_for(PyTypeObject *type)
{
    static const struct {
        const char *name;
        special_show show;
        size_t size; /* 0: any */
    } native[] = {
        {"datetime.datetime", show_datetime, sizeof(PyDateTime_DateTime)},
        {"datetime.date", show_date, sizeof(PyDateTime_Date)},
        {"datetime.time", show_time, sizeof(PyDateTime_Time)},
        {"datetime.timedelta", show_timedelta, sizeof(PyDateTime_Delta)},
        {"decimal.Decimal", show_by_repr, 0},
        {"re.Match", show_match, 0},
        {"numpy.ndarray", show_array, 0},
    };
    static const struct {
        const char *name, *module;
        special_show show;
    } python[] = {
        {"PosixPath", "pathlib", show_path},   {"PurePosixPath", "pathlib", show_path},
        {"WindowsPath", "pathlib", show_path}, {"PureWindowsPath", "pathlib", show_path},
        {"UUID", "uuid", show_uuid},           {"DataFrame", "pandas", show_table},
        {"Series", "pandas", show_table},
    };
    if (type == NULL) {
        return show_enum;
    }
    if (type == &PyFunction_Type) {
        return captured_function;
    }
    if (type == &PyMethod_Type) {
        return captured_method;
    }
    if (type == &PyCFunction_Type) {
        return captured_builtin;
    }
    if (type == &PyModule_Type) {
        return captured_module;
    }
    if (type == &PyGen_Type || type == &PyCoro_Type || type == &PyAsyncGen_Type) {
        return show_generator;
    }
    if (type == &PyCode_Type) {
        return captured_code;
    }
    if (type == &PyFrame_Type || type == &PyTraceBack_Type) {
        return show_frame;
    }
    if (type == &PyMemoryView_Type) {
        return show_memory;
    }
    if (PyType_IsSubtype(type, &PyType_Type)) {
        return captured_class;
    }
    if (TYPE_IS_NATIVE(type)) {
        for (size_t i = 0; i < sizeof native / sizeof *native; i++) {
            if (strcmp(type->tp_name, native[i].name) == 0 &&
                (native[i].size == 0 || (size_t)type->tp_basicsize == native[i].size)) {
                return native[i].show;
            }
        }
        return NULL;
    }
    for (size_t i = 0; i < sizeof python / sizeof *python; i++) {
        if (strcmp(type->tp_name, python[i].name) == 0 && is_of_module(type, python[i].module)) {
            return python[i].show;
        }
    }
    return NULL;
}
