/* Part of codeinfo.h.
 * Why: a function written in C has no code object to keep a word in, so its id is found through a
 * small table of what was seen last. An entry is believed only while the names that it was made
 * from are still the same pointers: a definition that died and left its address to another is made
 * anew. Threads: under the GIL. */
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

static uint32_t text_id(struct lane *lane, const char *text)
{
    size_t len = strlen(text);
    len = len < RL_STRING_MAX ? len : RL_STRING_MAX;
    return recorder_string(recording.recorder, lane, text,
                           utf8_cut((const uint8_t *)text, len, len));
}

/* `known` is the id that it has in this recording already, or 0. */
static uint32_t define(struct lane *lane, const struct native *native, uint32_t known)
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
        .module = text_id(lane, module),
        .qualname = text_id(lane, qualname),
        .file = text_id(lane, ""),
        .flags = RL_CODE_NATIVE,
    };
    return known != 0 ? recorder_code_again(recording.recorder, lane, known, &def)
                      : recorder_code(recording.recorder, lane, &def);
}

/* Who is called: 0 for a Python function. */
static int describe(PyObject *callable, struct native *native)
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

static int is_same(const struct native *a, const struct native *b)
{
    return a->what == b->what && a->owner == b->owner && a->name == b->name &&
           a->owner_name == b->owner_name && a->text == b->text && a->module == b->module;
}

uint32_t codeinfo_native(PyObject *callable)
{
    struct native native = {0};
    if (callable == NULL || !describe(callable, &native)) {
        return 0;
    }
    uint64_t hash =
        map_mix((uint64_t)(uintptr_t)native.what ^ (uint64_t)(uintptr_t)native.owner << 7);
    struct cached *cached = &table[hash % CACHED];
    if (__builtin_expect(
            cached->stamp != recording.code_stamp || !is_same(&cached->native, &native), 0)) {
        struct pyerror error = pyerror_take();
        int is_known = cached->recording == recording.stamp && is_same(&cached->native, &native);
        uint32_t id = define(&thread_self->lane, &native, is_known ? cached->id : 0);
        *cached = (struct cached){native, recording.stamp, recording.code_stamp, id};
        pyerror_put_back(&error);
    }
    return cached->id;
}
