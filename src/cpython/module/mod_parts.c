/* Why: a recording of many tests is cut while it goes on (relive/testing).
 *
 *     restart()          what was recorded until now is dropped
 *     keep(path, meta)   what was recorded since then becomes a file of its own
 *
 * Invariant: keep() shows one moment. It keeps the GIL, so no thread records meanwhile.
 * Threads: under the GIL. */
#include "mod_parts.h"

#include "reader_object.h"
#include "refusal.h"
#include "restart.h"
#include "state.h"

#include "bytes.h"
#include "cut.h"
#include "reader_open.h"
#include "status.h"

/* Writes the recording that is on, as it is now, into a file. */
static rl_status keep_now(const struct cut_question *question, struct cut_result *result,
                          struct rl_err *err)
{
    struct reader *reader = NULL;
    if (recording.recorder == NULL) {
        return status_set(err, RL_USAGE, "nothing is being recorded");
    }
    os_lock_mutex(&recording.lock); /* no thread ends; those that run wait for the GIL */
    recorder_settle(recording.recorder);
    rl_status status = reader_open(recorder_path(recording.recorder), &reader, err);
    if (status == RL_OK) {
        status = cut_write(reader, question, result, err);
    }
    reader_close(reader);
    os_unlock_mutex(&recording.lock);
    return status;
}

/* keep(path, meta): the numbers of struct cut_result. `meta` is a list of pairs of texts. */
static PyObject *core_keep(PyObject *module, PyObject *args)
{
    struct cut_question question = {.is_whole = 1};
    struct cut_result result;
    struct bytes_out meta = {0};
    struct rl_err err = {0};
    PyObject *path = NULL, *pairs; /* path: owned */
    PyObject *answer = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O&O!", PyUnicode_FSConverter, &path, &PyList_Type, &pairs)) {
        return NULL;
    }
    if (reader_take_meta(pairs, &meta) == 0) {
        question.path = PyBytes_AS_STRING(path);
        question.meta = meta.data;
        question.meta_len = meta.len;
        rl_status status = keep_now(&question, &result, &err);
        answer = status == RL_OK ? reader_cut_result(&result) : refusal_raise(status, err.text);
    }
    bytes_out_fini(&meta);
    Py_DECREF(path);
    return answer;
}

/* restart(path): whether the ring of this path is being recorded, which begins again. */
static PyObject *core_restart(PyObject *module, PyObject *path)
{
    PyObject *bytes; /* owned */
    (void)module;
    if (!PyUnicode_FSConverter(path, &bytes)) {
        return NULL;
    }
    int is_ours = recording.recorder != NULL &&
                  strcmp(recorder_path(recording.recorder), PyBytes_AS_STRING(bytes)) == 0;
    Py_DECREF(bytes);
    return PyBool_FromLong(is_ours && recording_restart());
}

static PyMethodDef functions[] = {
    {"restart", core_restart, METH_O, "The ring of this path begins again, empty."},
    {"keep", core_keep, METH_VARARGS, "Writes the recording that is on into a file of its own."},
    {NULL, NULL, 0, NULL},
};

int mod_parts_add(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
