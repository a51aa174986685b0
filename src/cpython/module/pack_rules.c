/* Why: see pack_rules.h. */
#include "pack_rules.h"

#include <relive/rl_filter.h>
#include <string.h>

#include "alloc.h"
#include "texts.h"

static const char CAPSULE[] = "relive.pack_rules";

/* What a capsule holds. */
struct rules {
    struct texts texts;
    PyObject *filter, *pairs; /* owned; `texts` borrows from them */
    struct text_path *paths;  /* owned */
};

static void rules_free(struct rules *rules)
{
    texts_fini(&rules->texts);
    Py_XDECREF(rules->filter);
    Py_XDECREF(rules->pairs);
    rl_free(rules->paths);
    rl_free(rules);
}

static void free_capsule(PyObject *capsule)
{
    rules_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

struct texts *pack_rules_texts(PyObject *capsule)
{
    struct rules *rules = PyCapsule_GetPointer(capsule, CAPSULE);
    return rules != NULL ? &rules->texts : NULL;
}

PyObject *pack_rules_new(struct filter *filter, PyObject *owner, PyObject *pairs)
{
    struct rules *rules = rl_zalloc(1, sizeof *rules);
    if (rules == NULL) {
        return PyErr_NoMemory();
    }
    Py_INCREF(owner);
    rules->filter = owner;
    rules->pairs = PyList_AsTuple(pairs);
    Py_ssize_t count = rules->pairs != NULL ? PyTuple_GET_SIZE(rules->pairs) : 0;
    rules->paths = rl_zalloc((size_t)count + 1, sizeof *rules->paths);
    int failed = rules->pairs == NULL || rules->paths == NULL;
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        Py_ssize_t from_len, to_len;
        struct text_path *path = &rules->paths[i];
        failed = !PyArg_ParseTuple(PyTuple_GET_ITEM(rules->pairs, i), "s#s#", &path->from.data,
                                   &from_len, &path->to.data, &to_len) ||
                 from_len < 2;
        path->from.len = failed ? 0 : (size_t)from_len;
        path->to.len = failed ? 0 : (size_t)to_len;
    }
    rules->texts.filter = filter;
    rules->texts.paths = rules->paths;
    rules->texts.path_count = (size_t)count;
    PyObject *capsule = failed ? NULL : PyCapsule_New(rules, CAPSULE, free_capsule);
    if (capsule == NULL) {
        rules_free(rules);
        return PyErr_Occurred() != NULL ? NULL : PyErr_NoMemory();
    }
    return capsule;
}

PyObject *pack_rules_text(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    const char *data;
    Py_ssize_t len;
    (void)module;
    if (!PyArg_ParseTuple(args, "Os#", &capsule, &data, &len)) {
        return NULL;
    }
    struct texts *texts = pack_rules_texts(capsule);
    if (texts == NULL) {
        return NULL;
    }
    struct text text = {data, (size_t)len};
    if (texts_clean(texts, filter_default_set(texts->filter), 0, &text) == TEXT_SECRET) {
        text = (struct text){RL_REDACTED_TEXT, sizeof RL_REDACTED_TEXT - 1};
    }
    return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, "replace");
}
