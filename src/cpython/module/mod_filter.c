/* Why: filters, as Python builds and asks them. TOML, paths and messages are Python's; what a rule
 * means is src/filter's. */
#include "mod_filter.h"

#include "pack_rules.h"

#include <string.h>

#include "judge.h"
#include "mod_reader.h"
#include "refusal.h"

#include "bytes.h"
#include "filter.h"
#include "rec.h"
#include "secrets.h"

struct filter_object {
    PyObject_HEAD struct filter *filter; /* owned */
    int level;                           /* the highest one named */
};

static PyTypeObject *filter_type; /* process-wide, owned */

struct filter *mod_filter_get(PyObject *object)
{
    if (Py_TYPE(object) != filter_type) {
        PyErr_SetString(PyExc_TypeError, "this is no relive._core.Filter");
        return NULL;
    }
    return ((struct filter_object *)object)->filter;
}

int mod_filter_level(PyObject *object)
{
    return ((struct filter_object *)object)->level;
}

/* Returns None, or raises the error. */
static PyObject *none_or_raise(rl_status status, const struct rl_err *err)
{
    if (status != RL_OK) {
        return refusal_raise(status, err->text);
    }
    Py_RETURN_NONE;
}

static PyObject *new_filter(PyTypeObject *type, PyObject *args, PyObject *names)
{
    struct rl_err err = {0};
    (void)args;
    (void)names;
    struct filter_object *self = (struct filter_object *)type->tp_alloc(type, 0);
    if (self != NULL && filter_new(&self->filter, &err) != RL_OK) {
        Py_DECREF(self);
        return refusal_raise(err.status, err.text);
    }
    return (PyObject *)self;
}

PyObject *mod_filter_new(void)
{
    return PyObject_CallObject((PyObject *)filter_type, NULL);
}

static void dealloc_filter(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    filter_free(((struct filter_object *)self)->filter);
    type->tp_free(self);
    Py_DECREF(type);
}

static struct filter_object *get_filter_object(PyObject *self)
{
    return (struct filter_object *)self;
}

/* Keeps the highest level that any file or rule names. */
static void note_level(PyObject *self, int level)
{
    if (level > get_filter_object(self)->level) {
        get_filter_object(self)->level = level;
    }
}

/* filter_object_add_file(version, is_builtin, root, resolved root, exec, value, level) */
static PyObject *filter_object_add_file(PyObject *self, PyObject *args)
{
    struct filter_file file = {0};
    struct rl_err err = {0};
    const char *root, *other;
    Py_ssize_t root_len, other_len;
    int exec, value, level;
    if (!PyArg_ParseTuple(args, "Ips#s#iii", &file.version, &file.is_builtin, &root, &root_len,
                          &other, &other_len, &exec, &value, &level)) {
        return NULL;
    }
    file.root = (struct filter_text){root, (size_t)root_len};
    file.other_root = (struct filter_text){other, (size_t)other_len};
    file.exec = (enum filter_exec)exec;
    file.value = (enum filter_action)value;
    file.level = (enum filter_level)level;
    note_level(self, level);
    return none_or_raise(filter_add_file(get_filter_object(self)->filter, &file, &err), &err);
}

/* A count that a rule may name, where -1 says that it does not. */
static uint32_t read_count(long long number)
{
    return number < 0 ? FILTER_NO_LIMIT : (uint32_t)number;
}

/* filter_object_add_rule(selector, exec, value, level, sample, every, min_duration, max_str,
 * max_items, max_depth, max_locals, hides_source=False) */
static PyObject *filter_object_add_rule(PyObject *self, PyObject *args)
{
    struct filter_rule rule = {0};
    struct rl_err err = {0};
    const char *text;
    Py_ssize_t len;
    int exec, value, level;
    unsigned long long min_duration;
    long long limits[4];
    if (!PyArg_ParseTuple(args, "s#iiidIKLLLL|p", &text, &len, &exec, &value, &level, &rule.sample,
                          &rule.every, &min_duration, &limits[0], &limits[1], &limits[2],
                          &limits[3], &rule.hides_source)) {
        return NULL;
    }
    rule.selector = (struct filter_text){text, (size_t)len};
    rule.exec = (enum filter_exec)exec;
    rule.value = (enum filter_action)value;
    rule.level = (enum filter_level)level;
    rule.min_duration = min_duration;
    rule.max_str = read_count(limits[0]);
    rule.max_items = read_count(limits[1]);
    rule.max_depth = read_count(limits[2]);
    rule.max_locals = read_count(limits[3]);
    note_level(self, level);
    return none_or_raise(filter_add_rule(get_filter_object(self)->filter, &rule, &err), &err);
}

