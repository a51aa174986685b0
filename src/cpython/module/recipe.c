/* Why: TOML, patterns and paths are read where the settings are. The process that is recorded
 * builds the same filter without a module of the standard library. */
#include "recipe.h"

#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "mod_filter.h"
#include "refusal.h"

#include "filter.h"

enum { BUILTIN_VERSION = 2, SELECTOR_MAX = 1100, FOLDER_MAX = 500 };

/* Gets each rule of the built-in filter, in order; -1 with an exception ends it. */
typedef int (*rule_taker)(void *taker, const char *selector, int is_traced);

/* A pattern for all that is in a folder; 0 where that cannot be one. */
static int folder_selector(const char *folder, char *selector, size_t size)
{
    size_t len = strlen(folder), at = (size_t)snprintf(selector, size, "file:regex:^");
    while (*folder == '/') {
        folder++;
    }
    if (len > FOLDER_MAX || *folder == '\0') {
        return 0;
    }
    for (; *folder != '\0'; folder++) {
        unsigned char c = (unsigned char)*folder;
        int is_plain = c >= 0x80 || Py_ISALNUM(c) || c == '/' || c == '_';
        at += (size_t)snprintf(selector + at, size - at, "%s%c", is_plain ? "" : "\\", c);
    }
    if (selector[at - 1] != '/') {
        (void)snprintf(selector + at, size - at, "/");
    }
    return 1;
}

/* The folders of the standard library here. Whole paths too: this filter's root is nothing. */
static int give_folders(PyObject *folders, rule_taker take, void *taker)
{
    char selector[SELECTOR_MAX];
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(folders); i++) {
        const char *folder = PyUnicode_AsUTF8(PyList_GET_ITEM(folders, i));
        if (folder == NULL) {
            PyErr_Clear();
        } else if (folder_selector(folder, selector, sizeof selector) &&
                   take(taker, selector, 0) != 0) {
            return -1;
        }
    }
    return 0;
}

/* What is below the standard library: its modules by name. */
static int give_modules(rule_taker take, void *taker)
{
    static const char *const modules[] = {
        "asyncio",           "selectors",       "concurrent", "importlib",
        "threading",         "multiprocessing", "builtins",   "_distutils_hack",
        "_frozen_importlib", "zipimport",       "runpy",      "_frozen_importlib_external",
    };
    char selector[SELECTOR_MAX];
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        (void)snprintf(selector, sizeof selector, "pkg:literal:%s", modules[i]);
        if (take(taker, selector, 0) != 0) {
            return -1;
        }
        (void)snprintf(selector, sizeof selector, "pkg:%s.*", modules[i]);
        if (take(taker, selector, 0) != 0) {
            return -1;
        }
    }
    return 0;
}

/* site-packages are somebody's program again, unless they are left out. */
static int give_rules(PyObject *folders, int packages, rule_taker take, void *taker)
{
    return take(taker, "file:regex:(^|/)lib(64)?/python\\d+\\.\\d+/", 0) != 0 ||
                   give_folders(folders, take, taker) != 0 ||
                   take(taker, "file:regex:(^|/)(site|dist)-packages/", packages) != 0 ||
                   take(taker, "file:regex:(^|/)_virtualenv\\.py$", 0) != 0 ||
                   take(taker, "file:regex:^<frozen ", 0) != 0 ||
                   take(taker, "pkg:namedtuple_*", 0) != 0 || give_modules(take, taker) != 0
               ? -1
               : 0;
}

/* ---- as a filter ---- */

/* Adds a rule of the built-in filter. */
static int add_builtin_rule(void *filter, const char *selector, int is_traced)
{
    struct rl_err err = {0};
    struct filter_rule rule = {.selector = {selector, strlen(selector)},
                               .exec = is_traced ? FILTER_TRACE : FILTER_SKIP,
                               .sample = 1.0,
                               .max_str = FILTER_NO_LIMIT,
                               .max_items = FILTER_NO_LIMIT,
                               .max_depth = FILTER_NO_LIMIT,
                               .max_locals = FILTER_NO_LIMIT};
    return filter_add_rule(filter, &rule, &err) == RL_OK ? 0
                                                         : (refuse(err.status, "%s", err.text), -1);
}

