/* Why: runs, as the API of Python begins and continues them (relive/_run.py). */
#include "mod_run.h"

#include "choice.h"
#include "folders.h"
#include "run.h"

#include "bytes.h"

/* Returns None, or NULL where the call has failed with an exception. */
static PyObject *none_unless(int failed)
{
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* open_run(path, run) */
static PyObject *open_run(PyObject *module, PyObject *args)
{
    PyObject *path, *run;
    (void)module;
    if (!PyArg_ParseTuple(args, "UO!", &path, &PyDict_Type, &run)) {
        return NULL;
    }
    return none_unless(run_open(path, run, 0));
}

/* join_run(run) */
static PyObject *join_run(PyObject *module, PyObject *run)
{
    (void)module;
    if (!PyDict_Check(run)) {
        PyErr_SetString(PyExc_TypeError, "a run is a dict");
        return NULL;
    }
    return none_unless(run_join(run, 0));
}

/* tell_children(): children join the run that was opened last. */
static PyObject *tell_children(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return none_unless(run_become_parent());
}

/* opened_run() -> the run that was opened last, or None */
static PyObject *opened_run(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *run = run_opened() != NULL ? run_opened() : Py_None;
    Py_INCREF(run);
    return run;
}

/* run_text(run) -> the text of RELIVE_RUN */
static PyObject *core_run_text(PyObject *module, PyObject *run)
{
    (void)module;
    return run_variable_text(run);
}

/* choose_backend(config, level) -> (name, reason) */
static PyObject *choose_backend(PyObject *module, PyObject *args)
{
    PyObject *config;
    const char *level;
    struct bytes_out reason = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "O!s", &PyDict_Type, &config, &level)) {
        return NULL;
    }
    const struct backend *backend = choice_make(config, level, &reason);
    PyObject *answer = NULL;
    if (backend != NULL) {
        answer = Py_BuildValue("(ss#)", backend->name, (const char *)reason.data,
                               (Py_ssize_t)reason.len);
    }
    bytes_out_fini(&reason);
    return answer;
}

/* library_folders() -> the folders of libraries */
static PyObject *library_folders(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return folders_of_libraries();
}

/* complain(text): one line on stderr */
static PyObject *core_complain(PyObject *module, PyObject *text)
{
    (void)module;
    run_complain("", text);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"open_run", open_run, METH_VARARGS, "Begins a recording of a run, into a new file."},
    {"join_run", join_run, METH_O, "Goes on in a file of its own beside the run's first one."},
    {"tell_children", tell_children, METH_NOARGS, "Children join the run that was opened last."},
    {"opened_run", opened_run, METH_NOARGS, "The run that was opened last, or None."},
    {"run_text", core_run_text, METH_O, "A run as the environment holds it."},
    {"choose_backend", choose_backend, METH_VARARGS, "Name of a backend for settings, and why."},
    {"library_folders", library_folders, METH_NOARGS, "Where code is that is not the program's."},
    {"complain", core_complain, METH_O, "One line on stderr, nothing in a forked child."},
    {NULL, NULL, 0, NULL},
};

int mod_run_add(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