/* add_pattern(pattern, action): to the last rule */
static PyObject *add_pattern(PyObject *self, PyObject *args)
{
    struct rl_err err = {0};
    const char *text;
    Py_ssize_t len;
    int action;
    if (!PyArg_ParseTuple(args, "s#i", &text, &len, &action)) {
        return NULL;
    }
    return none_or_raise(filter_add_pattern(get_filter_object(self)->filter,
                                            (struct filter_text){text, (size_t)len},
                                            (enum filter_action)action, &err),
                         &err);
}

/* add_gate(gate, pattern): an include or exclude */
static PyObject *add_gate(PyObject *self, PyObject *args)
{
    struct rl_err err = {0};
    const char *text;
    Py_ssize_t len;
    int gate;
    if (!PyArg_ParseTuple(args, "is#", &gate, &text, &len)) {
        return NULL;
    }
    return none_or_raise(filter_add_gate(get_filter_object(self)->filter, (enum filter_gate)gate,
                                         (struct filter_text){text, (size_t)len}, &err),
                         &err);
}

/* set_sample(part of the functions) */
static PyObject *set_sample(PyObject *self, PyObject *number)
{
    double sample = PyFloat_AsDouble(number);
    if (sample == -1 && PyErr_Occurred()) {
        return NULL;
    }
    filter_set_sample(get_filter_object(self)->filter, sample);
    Py_RETURN_NONE;
}

/* Reads (module, qualname, name, file) as the scope that a filter decides for. */
static int parse_scope(PyObject *args, struct filter_scope *scope)
{
    const char *texts[4];
    Py_ssize_t lens[4];
    if (!PyArg_ParseTuple(args, "s#s#s#s#", &texts[0], &lens[0], &texts[1], &lens[1], &texts[2],
                          &lens[2], &texts[3], &lens[3])) {
        return -1;
    }
    scope->module = (struct filter_text){texts[0], (size_t)lens[0]};
    scope->qualname = (struct filter_text){texts[1], (size_t)lens[1]};
    scope->name = (struct filter_text){texts[2], (size_t)lens[2]};
    scope->file = (struct filter_text){texts[3], (size_t)lens[3]};
    return 0;
}

/* decide(module, qualname, name, file) -> a dictionary with the filter's decision */
static PyObject *filter_object_decide(PyObject *self, PyObject *args)
{
    struct filter_scope scope = {0};
    struct filter_verdict v;
    if (parse_scope(args, &scope) != 0) {
        return NULL;
    }
    if (filter_decide(get_filter_object(self)->filter, &scope, &v) != RL_OK) {
        return PyErr_NoMemory();
    }
    return Py_BuildValue("{s:N,s:N,s:N,s:i,s:i,s:i,s:I,s:K}", "traced",
                         PyBool_FromLong(v.is_traced), "asks", PyBool_FromLong(v.asks != 0),
                         "undecided", PyBool_FromLong(v.is_undecided), "rule", v.rule, "level",
                         (int)v.level, "value", (int)v.value, "every", v.every, "min_duration",
                         (unsigned long long)v.min_duration);
}

/* filter_object_matches(module, qualname, name, file) -> [(file, selector, exec, value, matches),
 * ...] */
static PyObject *filter_object_matches(PyObject *self, PyObject *args)
{
    struct filter_scope scope = {0};
    const struct filter *filter = get_filter_object(self)->filter;
    if (parse_scope(args, &scope) != 0) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < filter_rule_count(filter); i++) {
        struct filter_rule_view view = filter_rule_at(filter, i, &scope);
        PyObject *row = Py_BuildValue("(Isiii)", view.file, view.selector, (int)view.exec,
                                      (int)view.value, view.matches);
        if (row == NULL || PyList_Append(list, row) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(row);
    }
    return list;
}

