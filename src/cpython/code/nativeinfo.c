/* Part of codeinfo.h.
 * Why: a function written in C has no code object to keep a word in. Its id is found through a
 * small table of the functions that were seen last.
 *
 * Invariant: an entry is used only while the pointers that it was made from are the same. A method
 * definition may die and leave its address to another one; that one is then defined again.
 * Threads: under the GIL. */
#include <stdio.h>
#include <string.h>

#include "codeinfo.h"
#include "pyerror.h"
#include "pytext.h"
#include "state.h"

#include "utf8.h"

/* What an id follows from. Pointers are compared, never followed, once they are in the table. */
struct native {
    const void *what; /* method definition, descriptor or type */
    const PyTypeObject *owner;
    const char *owner_name;
    const char *name; /* NULL: the name is `text` */
    PyObject *text;
    PyObject *module;
};

enum { CACHED = 1024 };
static struct cached {
    struct native native;
    uint64_t recording, stamp; /* recording.stamp, recording.code_stamp */
    uint32_t id;
} table[CACHED];

static uint32_t define_text(struct lane *lane, const char *text)
{
    size_t len = strlen(text);
    len = len < RL_STRING_MAX ? len : RL_STRING_MAX;
    return recorder_string(recording.recorder, lane, text,
                           utf8_cut((const uint8_t *)text, len, len));
}

/* Defines the function and returns its id; `known` is the one that it has already, or 0. */
static uint32_t define_native(struct lane *lane, const struct native *native, uint32_t known)
{
    char name[256], qualname[512], module[256] = "builtins";
    size_t n = strlen(native->name != NULL ? native->name : "");
    if (native->name == NULL) {
        n = pytext_put(native->text, (uint8_t *)name, sizeof name - 1);
    } else {
        n = n < sizeof name - 1 ? n : sizeof name - 1;
        memcpy(name, native->name, n);
    }
    name[n] = 0;
    (void)snprintf(qualname, sizeof qualname, "%s%s%s", native->owner_name,
                   *native->owner_name != 0 && n != 0 ? "." : "", name);
    if (native->module != NULL) {
        module[pytext_put(native->module, (uint8_t *)module, sizeof module - 1)] = 0;
    }
    struct code_def def = {
        .module = define_text(lane, module),
        .qualname = define_text(lane, qualname),
        .file = define_text(lane, ""),
        .flags = RL_CODE_NATIVE,
    };
    return known != 0 ? recorder_code_again(recording.recorder, lane, known, &def)
                      : recorder_code(recording.recorder, lane, &def);
}

/* Fills in what identifies the callable. Returns 0 for a Python function. */
static int describe_native(PyObject *callable, struct native *native)
{
    PyTypeObject *type = Py_TYPE(callable);
    if (PyCFunction_Check(callable)) {
        PyCFunctionObject *function = (PyCFunctionObject *)callable;
        PyObject *self = function->m_self;
        PyObject *module = function->m_module;
        int is_module = self == NULL || PyModule_Check(self);
        native->what = function->m_ml;
        native->owner = is_module            ? NULL
                        : PyType_Check(self) ? (PyTypeObject *)self
                                             : Py_TYPE(self);
        native->name = function->m_ml->ml_name;
        native->module = module != NULL && PyUnicode_Check(module) ? module : NULL;
    } else if (type == &PyMethodDescr_Type || type == &PyWrapperDescr_Type ||
               type == &PyClassMethodDescr_Type) {
        PyDescrObject *descr = (PyDescrObject *)callable;
        native->what = descr;
        native->owner = descr->d_type;
        native->text = descr->d_name;
    } else if (PyFunction_Check(callable) ||
               (PyMethod_Check(callable) && PyFunction_Check(PyMethod_GET_FUNCTION(callable)))) {
        return 0;
    } else if (PyType_Check(callable)) {
        native->what = native->owner = (PyTypeObject *)callable;
        native->name = "";
    } else {
        native->what = native->owner = type;
        native->name = "__call__";
    }
    native->owner_name = native->owner != NULL ? native->owner->tp_name : "";
    return 1;
}

static int is_same_native(const struct native *a, const struct native *b)
{
    return a->what == b->what && a->owner == b->owner && a->name == b->name &&
           a->owner_name == b->owner_name && a->text == b->text && a->module == b->module;
}

uint32_t codeinfo_native(PyObject *callable)
{
    struct native native = {0};
    if (callable == NULL || !describe_native(callable, &native)) {
        return 0;
    }
    uint64_t hash =
        map_mix((uint64_t)(uintptr_t)native.what ^ (uint64_t)(uintptr_t)native.owner << 7);
    struct cached *cached = &table[hash % CACHED];
    if (__builtin_expect(cached->stamp != recording.code_stamp ||
                             !is_same_native(&cached->native, &native),
                         0)) {
        struct pyerror error = pyerror_take();
        int is_known =
            cached->recording == recording.stamp && is_same_native(&cached->native, &native);
        uint32_t id = define_native(&thread_self->lane, &native, is_known ? cached->id : 0);
        *cached = (struct cached){native, recording.stamp, recording.code_stamp, id};
        pyerror_put_back(&error);
    }
    return cached->id;
}