/* Adds the built-in filter as a file of its own. */
static int add_builtin(struct filter *filter, PyObject *folders, int packages)
{
    struct rl_err err = {0};
    struct filter_file file = {.version = BUILTIN_VERSION,
                               .is_builtin = 1,
                               .root = {"", 0},
                               .other_root = {"", 0},
                               .exec = FILTER_TRACE,
                               .value = FILTER_ALLOW};
    if (filter_add_file(filter, &file, &err) != RL_OK) {
        (void)refuse(err.status, "%s", err.text);
        return -1;
    }
    return give_rules(folders, packages, add_builtin_rule, filter);
}

/* One entry: the method's name and its arguments. */
static int add_entry(PyObject *object, PyObject *entry, PyObject *folders)
{
    const char *name;
    PyObject *what;                           /* borrowed */
    PyObject *pair = PySequence_Tuple(entry); /* owned */
    int done = -1;
    if (pair != NULL && PyArg_ParseTuple(pair, "sO", &name, &what)) {
        if (strcmp(name, "builtin") == 0) {
            int packages =
                PyUnicode_Check(what) && PyUnicode_CompareWithASCIIString(what, "trace") == 0;
            done = add_builtin(mod_filter_get(object), folders, packages);
        } else {
            PyObject *method = PyObject_GetAttrString(object, name);              /* owned */
            PyObject *arguments = method != NULL ? PySequence_Tuple(what) : NULL; /* owned */
            PyObject *none = arguments != NULL ? PyObject_CallObject(method, arguments) : NULL;
            done = none != NULL ? 0 : -1;
            Py_XDECREF(none);
            Py_XDECREF(arguments);
            Py_XDECREF(method);
        }
    }
    Py_XDECREF(pair);
    return done;
}

PyObject *recipe_filter(PyObject *recipe, PyObject *folders)
{
    struct fields fields = {recipe, 0};
    PyObject *entries = fields_get(&fields, "entries");                 /* borrowed */
    PyObject *list = entries != NULL ? PySequence_List(entries) : NULL; /* owned */
    PyObject *object = list != NULL ? mod_filter_new() : NULL;
    for (Py_ssize_t i = 0; object != NULL && i < PyList_GET_SIZE(list); i++) {
        if (add_entry(object, PyList_GET_ITEM(list, i), folders) != 0) {
            Py_CLEAR(object);
        }
    }
    Py_XDECREF(list);
    return object;
}

/* ---- as a list ---- */

/* Appends a rule as (selector, "trace" or "skip"). */
static int append_rule(void *list, const char *selector, int is_traced)
{
    PyObject *row = Py_BuildValue("(ss)", selector, is_traced ? "trace" : "skip"); /* owned */
    int failed = row == NULL || PyList_Append(list, row) != 0;
    Py_XDECREF(row);
    return failed ? -1 : 0;
}

/* builtin_rules(folders, packages) -> (version, [(selector, exec), ...]) */
static PyObject *builtin_rules(PyObject *module, PyObject *args)
{
    PyObject *folders;
    const char *packages;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!s", &PyList_Type, &folders, &packages)) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    if (list != NULL &&
        give_rules(folders, strcmp(packages, "trace") == 0, append_rule, list) != 0) {
        Py_CLEAR(list);
    }
    return list != NULL ? Py_BuildValue("(iN)", BUILTIN_VERSION, list) : NULL;
}

static PyMethodDef functions[] = {
    {"builtin_rules", builtin_rules, METH_VARARGS,
     "Version and rules of the built-in filter, for these folders of libraries."},
    {NULL, NULL, 0, NULL},
};

int recipe_add(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
