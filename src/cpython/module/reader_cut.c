/* Part of reader_object.h.
 * Why: a part of a recording as a file of its own.
 *
 * Threads: the file is written without the GIL. */
#include "reader_object.h"
#include "refusal.h"

#include "cut.h"

int reader_take_meta(PyObject *pairs, struct bytes_out *meta)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); i++) {
        const char *key, *value;
        Py_ssize_t len;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(pairs, i), "ss#", &key, &value, &len)) {
            return -1;
        }
        meta_entry_put(meta, key, value, (size_t)len);
    }
    if (meta->failed) {
        (void)PyErr_NoMemory();
    }
    return meta->failed ? -1 : 0;
}

PyObject *reader_cut_result(const struct cut_result *result)
{
    return Py_BuildValue(
        "(KKKKKKKK)", (unsigned long long)result->events, (unsigned long long)result->before,
        (unsigned long long)result->after, (unsigned long long)result->other_threads,
        (unsigned long long)result->begun, (unsigned long long)result->copied,
        (unsigned long long)result->encoded, (unsigned long long)result->no_values);
}

/* Writes the part that a question wants: the numbers of struct cut_result. `path` is taken. */
static PyObject *write_part(struct reader_object *self, struct cut_question *question,
                            PyObject *path, PyObject *pairs)
{
    struct cut_result result;
    struct bytes_out meta = {0};
    struct rl_err err;
    PyObject *answer = NULL;
    question->path = PyBytes_AS_STRING(path);
    /* the facts that go into META, beside those of the original */
    if (reader_take_meta(pairs, &meta) == 0 && reader_enter(self) != NULL) {
        rl_status status;
        question->meta = meta.data;
        question->meta_len = meta.len;
        Py_BEGIN_ALLOW_THREADS
        status = cut_write(self->reader, question, &result, &err);
        Py_END_ALLOW_THREADS
        self->busy = 0;
        answer = status == RL_OK ? reader_cut_result(&result) : refusal_raise(status, err.text);
    }
    bytes_out_fini(&meta);
    Py_DECREF(path);
    return answer;
}

/* cut(from_thread, from_seq, to_thread, to_seq, path, meta): the numbers of struct cut_result, in
 * its order. `meta` is a list of pairs of texts. */
PyObject *reader_cut(struct reader_object *self, PyObject *args)
{
    struct cut_question question = {0};
    unsigned long long from, to;
    PyObject *path = NULL, *pairs; /* path: owned */
    if (!PyArg_ParseTuple(args, "IKIKO&O!", &question.from.thread, &from, &question.to.thread, &to,
                          PyUnicode_FSConverter, &path, &PyList_Type, &pairs)) {
        return NULL;
    }
    question.from.seq = from;
    question.to.seq = to;
    return write_part(self, &question, path, pairs);
}

/* keep(path, meta): the same for all events. Only what they name is written. */
PyObject *reader_keep(struct reader_object *self, PyObject *args)
{
    struct cut_question question = {.is_whole = 1};
    PyObject *path = NULL, *pairs; /* path: owned */
    if (!PyArg_ParseTuple(args, "O&O!", PyUnicode_FSConverter, &path, &PyList_Type, &pairs)) {
        return NULL;
    }
    return write_part(self, &question, path, pairs);
}