/* pack_rules(paths) */
static PyObject *filter_object_pack_rules(PyObject *self, PyObject *pairs)
{
    if (!PyList_Check(pairs)) {
        PyErr_SetString(PyExc_TypeError, "a list of pairs is wanted");
        return NULL;
    }
    return pack_rules_new(mod_filter_get(self), self, pairs);
}

/* filter_object_value(module, qualname, name, file, kind, variable) -> (action, why) */
static PyObject *filter_object_value(PyObject *self, PyObject *args)
{
    struct filter_scope scope = {0};
    struct filter_verdict v;
    const char *name;
    Py_ssize_t len, n = PyTuple_GET_SIZE(args);
    int kind;
    PyObject *first = PyTuple_GetSlice(args, 0, n < 4 ? n : 4); /* owned */
    PyObject *rest = PyTuple_GetSlice(args, n < 4 ? n : 4, n);  /* owned */
    PyObject *result = NULL;
    if (first != NULL && rest != NULL && parse_scope(first, &scope) == 0 &&
        PyArg_ParseTuple(rest, "is#", &kind, &name, &len)) {
        struct filter *filter = get_filter_object(self)->filter;
        struct filter_text text = {name, (size_t)len};
        if (kind < 0 || kind >= FILTER_KINDS || filter_decide(filter, &scope, &v) != RL_OK) {
            PyErr_SetString(PyExc_ValueError, "no such kind of value");
        } else {
            enum filter_action action = filter_value(filter, v.set, (enum filter_kind)kind, text);
            action = action >= FILTER_NAMES ? FILTER_ALLOW
                     : action > FILTER_DROP ? FILTER_REDACT
                                            : action;
            result = Py_BuildValue("(iz)", (int)action,
                                   filter_why(filter, v.set, (enum filter_kind)kind, text));
        }
    }
    Py_XDECREF(first);
    Py_XDECREF(rest);
    return result;
}

static PyMethodDef methods[] = {
    {"add_file", filter_object_add_file, METH_VARARGS, "Begins a file of the chain."},
    {"add_rule", filter_object_add_rule, METH_VARARGS, "Adds a rule to the last file."},
    {"add_pattern", add_pattern, METH_VARARGS, "Adds a value pattern to the last rule."},
    {"add_gate", add_gate, METH_VARARGS, "Adds an include or exclude."},
    {"set_sample", set_sample, METH_O, "Records this part of the functions."},
    {"decide", filter_object_decide, METH_VARARGS, "What is decided of a scope."},
    {"matches", filter_object_matches, METH_VARARGS, "Which rules match a scope."},
    {"pack_rules", filter_object_pack_rules, METH_O, "Rules that remove, for Reader.pack()."},
    {"value", filter_object_value, METH_VARARGS, "What becomes of a name in a scope, and why."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)new_filter},
    {Py_tp_dealloc, (void *)dealloc_filter},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "relive._core.Filter",
    .basicsize = sizeof(struct filter_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

/* secret_class(name) -> "A", "B", "C" as docs/security.md has them; None: no secret's */
static PyObject *core_secret_class(PyObject *module, PyObject *name)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(name, &len);
    (void)module;
    if (text == NULL) {
        return NULL;
    }
    switch (secret_name(text, (size_t)len)) {
    case SECRET_ALWAYS:
        return PyUnicode_FromString("A");
    case SECRET_TOKEN:
    case SECRET_LOGIN:
        return PyUnicode_FromString("B");
    case SECRET_CODE:
        return PyUnicode_FromString("C");
    default:
        Py_RETURN_NONE;
    }
}

int mod_filter_is_secret(const char *name, size_t len, PyObject *value)
{
    return judge(filter_action_of(secret_name(name, len)), value) == FILTER_REDACT;
}

/* is_secret(name, value) -> whether a value under such a name is hidden */
static PyObject *core_is_secret(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    Py_ssize_t len;
    const char *text = n == 2 ? PyUnicode_AsUTF8AndSize(args[0], &len) : NULL;
    (void)module;
    if (text == NULL) {
        if (n != 2) {
            PyErr_SetString(PyExc_TypeError, "is_secret(name, value)");
        }
        return NULL;
    }
    return PyBool_FromLong(mod_filter_is_secret(text, (size_t)len, args[1]));
}

