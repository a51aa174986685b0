/* Why: dataclasses, namedtuple and attrs write methods as text and run it. Such a method is named
 * for what made it (`__create_fn__.<locals>.__init__`), but the class that has it is the type of
 * its first argument. The text itself runs as a module, and is the library's that runs it. */
#include "generated.h"

#include <string.h>

#include "codename.h"
#include "origin.h"
#include "pytext.h"
#include "word.h"

static int is_generated(PyCodeObject *code)
{
    uint8_t file[16];
    size_t n = pytext_put(code->co_filename, file, sizeof file);
    return n == 0 || (file[0] == '<' && (n < 8 || memcmp(file, "<frozen ", 8) != 0));
}

/* ---- the class ---- */

static PyObject *get_first_argument(PyCodeObject *code, native_frame *frame) /* borrowed, or NULL */
{
    if (code->co_argcount == 0) {
        return NULL;
    }
    Py_ssize_t slot = native_parameter_slot(code, frame, 0);
    PyObject *value = native_slot(frame, slot);
    return value != NULL && PyCell_Check(value) ? PyCell_GET(value) : value;
}

/* The key of the code in the dictionaries of the type and its bases, and whose it is: borrowed. */
static PyObject *find_method(PyTypeObject *type, PyCodeObject *code, PyTypeObject **owner)
{
    PyObject *key, *value, *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        Py_ssize_t at = 0;
        if (!PyType_Check(base) || !(base->tp_flags & Py_TPFLAGS_HEAPTYPE) ||
            base->tp_dict == NULL) {
            continue; /* built-in types have no such methods */
        }
        while (PyDict_Next(base->tp_dict, &at, &key, &value)) {
            if (PyUnicode_Check(key) && codename_function(value, code) != NULL) {
                *owner = base;
                return key;
            }
        }
    }
    return NULL;
}

/* The globals of the module in which a class was made: borrowed, or NULL. */
static PyObject *find_globals(PyTypeObject *type)
{
    static PyObject *key; /* process-wide, interned */
    if (key == NULL && (key = PyUnicode_InternFromString("__module__")) == NULL) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *name = PyDict_GetItem(type->tp_dict, key), *modules = compat_modules();
    if (name == NULL || !PyUnicode_CheckExact(name) || modules == NULL ||
        !PyDict_CheckExact(modules)) {
        return NULL;
    }
    PyObject *module = PyDict_GetItem(modules, name);
    return module != NULL && PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
}

/* 1 where a class has the code: the home is then complete. */
static int find_class(PyCodeObject *code, native_frame *frame, struct code_home *home)
{
    PyObject *first = get_first_argument(code, frame), *key = NULL;
    PyTypeObject *owner = NULL;
    if (first != NULL && PyType_Check(first)) {
        key = find_method((PyTypeObject *)first, code, &owner);
    }
    if (first != NULL && key == NULL) {
        key = find_method(Py_TYPE(first), code, &owner);
    }
    if (key == NULL) {
        return 0;
    }
    /* A lambda has the name under which the class has it. */
    int is_named = PyUnicode_READ_CHAR(code->co_name, 0) != '<';
    home->qualname = PyUnicode_FromFormat("%U.%U", ((PyHeapTypeObject *)owner)->ht_qualname,
                                          is_named ? code->co_name : key);
    if (home->qualname == NULL) {
        PyErr_Clear();
    }
    PyObject *globals = pytext_module(home->globals) == NULL ? find_globals(owner) : NULL;
    home->globals = globals != NULL ? globals : home->globals;
    return 1;
}

/* ---- the library ---- */

/* Returns whether the code is the whole text, or a class body in it, and not the program's own. A
 * program that runs a text in a module runs it in the module's namespace. */
static int is_text_of_caller(PyCodeObject *code, native_frame *frame)
{
    if (code->co_flags & CO_NEWLOCALS) {
        return codeinfo_get(code) == CODE_OF_LIBRARY;
    }
    return pytext_module(native_globals(frame)) == NULL ||
           (PyUnicode_CompareWithASCIIString(code->co_filename, "<string>") == 0 &&
            native_namespace(frame) != native_globals(frame));
}

/* The nearest frame below that runs code with a file, or NULL. The frame itself need not be linked
 * to its caller yet, which then is the current one. */
static native_frame *find_caller_with_file(native_frame *frame)
{
    native_frame *now = native_current(PyThreadState_GetUnchecked()), *f = now;
    while (f != NULL && f != frame) {
        f = native_caller(f);
    }
    f = f != NULL ? native_caller(f) : now;
    while (f != NULL && is_generated(native_code(f))) {
        f = native_caller(f);
    }
    return f;
}

/* Marks the functions that the text makes as the library's, for when they run. */
static void mark_children(PyCodeObject *code)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_consts); i++) {
        PyObject *child = PyTuple_GET_ITEM(code->co_consts, i);
        if (PyCode_Check(child) && codeinfo_get((PyCodeObject *)child) == 0 &&
            compat_set_extra(child, codeinfo_index, (void *)(uintptr_t)CODE_OF_LIBRARY) != 0) {
            PyErr_Clear();
        }
    }
}

struct code_home generated_home(PyCodeObject *code, native_frame *frame)
{
    struct code_home home = {native_globals(frame), NULL};
    if (!is_generated(code) || find_class(code, frame, &home) || !is_text_of_caller(code, frame)) {
        return home;
    }
    native_frame *caller = find_caller_with_file(frame);
    if (caller != NULL && !origin_is_own(native_code(caller), native_globals(caller))) {
        home.globals = native_globals(caller);
        mark_children(code);
    }
    return home;
}
