/* Part of captured_types.h. Why: functions, methods, classes and modules are known by their names,
 * and are passed around all the time. The text of each is one string of the recording.
 *
 *    known[hash of the address of the name's storage]  ->  string id
 *
 * Invariant: a label is valid for one value set and one recording. A name may be a secret for some
 * code and not for other code. */
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "capture_parts.h"
#include "captured_types.h"
#include "policy.h"
#include "pytext.h"
#include "state.h"

enum { NAME_BYTES = 500 };

struct label {
    const void *name; /* compared only: a str, or a C string that lives as long as the process */
    const char *before;
    const struct filter_set *set; /* a secret for one set may be shown by another */
    Py_hash_t hash;
    Py_ssize_t length;
    uint32_t stamp, id; /* 0: a secret */
};

/* Returns the string id of a text, which is made on the first use; 0 = it must not be written. */
static uint32_t label_id(struct capture *c, struct label *label, const char *name, size_t len,
                         const char *after)
{
    char text[NAME_BYTES + 32];
    int n = snprintf(text, sizeof text, "%s%.*s%s", label->before, (int)len, name, after);
    if (n < 0 || recording.recorder == NULL || capture_is_secret(c, text, strlen(text))) {
        return 0;
    }
    return recorder_string(recording.recorder, c->lane, text, strlen(text));
}

static inline int is_same_label(const struct label *a, const struct label *b)
{
    return a->name == b->name && a->before == b->before && a->set == b->set && a->hash == b->hash &&
           a->length == b->length && a->stamp == b->stamp && a->hash != -1;
}

/* Writes the label of an object, from the table where it is known. Two share each place. */
static void put_label(struct capture *c, PyObject *o, const struct typeinfo *info,
                      const struct label *label, const char *after)
{
    enum { PLACES = 512 };
    static struct label known[PLACES][2];
    struct label *at = known[(uint64_t)(uintptr_t)label->name * UINT64_C(0x9e3779b97f4a7c15) >> 55];
    uint32_t type = info->id; /* `info` becomes invalid when a string is made */
    at += !is_same_label(&at[0], label) && is_same_label(&at[1], label);
    if (!is_same_label(at, label)) {
        at[1] = at[0];
        *at = *label;
        uint8_t name[NAME_BYTES];
        if (label->length < 0) {
            at->id = label_id(c, at, label->name, strnlen(label->name, sizeof name), after);
        } else {
            size_t n = pytext_put((PyObject *)(uintptr_t)label->name, name, sizeof name);
            at->id = label_id(c, at, (const char *)name, n, after);
        }
    }
    if (at->id == 0) {
        capture_put_tag(c, RL_VALUE_REDACTED);
        capture_put_number(c, type);
        return;
    }
    capture_put_tag(c, RL_VALUE_LABEL);
    capture_identity(c, o);
    capture_put_number(c, type);
    capture_put_number(c, at->id);
}

/* Returns the key of a label. */
static struct label label_of(const struct capture *c, const char *before, const void *name)
{
    return (struct label){.name = name,
                          .before = before,
                          .set = c->policy != NULL ? c->policy->set : NULL,
                          .stamp = recording.name_stamp};
}

/* Writes the name of an object whose name is a C string. */
static void put_c_name(struct capture *c, PyObject *o, const struct typeinfo *info,
                       const char *before, const char *name, const char *after)
{
    struct label label = label_of(c, before, name);
    label.length = -1;
    uint32_t hash = 0;
    for (size_t i = 0, n = strnlen(name, NAME_BYTES); i < n; i++) {
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    }
    label.hash = (Py_hash_t)hash;
    put_label(c, o, info, &label, after);
}

/* Writes the name of an object. `name` is a str, or another object that is not opened. */
static void put_named_text(struct capture *c, PyObject *o, const struct typeinfo *info,
                           const char *before, PyObject *name, const char *after)
{
    if (name == NULL || !PyUnicode_Check(name) || !TEXT_IS_READY(name)) {
        put_c_name(c, o, info, before, "?", after);
        return;
    }
    struct label label = label_of(c, before, name);
    label.length = PyUnicode_GET_LENGTH(name);
    /* the hash of an exact str: no code of the program runs */
    label.hash = PyUnicode_CheckExact(name) ? PyObject_Hash(name) : -1;
    put_label(c, o, info, &label, after);
}

void captured_function(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    put_named_text(c, o, info, "<function ", ((PyFunctionObject *)o)->func_qualname, ">");
}

void captured_method(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    PyObject *function = ((PyMethodObject *)o)->im_func;
    put_named_text(
        c, o, info, "<bound method ",
        PyFunction_Check(function) ? ((PyFunctionObject *)function)->func_qualname : NULL, ">");
}

void captured_builtin(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    put_c_name(c, o, info, "<built-in function ", ((PyCFunctionObject *)o)->m_ml->ml_name, ">");
}

void captured_class(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    PyTypeObject *type = (PyTypeObject *)o;
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
        put_named_text(c, o, info, "<class '", ((PyHeapTypeObject *)type)->ht_qualname, "'>");
    } else {
        put_c_name(c, o, info, "<class '", type->tp_name, "'>");
    }
}

void captured_module(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    PyObject *name = pytext_module(PyModule_GetDict(o)); /* borrowed */
    put_named_text(c, o, info, "<module '", name, "'>");
}

void captured_code(struct capture *c, PyObject *o, const struct typeinfo *info)
{
    put_named_text(c, o, info, "<code object ", ((PyCodeObject *)o)->co_name, ">");
}