/* find_secrets(text) -> [(begin, end) of its UTF-8, ...] */
static PyObject *core_find_secrets(PyObject *module, PyObject *object)
{
    struct secret_part parts[SECRET_PARTS];
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(object, &len);
    PyObject *list = text != NULL ? PyList_New(0) : NULL; /* owned */
    (void)module;
    size_t count = list != NULL ? secret_parts(text, (size_t)len, 0, parts) : 0;
    for (size_t i = 0; i < count; i++) {
        PyObject *pair =
            Py_BuildValue("(nn)", (Py_ssize_t)parts[i].begin, (Py_ssize_t)parts[i].end); /* owned */
        if (pair == NULL || PyList_Append(list, pair) != 0) {
            Py_CLEAR(list);
            count = 0;
        }
        Py_XDECREF(pair);
    }
    return list;
}

/* without_secrets(text) -> the text, each secret replaced by a mark */
static PyObject *core_without_secrets(PyObject *module, PyObject *object)
{
    struct secret_part parts[SECRET_PARTS];
    const char *mark = rl_sentinel_text(RL_SENTINEL_REDACTED);
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(object, &len);
    (void)module;
    if (text == NULL) {
        return NULL;
    }
    size_t count = secret_parts(text, (size_t)len, 0, parts);
    if (count == 0) {
        Py_INCREF(object);
        return object;
    }
    size_t size = (size_t)len + count * strlen(mark);
    char *clean = PyMem_Malloc(size); /* owned */
    if (clean == NULL) {
        return PyErr_NoMemory();
    }
    size_t n = secret_replace(text, (size_t)len, parts, count, mark, clean, size);
    PyObject *result = PyUnicode_DecodeUTF8(clean, (Py_ssize_t)n, "strict");
    PyMem_Free(clean);
    return result;
}

PyObject *mod_filter_without_secrets(PyObject *text)
{
    if (PyUnicode_IS_ASCII(text) &&
        !secret_text(PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text))) {
        Py_INCREF(text);
        return text;
    }
    PyObject *clean = core_without_secrets(NULL, text);
    if (clean == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "replace"); /* owned */
        PyObject *whole = bytes != NULL ? PyUnicode_FromEncodedObject(bytes, "utf-8", "replace")
                                        : NULL; /* owned */
        clean = whole != NULL ? core_without_secrets(NULL, whole) : NULL;
        Py_XDECREF(bytes);
        Py_XDECREF(whole);
    }
    return clean;
}

/* Puts the text of a sentinel into a dictionary, under its name in lower case. */
static void put_sentinel(PyObject *dict, const char *name, enum rl_sentinel sentinel)
{
    char lower[16] = "";
    for (size_t i = 0; name[i] != 0 && i + 1 < sizeof lower; i++) {
        lower[i] = (char)(name[i] | 32);
    }
    PyObject *text = PyUnicode_FromString(rl_sentinel_text(sentinel)); /* owned */
    if (text == NULL || PyDict_SetItemString(dict, lower, text) != 0) {
        PyErr_Clear();
    }
    Py_XDECREF(text);
}

/* Returns {name: text} of the sentinels: new, or NULL. */
static PyObject *make_sentinels(void)
{
    PyObject *dict = PyDict_New();
#define PUT(name, text, meaning) put_sentinel(dict, #name, RL_SENTINEL_##name);
    if (dict != NULL) {
        RL_SENTINEL_TABLE(PUT)
    }
#undef PUT
    return dict;
}

static PyMethodDef functions[] = {
    {"pack_text", pack_rules_text, METH_VARARGS, "A text after the rules of a pack."},
    {"without_secrets", core_without_secrets, METH_O, "A text with its secrets taken out."},
    {"secret_class", core_secret_class, METH_O, "A, B or C for the name of a secret, else None."},
    {"is_secret", (PyCFunction)(void (*)(void))core_is_secret, METH_FASTCALL,
     "Whether a value under this name is hidden."},
    {"find_secrets", core_find_secrets, METH_O, "Where a text has the form of a secret."},
    {NULL, NULL, 0, NULL},
};

int mod_filter_add(PyObject *module)
{
    if (filter_type == NULL) {
        filter_type = (PyTypeObject *)PyType_FromSpec(&spec);
    }
    Py_XINCREF(filter_type);
    if (filter_type == NULL || PyModule_AddObject(module, "Filter", (PyObject *)filter_type) != 0 ||
        PyModule_AddObject(module, "SENTINELS", make_sentinels()) != 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
