/* Part of reader_object.h.
 * Why: a whole run as one file, with the rules of redaction applied once more.
 *
 *   reader.pack_collect(rules, ...)     of each recording (pack_rules.h)
 *   reader.pack(rules, path, ...)
 *
 * Threads: filters belong to the thread that has the GIL, so it is kept. Between two chunks other
 * threads may run, and Ctrl-C counts. */
#include "reader_object.h"
#include "pack_rules.h"
#include "refusal.h"

#include "alloc.h"
#include "pack.h"

/* Other threads, and signals. */
static int rest(void)
{
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    return PyErr_CheckSignals();
}

/* Raises what a status says, unless a signal has raised something. */
static PyObject *raise_status(rl_status status, const struct rl_err *err)
{
    if (PyErr_Occurred() != NULL) {
        return NULL;
    }
    return status == RL_NOMEM && err == NULL ? PyErr_NoMemory()
                                             : refusal_raise(status, err != NULL ? err->text : "");
}

/* pack_collect(rules, hides_values) */
PyObject *reader_pack_collect(struct reader_object *self, PyObject *args)
{
    PyObject *capsule;
    int hides_values;
    if (!PyArg_ParseTuple(args, "Op", &capsule, &hides_values)) {
        return NULL;
    }
    struct texts *texts = pack_rules_texts(capsule);
    if (texts == NULL || reader_enter(self) == NULL) {
        return NULL;
    }
    rl_status status = pack_collect(self->reader, texts, hides_values, rest);
    self->busy = 0;
    if (status != RL_OK) {
        return raise_status(status, NULL);
    }
    Py_RETURN_NONE;
}

/* Returns the paths of a list as bytes; *names borrows from them. New, or NULL with an exception.
 */
static PyObject *take_paths(PyObject *list, const char ***names)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    PyObject *owner = PyTuple_New(count);
    *names = rl_zalloc((size_t)count + 1, sizeof **names);
    for (Py_ssize_t i = 0; owner != NULL && *names != NULL && i < count; i++) {
        PyObject *path = NULL; /* owned */
        if (!PyUnicode_FSConverter(PyList_GET_ITEM(list, i), &path)) {
            Py_CLEAR(owner);
            break;
        }
        PyTuple_SET_ITEM(owner, i, path);
        (*names)[i] = PyBytes_AS_STRING(path);
    }
    if (owner != NULL && *names == NULL) {
        (void)PyErr_NoMemory();
        Py_CLEAR(owner);
    }
    return owner;
}

/* pack(rules, path, meta, members, hides_values, hides_sources): the numbers of struct pack_result,
 * in its order. */
PyObject *reader_pack(struct reader_object *self, PyObject *args)
{
    struct pack_question question = {.rest = rest};
    struct pack_result result;
    struct bytes_out meta = {0};
    struct rl_err err = {RL_OK, 0, ""};
    PyObject *capsule, *pairs, *members, *answer = NULL;
    PyObject *path = NULL, *owner = NULL; /* owned */
    const char **names = NULL;            /* owned */
    if (!PyArg_ParseTuple(args, "OO&O!O!pp", &capsule, PyUnicode_FSConverter, &path, &PyList_Type,
                          &pairs, &PyList_Type, &members, &question.hides_values,
                          &question.hides_sources)) {
        return NULL;
    }
    struct texts *texts = pack_rules_texts(capsule);
    if (texts == NULL || reader_take_meta(pairs, &meta) != 0 ||
        (owner = take_paths(members, &names)) == NULL || reader_enter(self) == NULL) {
        goto done;
    }
    question.path = PyBytes_AS_STRING(path);
    question.meta = meta.data;
    question.meta_len = meta.len;
    question.members = names;
    question.member_count = (size_t)PyList_GET_SIZE(members);
    rl_status status = pack_write(self->reader, texts, &question, &result, &err);
    self->busy = 0;
    answer = status != RL_OK ? raise_status(status, &err)
                             : Py_BuildValue("(KKKK)", (unsigned long long)result.events,
                                             (unsigned long long)result.changed,
                                             (unsigned long long)result.copied,
                                             (unsigned long long)result.encoded);
done:
    bytes_out_fini(&meta);
    rl_free((void *)names);
    Py_XDECREF(owner);
    Py_DECREF(path);
    return answer;
}
